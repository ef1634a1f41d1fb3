"""`create_app`: the REST API as a Starlette app, below `/api/cost-management/v1/`, and the upload URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from koku_core.accounts import Accounts
from koku_core.api import (
    account,
    catalogues,
    cost_groups,
    cost_models,
    currency,
    ingress,
    jobs,
    label_settings,
    line_items,
    onprem,
    openapi,
    operator_sources,
    organizations,
    price_lists,
    reports,
    resource_types,
    sources,
    tag_settings,
    token,
    user_access,
)
from koku_core.api.doorkeeper import Doorkeeper, default_identity
from koku_core.api.endpoint import SAFE, Endpoint, Resource
from koku_core.api.errors import NOT_FOUND_PAGE, HttpError
from koku_core.api.identity import Identify
from koku_core.api.paths import AUTH_BASE, BASE, SOURCES_BASE, UPLOAD_BASE
from koku_core.api.upload import UPLOAD

if TYPE_CHECKING:
    from koku_core.koku import Koku


def create_app(koku: Koku, *, identify: Identify | None = None) -> Starlette:
    """The API of all tenants, to be served or mounted under a prefix.

    Args:
        koku: the library; its own tenant is of no account, each request works on its caller's.
        identify: who is asking: from a Starlette request to an `Identity`, plain or async; raises `NotIdentified` (401) or
            `NoAccess` (403). Default: the `x-rh-identity` header, which is trusted (`KOKU_TRUST_IDENTITY_HEADER`): let only a gateway
            reach the app; without it, an account.
    """
    limiter = anyio.CapacityLimiter(koku.services.settings.pool_size)
    doorkeeper = Doorkeeper(Accounts(koku.services.system))
    who = identify or default_identity(koku.services, doorkeeper)
    described = list(resources(koku))
    routes: list[Route] = []
    for resource in [*described, openapi.resource(described)]:
        endpoint = Endpoint(resource, koku, who, limiter)
        routes += [Route(BASE + path, endpoint) for path in _paths(resource)]
    beside = [(UPLOAD_BASE, UPLOAD), (AUTH_BASE, token.resource(doorkeeper))]
    for base, resource in [*beside, *((SOURCES_BASE, r) for r in operator_sources.RESOURCES)]:
        routes.append(Route(base + resource.path, Endpoint(resource, koku, who, limiter)))
    rest = Resource("{rest:path}", {}, "What is not there.", gate=False)
    routes.append(Route(BASE + "{rest:path}", _Rest(rest, koku, who, limiter, routes)))
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return app


def resources(koku: Koku) -> Iterator[Resource]:
    """Every resource below the base: those of the core, and those that follow from the loaded plugins."""
    yield from catalogues.resources(koku.services.plugins)
    yield from reports.resources(koku.services.plugins)
    yield from line_items.resources(koku.services.plugins)
    yield from resource_types.resources(koku.services.plugins)
    yield from label_settings.resources(koku.services.plugins)
    yield from organizations.resources(koku.services.plugins)
    yield from sources.choices(koku.services.plugins)  # before sources by number
    for module in (
        user_access, account, tag_settings, cost_groups, currency, sources, onprem, cost_models, price_lists, ingress,
        jobs,
    ):  # fmt: skip
        yield from module.RESOURCES


def _paths(resource: Resource) -> list[str]:
    bare = resource.path.rstrip("/")
    return {"always": [bare + "/"], "never": [bare], "both": [bare + "/", bare]}[resource.slash]


class _Rest(Endpoint):
    """Everything below the base that is no resource: a redirect if a slash is all that is missing, else a page that says so."""

    def __init__(
        self, resource: Resource, koku: Koku, who: Identify, limiter: anyio.CapacityLimiter, routes: Iterable[Route]
    ) -> None:
        super().__init__(resource, koku, who, limiter)
        self._routes = tuple(routes)

    async def _handled(self, request: Request, request_id: str) -> Response:
        await self._identity(request)
        path = request.scope["path"]
        if request.method in SAFE and not path.endswith("/") and self._is_route({**request.scope, "path": path + "/"}):
            query = request.url.query
            return RedirectResponse(path + "/" + (f"?{query}" if query else ""), 301)
        raise HttpError(404, page=NOT_FOUND_PAGE)

    def _is_route(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] != Match.NONE for route in self._routes)
