"""`POST /api/ingress/v1/upload`: takes a payload, and answers when it is on durable storage."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, BinaryIO

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from koku_core.api.bodies import limited, media_type, too_large
from koku_core.api.endpoint import REQUEST_ID, Call, Reply, Resource
from koku_core.api.errors import HttpError, detail
from koku_core.api.permissions import uploads
from koku_core.api.wire import loads
from koku_core.errors import DatabaseUnavailable, LakeError, PayloadTooLarge
from koku_core.settings import Settings

#: What a multipart body holds beside the payload.
_FRAME = 64 * 1024


@dataclass(frozen=True, slots=True)
class Payload:
    """The part of the request that is the payload."""

    stream: BinaryIO
    media_type: str
    filename: str


async def _parse(request: Request, settings: Settings) -> Payload | None:
    """The payload, spooled to disk while it comes in; None: the sender only tries whether the address is right."""
    limit = settings.upload_limit_mib * 1024 * 1024
    try:
        if media_type(request.headers.get("content-type")) == "application/json":
            _check_probe(await limited(request, _FRAME).body())
            return None
        # the form's files stay open until the payload is kept: their temporary files go with them
        form = await limited(request, limit + _FRAME).form(max_files=10, max_fields=100)
    except (HTTPException, ClientDisconnect) as error:
        raise detail(400, "The body is not multipart/form-data.") from error
    part = next((p for name in ("file", "upload") if isinstance(p := form.get(name), UploadFile)), None)
    if part is None:
        await form.close()
        if form.get("test") == "test":
            return None
        raise detail(400, "The body has no part `file` or `upload`.")
    if (part.size or 0) > limit:
        await form.close()
        raise too_large(limit)
    for _, other in form.multi_items():
        if isinstance(other, UploadFile) and other is not part:
            await other.close()
    return Payload(part.file, media_type(part.content_type), part.filename or "payload")


def _check_probe(raw: bytes) -> None:
    try:
        found: Any = loads(raw)
    except ValueError:
        found = None
    if found != {"test": "test"}:
        raise detail(400, "The body has no part `file` or `upload`.")


def _accept(call: Call) -> Reply:
    if call.body is None:
        return Reply(status=200)
    with contextlib.closing(call.body.stream):
        return _kept(call, call.body)


def _kept(call: Call, payload: Payload) -> Reply:
    plugins = call.koku.services.plugins
    if plugins.by_upload(payload.media_type) is None:
        known = ", ".join(kind for p in plugins for kind in p.provider.uploads) or "none"
        raise detail(415, f"Unsupported media type {payload.media_type!r}. Supported: {known}.")
    try:
        accepted = call.koku.receive(payload.stream, payload.media_type, payload.filename)
    except PayloadTooLarge as error:
        raise detail(413, error.message) from error
    except (DatabaseUnavailable, LakeError, OSError) as error:
        raise unavailable() from error
    identity = call.identity
    call.koku.handle.note_account(identity.account_number if identity else None)
    account = (
        {"account_number": identity.account_number, "org_id": identity.tenant.removeprefix("org")} if identity else {}
    )
    return Reply({"request_id": accepted.request_id, "upload": account}, 202, {REQUEST_ID: accepted.request_id})


def unavailable() -> HttpError:
    """The storage cannot take the payload at the moment; the sender will try again."""
    return detail(503, "The payload cannot be stored at the moment. Send it again later.")


UPLOAD = Resource(
    "upload", {"POST": _accept}, "Accept a payload of a source that pushes its reports.", uploads, gate=False, parse=_parse, slash="never",
    csv=False,
)  # fmt: skip
