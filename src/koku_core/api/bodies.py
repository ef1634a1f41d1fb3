"""Reads request bodies: JSON or a form, no larger than it may be."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio.to_thread
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from koku_core.api import wire
from koku_core.api.errors import HttpError, detail
from koku_core.settings import Settings

BODY_LIMIT = 10 * 1024 * 1024
#: A body that takes long enough to parse that others should not have to wait for it.
_LARGE = 100 * 1024


class LimitedRequest(Request):
    """A request whose body may not be larger than `limit` bytes."""

    limit = BODY_LIMIT

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body in pieces.

        Raises:
            HttpError: 413, as soon as it is too large.
        """
        if int(self.headers.get("content-length") or 0) > self.limit:
            raise too_large(self.limit)
        seen = 0
        async for piece in super().stream():
            seen += len(piece)
            if seen > self.limit:
                raise too_large(self.limit)
            yield piece


def too_large(limit: int) -> HttpError:
    """The body is larger than may be."""
    return detail(413, f"The request body is larger than {limit // 1024 // 1024} MiB.")


def limited(request: Request, limit: int) -> LimitedRequest:
    """The same request with a limit on its body."""
    made = LimitedRequest(request.scope, request.receive)
    made.limit = limit
    return made


def media_type(header: str | None) -> str:
    """A content type without its parameters, in lower case."""
    return (header or "").split(";")[0].strip().lower()


async def read_body(request: Request, settings: Settings) -> Any:
    """The body of a request that changes something: JSON, or a form as a dictionary of texts. No body is an empty object."""
    del settings
    kind = media_type(request.headers.get("content-type"))
    small = limited(request, BODY_LIMIT)
    try:
        if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
            return await _form(small)
        raw = await small.body()
    except ClientDisconnect as error:
        raise detail(400, "The client went away.") from error
    if not raw.strip():
        return {}
    if kind not in ("application/json", ""):
        raise detail(415, f'Unsupported media type "{kind}" in request.')
    try:
        return await anyio.to_thread.run_sync(wire.loads, raw) if len(raw) > _LARGE else wire.loads(raw)
    except ValueError as error:
        raise detail(400, f"JSON parse error - {error}") from error


async def _form(request: LimitedRequest) -> dict[str, Any]:
    try:
        async with request.form(max_files=1, max_fields=200) as form:
            return {k: v for k, v in form.multi_items() if not isinstance(v, UploadFile) and "\x00" not in v}
    except (HTTPException, ValueError) as error:
        raise detail(400, f"Form parse error - {error}") from error
