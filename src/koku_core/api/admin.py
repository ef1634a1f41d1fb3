"""`create_admin_app`: calls of whoever runs the service. It asks nobody who they are, so it belongs on a port of its own, on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from starlette.applications import Starlette
from starlette.routing import Route

from koku_core.api import metrics
from koku_core.api.catalogues import STATUS
from koku_core.api.endpoint import Call, Endpoint, Reply, Resource
from koku_core.api.errors import HttpError
from koku_core.api.paths import BASE
from koku_core.errors import InvalidInput
from koku_core.validation import REQUIRED, Problems, mapping, not_a_list, text

if TYPE_CHECKING:
    from koku_core.koku import Koku

ACTIONS = ("create", "delete")


def create_admin_app(koku: Koku) -> Starlette:
    """The administration calls, for all tenants.

    Args:
        koku: the library; each call names the tenant that it is about.
    """
    limiter = anyio.CapacityLimiter(koku.services.settings.pool_size)
    calls = [Route(BASE + r.path, Endpoint(r, koku, None, limiter)) for r in (STATUS, ENABLED_TAGS)]
    return Starlette(routes=[*calls, metrics.route(koku, limiter)])


def _enabled_tags(call: Call) -> Reply:
    """Enable (`create`) or disable (`delete`) tag keys, whether they have been seen yet or not."""
    schema, action, keys, family = _validated(call)
    tags = call.koku.tenant(schema).tags
    try:
        jobs = tags.enable(family, keys) if action == "create" else tags.disable(family, keys)
    except InvalidInput as error:
        if not isinstance(error.errors, dict) or "limit" not in error.errors:
            raise
        raise HttpError(412, {"error": error.message, **error.errors}) from error
    return Reply({"jobs": jobs})


def _validated(call: Call) -> tuple[str, str, list[str], str]:
    body, problems = mapping(call.body), Problems()
    schema = text(body, "schema", problems, limit=51, blank=False) or ""
    action = text(body, "action", problems, limit=20) or ""
    family = text(body, "provider_type", problems, limit=50) or ""
    keys = _keys(body.get("tag_keys"), problems)
    if action and action not in ACTIONS:
        problems.add("action", f'"{action}" is not a valid choice. Choices are {", ".join(ACTIONS)}.')
    plugins = call.koku.services.plugins
    plugin = plugins.by_family(family)
    if family and plugin is None:
        known = ", ".join(p.provider.family for p in plugins) or "none"
        problems.add("provider_type", f'"{family}" is not a valid choice. Choices are {known}.')
    problems.check()
    return schema, action, keys, plugin.provider.family if plugin else ""


def _keys(given: Any, problems: Problems) -> list[str]:
    if given is None:
        problems.add("tag_keys", REQUIRED)
    elif not isinstance(given, list):
        problems.add("tag_keys", not_a_list(given))
    elif not all(isinstance(k, str) and k for k in given):
        problems.add("tag_keys", "Every key must be a text that is not empty.")
    else:
        return given
    return []


ENABLED_TAGS = Resource(
    "enabled_tags/", {"POST": _enabled_tags}, "Enable or disable tag keys of a tenant.", public=True, csv=False
)
