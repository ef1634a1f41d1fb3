"""`resource-types/`: what the tenant has that access can be limited to and reports can be asked about."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from koku_core.access import Access
from koku_core.api.catalogues import listed
from koku_core.api.endpoint import Allowed, Call, Reply, Resource
from koku_core.api.paging import number, page
from koku_core.api.permissions import cost_models
from koku_core.declare.reports import ResourceType
from koku_core.errors import InvalidInput
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.reports.resource_types import DEFAULT_LIMIT, MAX_LIMIT, Listing, Wanted, listing, opened
from koku_core.validation import boolean

ONE_SWITCH = "Only one cloud provider parameter can be supplied at a time."


def resources(plugins: Plugins) -> Iterator[Resource]:
    """The lists of the loaded plugins, that of cost models, and the list of lists."""
    yield Resource("resource-types/", {"GET": _root}, "What access can be limited to, and how much of it there is.")
    for plugin in plugins:
        for kind in plugin.report_map.resource_types:
            yield _resource(plugin, kind)
    yield Resource(
        "resource-types/cost-models/", {"GET": _cost_models}, "The cost models that the caller may see.", cost_models,
        bare=True, parameters=("limit", "search"),
    )  # fmt: skip


def path(plugin: ProviderPlugin, kind: ResourceType) -> str:
    """Where a list is, below the API's base."""
    return f"resource-types/{plugin.provider.api_path}-{kind.name}/"


def _resource(plugin: ProviderPlugin, kind: ResourceType) -> Resource:
    parameters = ("limit", "search", *kind.switches, *(k.name for k in kind.narrowing))
    return Resource(
        path(plugin, kind), {"GET": partial(_list, plugin, kind)}, f"The {kind.name} of {plugin.provider.label}.",
        _opened(kind), bare=True, parameters=parameters,
    )  # fmt: skip


def _opened(kind: ResourceType) -> Allowed:
    def allowed(access: Access, method: str, args: Any) -> bool:
        del args
        return opened(access, kind) and (access.admin or method in ("GET", "HEAD", "OPTIONS"))

    return allowed


def _list(plugin: ProviderPlugin, kind: ResourceType, call: Call) -> Reply:
    wanted = _wanted(call, kind)
    found = listing(call.koku.handle, plugin.report_map.fact, kind, call.access, wanted)
    return Reply(page(call.path, call.query, _rows(kind, found), found.count, most=MAX_LIMIT))


def _rows(kind: ResourceType, found: Listing) -> list[dict[str, Any]]:
    if kind.alias is None:
        return [{"value": value} for value, _ in found.rows]
    return [{kind.alias[0]: alias, "value": value} for value, alias in found.rows]


def _wanted(call: Call, kind: ResourceType) -> Wanted:
    """What the query string asks for; `offset` is no parameter of these lists, as clients know them."""
    known = {"limit", "search", *kind.switches, *(k.name for k in kind.narrowing)}
    _refuse_unknown(call, known)
    given = dict(call.params)
    switched = [name for name in kind.switches if boolean(given.get(name))]
    if len(switched) > 1:
        raise InvalidInput({name: [[ONE_SWITCH]] for name in switched})
    narrowing = {k.name: given[k.name] for k in kind.narrowing if given.get(k.name)}
    return Wanted(given.get("search", ""), switched, narrowing, _limit(call))


def _limit(call: Call) -> int:
    return min(number(dict(call.params).get("limit"), DEFAULT_LIMIT, 1), MAX_LIMIT)


def _refuse_unknown(call: Call, known: set[str]) -> None:
    unknown = [name for name, _ in call.params if name not in known]
    if unknown:
        raise InvalidInput({name: [["Unsupported parameter"]] for name in unknown})


def _cost_models(call: Call) -> Reply:
    _refuse_unknown(call, {"limit", "search"})
    wanted = dict(call.params).get("search", "").casefold()
    found = [v for v in _cost_model_values(call) if wanted in v.casefold()]
    return Reply(page(call.path, call.query, [{"value": v} for v in found[: _limit(call)]], len(found), most=MAX_LIMIT))


def _cost_model_values(call: Call) -> list[str]:
    """The cost models that the caller may see, by name."""
    limited = call.access.restriction("cost_model")
    models = [m for m in call.koku.cost_models.list() if limited is None or m["uuid"] in limited]
    return [f"{m['uuid']} ({m['name']})" for m in sorted(models, key=lambda m: (m["name"].casefold(), m["uuid"]))]


def _root(call: Call) -> Reply:
    """All lists with their number of rows, as far as the caller sees them; what is not loaded has none."""
    rows = [row for rows in _families(call).values() for row in rows]
    rows.append({
        "value": "cost_model", "path": f"{call.base}resource-types/cost-models/", "count": len(_cost_model_values(call)),
    })  # fmt: skip
    return listed(call, [*rows, {"value": "settings", "count": 1}], shrink=False, whole=True)


def _families(call: Call) -> dict[str, list[dict[str, Any]]]:
    """The rows of each family, loaded or asked after beside a loaded one, in the order that providers give them."""
    plugins = call.koku.services.plugins
    found = {
        b.family: [{"value": n, "path": f"{call.base}resource-types/{p}/", "count": 0} for n, p in b.resources.items()]
        for plugin in plugins for b in plugin.provider.beside
    }  # fmt: skip
    for plugin in plugins:
        kinds = [k for k in plugin.report_map.resource_types if k.counted]
        found[plugin.provider.family] = [_counted(call, plugin, kind) for kind in kinds]
    return found


def _counted(call: Call, plugin: ProviderPlugin, kind: ResourceType) -> dict[str, Any]:
    count = 0
    if opened(call.access, kind):
        count = listing(call.koku.handle, plugin.report_map.fact, kind, call.access, Wanted(limit=1)).count
    return {"value": kind.key.access, "path": call.base + path(plugin, kind), "count": count}
