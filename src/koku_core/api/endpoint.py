"""One resource of the API: who may call it, how its answer is made in a thread, and how every error becomes an answer.

A handler is a plain function from a `Call` to a `Reply`. It runs in a bounded thread pool, since the library below is synchronous.
"""

from __future__ import annotations

import inspect
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from koku_core import observability
from koku_core.access import Access, Identity
from koku_core.api import wire
from koku_core.api.bodies import read_body
from koku_core.api.errors import NoAccess, NotIdentified, detail, forbidden
from koku_core.api.failures import failure
from koku_core.api.identity import Identify
from koku_core.api.paths import BASE
from koku_core.errors import InvalidInput
from koku_core.observability.requests import REQUESTS

if TYPE_CHECKING:
    from koku_core.koku import Koku

log = observability.logger("koku.api")
T = TypeVar("T")
REQUEST_ID = "x-rh-insights-request-id"
SAFE = ("GET", "HEAD", "OPTIONS")
JSON, CSV, NDJSON = "application/json", "text/csv", "application/x-ndjson"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it.

    Attributes:
        koku: the library, for the caller's tenant.
        identity: who is asking; None only where nobody need be known.
        path: as the client sees it, with what the app is mounted at.
        base: what the API's paths begin with, likewise.
        query: the raw query string.
        args: what the path holds (`uuid`, `key`).
        body: the parsed body: JSON, or what an own `parse` made of it.
        csv: CSV is wanted.
        ndjson: JSON objects are wanted, one a line.
        known: ETags of answers that the client has.
    """

    koku: Koku
    identity: Identity | None
    method: str
    path: str
    base: str
    query: str
    args: Mapping[str, str]
    body: Any = None
    csv: bool = False
    known: tuple[str, ...] = ()
    ndjson: bool = False

    @property
    def access(self) -> Access:
        """What the caller may see and change."""
        return self.identity.access if self.identity else Access()

    @property
    def params(self) -> list[tuple[str, str]]:
        """The query string's parameters in order."""
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a JSON body, or text in pieces."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    text: Iterator[str] | None = None
    media_type: str = "text/csv; charset=utf-8"


Handler = Callable[[Call], Reply]
Allowed = Callable[[Access, str, Mapping[str, str]], bool]


def anybody(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """Everybody who is known may call it."""
    del access, method, args
    return True


@dataclass(frozen=True, slots=True)
class Resource:
    """A path of the API and what answers there.

    Attributes:
        path: below the API's base, with `{name}` for what varies.
        methods: the handler of each verb.
        doc: what it is, for OpenAPI.
        allowed: whether an access may use a verb.
        public: nobody need be identified.
        gate: somebody without access to anything is turned away at once.
        bare: invalid input is answered by the bare tree of messages (reports, tags), not by the `errors` list.
        slash: `always`, `never` or `both`: whether the path ends in one.
        parse: reads the body; default: JSON or a form.
        parameters: what the query string may hold, for OpenAPI.
        described: what OpenAPI says of GET beyond that.
        csv: it can also be had as CSV.
        ndjson: it can also be had as JSON objects, one a line.
        done: the status of verbs that do not answer 200 (POST 201, DELETE 204) when all is well, for OpenAPI.
        refused: the schema of a 400, for OpenAPI; default: the `errors` list, or with `bare` any object.
        takes: the schema of bodies, for OpenAPI.
        gives: the schema of what is answered when all is well, for OpenAPI; of a list in pages, that of a row.
    """

    path: str
    methods: Mapping[str, Handler]
    doc: str
    allowed: Allowed = anybody
    public: bool = False
    gate: bool = True
    bare: bool = False
    slash: str = "always"
    parse: Callable[[Request, Any], Any] = read_body
    parameters: tuple[str, ...] = ()
    described: Mapping[str, Any] = field(default_factory=dict)
    csv: bool = True
    ndjson: bool = False
    done: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, Any] | None = None
    takes: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    gives: Mapping[str, Any] = field(default_factory=dict)


class Endpoint:
    """A resource as an ASGI application."""

    def __init__(
        self, resource: Resource, koku: Koku, identify: Identify | None, limiter: anyio.CapacityLimiter
    ) -> None:
        self.resource = resource
        self._koku = koku
        self._identify = identify
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        given = request.headers.get(REQUEST_ID, "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        with observability.scope(request_id=request_id):
            began = time.perf_counter()
            response = await self._answer(request, request_id)
            response.headers.setdefault(REQUEST_ID, request_id)
            if request.method == "HEAD":
                response = Response(status_code=response.status_code, headers=dict(response.headers))
            await response(scope, receive, send)
            self._tell(request, response.status_code, time.perf_counter() - began)

    def _tell(self, request: Request, status: int, seconds: float) -> None:
        """Log and count an answer; never its query, body or headers, which may hold secrets."""
        REQUESTS.add(request.method, self.resource.path, status, seconds)
        facts = {
            "method": request.method,
            "path": request.scope["path"],
            "status": status,
            "seconds": round(seconds, 4),
            "tenant": getattr(request.state, "tenant", None),
        }
        log.info("answered", extra=facts)

    async def _answer(self, request: Request, request_id: str) -> Response:
        csv = "text/csv" in request.headers.get("accept", "")
        try:
            return await self._handled(request, request_id)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is an answer
            return failure(error, request, request_id, bare=self.resource.bare, csv=csv and self.resource.csv)

    async def _handled(self, request: Request, request_id: str) -> Response:
        identity = await self._identity(request)
        request.state.tenant = identity.tenant if identity else None
        koku = self._of(identity)
        wanted = self._negotiated(request)
        method, args = request.method, request.path_params
        if identity and not self.resource.allowed(identity.access, method, args):
            raise forbidden()
        if method == "OPTIONS":
            return self._options()
        handler = self.resource.methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise detail(405, f'Method "{method}" not allowed.')
        body = None if method in SAFE else await self.resource.parse(request, self._koku.services.settings)
        call = Call(
            koku, identity, method, request.scope["path"], request.scope.get("root_path", "") + BASE,
            request.scope["query_string"].decode("latin-1"), args, body, wanted == CSV, _known(request),
            wanted == NDJSON,
        )  # fmt: skip
        if "%00" in call.query or "\x00" in call.path:
            raise InvalidInput({"error": ["Null characters are not allowed."]})
        return await self._run(partial(self._respond, handler, call, request))

    async def _identity(self, request: Request) -> Identity | None:
        if self.resource.public or self._identify is None:
            return None
        if inspect.iscoroutinefunction(self._identify):
            identity: Identity = await self._identify(request)
        else:
            identity = await self._run(partial(cast(Callable[[Request], Identity], self._identify), request))
        if self.resource.gate and not identity.access.admin and not identity.access.lists:
            raise NoAccess("no permission at all")
        return identity

    def _of(self, identity: Identity | None) -> Koku:
        """The library for the caller's tenant."""
        if identity is None:
            return self._koku
        try:
            return self._koku.tenant(identity.tenant)
        except InvalidInput as error:
            raise NotIdentified(f"{identity.tenant!r} cannot be a tenant's name") from error

    async def _run(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    def _negotiated(self, request: Request) -> str:
        """The kind of answer that is wanted; JSON is preferred where others will do too."""
        accepted = [part.split(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
        if any(a in (JSON, "*/*", "application/*", "") for a in accepted):
            return JSON
        if self.resource.csv and any(a in (CSV, "text/*") for a in accepted):
            return CSV
        if self.resource.ndjson and NDJSON in accepted:
            return NDJSON
        raise detail(406, "Could not satisfy the request Accept header.")

    def _options(self) -> Response:
        kinds = [JSON, *([CSV] if self.resource.csv else []), *([NDJSON] if self.resource.ndjson else [])]
        parses = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
        body = {"name": self.resource.path, "description": self.resource.doc, "renders": kinds, "parses": parses}
        return Response(wire.dumps(body), media_type="application/json", headers={"Allow": self.verbs()})

    def verbs(self) -> str:
        """The `Allow` header."""
        own = set(self.resource.methods) | ({"HEAD"} if "GET" in self.resource.methods else set())
        return ", ".join([*sorted(own), "OPTIONS"])

    def _respond(self, handler: Handler, call: Call, request: Request) -> Response:
        """Call the handler and make its answer; runs in a thread."""
        reply = handler(call)
        headers = {
            "Vary": "x-rh-identity, Authorization, Accept",
            "Cache-Control": "private, no-cache",
            "Allow": self.verbs(),
            **reply.headers,
        }
        if reply.text is not None:
            return self._streamed(reply, request, headers)
        raw, kind = _rendered(reply, call)
        tag = reply.etag or (wire.etag_of(raw) if raw and call.method in SAFE and reply.status == 200 else "")
        if tag:
            headers["ETag"] = tag
            if tag.strip('"') in _known(request):
                return Response(status_code=304, headers=headers)
        return Response(raw, reply.status, headers, kind)

    def _streamed(self, reply: Reply, request: Request, headers: dict[str, str]) -> Response:
        if reply.etag:
            headers["ETag"] = reply.etag
            if reply.etag.strip('"') in _known(request):
                return Response(status_code=304, headers=headers)
        assert reply.text is not None  # noqa: S101 - the caller's condition
        return StreamingResponse(self._pieces(reply.text), reply.status, headers, reply.media_type)

    async def _pieces(self, text: Iterator[str]) -> AsyncIterator[str]:
        """The pieces of a text, made in a thread, each large enough to be worth the way there."""
        while piece := await self._run(partial(_some, text)):
            yield piece


def _some(text: Iterator[str]) -> str:
    """The next 64 thousand characters, or what is left."""
    taken, size = [], 0
    for piece in text:
        taken.append(piece)
        size += len(piece)
        if size >= 65536:
            break
    return "".join(taken)


def _rendered(reply: Reply, call: Call) -> tuple[bytes, str | None]:
    if reply.body is None:
        return b"", None
    if not call.csv:
        return wire.dumps(reply.body), "application/json"
    rows = reply.body.get("data", []) if isinstance(reply.body, Mapping) else reply.body
    return wire.table(rows if isinstance(rows, list) else [rows]).encode(), "text/csv; charset=utf-8"


def _known(request: Request) -> tuple[str, ...]:
    """The ETags of `If-None-Match`, without quotes."""
    given = request.headers.get("if-none-match", "").split(",")
    return tuple(t.strip().removeprefix("W/").strip('"') for t in given if t.strip())
