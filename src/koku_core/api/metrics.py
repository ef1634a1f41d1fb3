"""`/metrics` for Prometheus, on the port of the administration calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from koku_core.errors import DatabaseUnavailable
from koku_core.observability.metrics import MEDIA_TYPE, exposition

if TYPE_CHECKING:
    import anyio

    from koku_core.koku import Koku


def route(koku: Koku, limiter: anyio.CapacityLimiter) -> Route:
    """The path `/metrics`; without the extra `metrics` it says how to get it."""

    async def metrics(request: Request) -> Response:
        del request
        try:
            found = await anyio.to_thread.run_sync(exposition, koku.services.system, limiter=limiter)
        except ModuleNotFoundError as error:
            return PlainTextResponse(f"This needs {error.name}: pip install 'koku-core[metrics]'\n", 501)
        except DatabaseUnavailable as error:
            return PlainTextResponse(f"{error.message}\n", 503)
        return Response(found, media_type=MEDIA_TYPE)

    return Route("/metrics", metrics)
