"""`settings/NAME/` of labels beside the tags, and the list of what values they have below `resource-types/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from psycopg import sql

from koku_core.access import Access
from koku_core.api.catalogues import listed
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.filters import bracketed, contains, id_list, one_of
from koku_core.api.paging import number, page
from koku_core.api.permissions import settings
from koku_core.declare.reports import Key
from koku_core.declare.trees import Labels
from koku_core.errors import InvalidInput
from koku_core.label_keys import LabelKeys
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.reports.conditions import Conditions, Values, all_of, pattern, raw
from koku_core.reports.resource_types import DEFAULT_LIMIT, MAX_LIMIT
from koku_core.summarize.tables import tag_table
from koku_core.validation import boolean, mapping

_ORDERS = ("enabled", "key", "uuid")
_DONE = {"PUT": 204}


def resources(plugins: Plugins) -> Iterator[Resource]:
    """The settings and lists that the loaded plugins declare."""
    for plugin in plugins:
        for labels in plugin.report_map.labels:
            base, parameters = (
                f"settings/{labels.settings}/",
                ("limit", "offset", "filter[key]", "filter[enabled]", "filter[uuid]"),
            )
            about = f"{labels.name} keys of {plugin.provider.label}"
            yield Resource(
                base, {"GET": partial(_list, plugin, labels)}, f"The {about}.", settings, parameters=parameters
            )
            for name, enabled in (("enable", True), ("disable", False)):
                put = {"PUT": partial(_enable, plugin, labels, enabled)}
                yield Resource(f"{base}{name}/", put, f"{name.capitalize()} {about}.", settings, done=_DONE)
            yield Resource(
                f"resource-types/{plugin.provider.api_path}-{labels.listed}/", {"GET": partial(_values, plugin, labels)},
                f"The {about}, with their values.", partial(_opened, plugin), bare=True,
                parameters=("limit", "search", "key_only", *labels.switches),
            )  # fmt: skip


def _keys(call: Call, plugin: ProviderPlugin, labels: Labels) -> LabelKeys:
    return LabelKeys(call.koku.handle, plugin.provider.family, labels.name)


def _list(plugin: ProviderPlugin, labels: Labels, call: Call) -> Reply:
    rows = _keys(call, plugin, labels).rows()
    given = bracketed(call.params, "filter", ("key", "uuid", "enabled"))
    on, uuids = boolean(given["enabled"][-1]) if given.get("enabled") else None, [r["uuid"] for r in rows]
    one_of("", given, "uuid", uuids)
    kept = [
        r for r in rows
        if contains(r["key"], given.get("key", ())) and on in (None, r["enabled"]) and one_of(r["uuid"], given, "uuid", uuids)
    ]  # fmt: skip
    for name, descending in reversed(_orders(call)):
        kept.sort(key=lambda r: r[name], reverse=descending)
    return listed(call, kept, shrink=False)


def _orders(call: Call) -> list[tuple[str, bool]]:
    """`order_by=-key` and `order_by[key]=desc`, as (name, descending)."""
    plain = [(v.removeprefix("-"), v.startswith("-")) for n, v in call.params if n == "order_by"]
    found = plain + [(n[9:-1], v == "desc") for n, v in call.params if n.startswith("order_by[") and n.endswith("]")]
    wrong = next(((n[9:-1], v) for n, v in call.params if n.startswith("order_by[") and v not in ("asc", "desc")), None)
    if wrong:
        raise InvalidInput([f"Invalid order_by parameter: { {wrong[0]: wrong[1]} }"])
    for name, _ in found:
        if name not in _ORDERS:
            raise InvalidInput([f"Cannot resolve keyword '{name}' into field. Choices are: {', '.join(_ORDERS)}"])
    return found


def _enable(plugin: ProviderPlugin, labels: Labels, enabled: bool, call: Call) -> Reply:
    """An empty list changes nothing, and is accepted."""
    if mapping(call.body).get("ids") != []:
        _keys(call, plugin, labels).enable(id_list(call.body), enabled=enabled)
    return Reply(status=204)


def _access(plugin: ProviderPlugin) -> list[Key]:
    """What restricts the lists: what restricts the tags."""
    tags = plugin.report_map.tags
    return [k for k in tags.keys if k.access] if tags else []


def _opened(plugin: ProviderPlugin, access: Access, method: str, args: Any) -> bool:
    del args
    first = _access(plugin)[:1]
    return access.admin or (method in ("GET", "HEAD", "OPTIONS") and all(access.values(k.access) for k in first))


def _values(plugin: ProviderPlugin, labels: Labels, call: Call) -> Reply:
    """Each key with its values; `offset` is no parameter of these lists, as clients know them."""
    given = dict(call.params)
    unknown = [n for n in given if n not in ("limit", "search", "key_only", *labels.switches)]
    if unknown:
        raise InvalidInput({n: [["Unsupported parameter"]] for n in unknown})
    limit = min(number(given.get("limit"), DEFAULT_LIMIT, 1), MAX_LIMIT)
    keys = _keys(call, plugin, labels).rows()
    there = _seen(plugin, labels, call, given)
    rows: list[Any] = [
        {"key": k["key"], "values": there[k["key"]], "enabled": str(k["enabled"])} for k in keys if k["key"] in there
    ]
    rows = [r["key"] for r in rows] if boolean(given.get("key_only")) else rows
    return Reply(page(call.path, call.query, rows[:limit], len(rows), most=MAX_LIMIT))


def _seen(plugin: ProviderPlugin, labels: Labels, call: Call, given: Mapping[str, str]) -> dict[str, list[str]]:
    """The values of each key, as far as the caller may see them; those last in the alphabet first, as clients know them."""
    table, values = tag_table(plugin.report_map.fact), Values()
    limits = {k: tuple(v) for k in _access(plugin) if (v := call.access.restriction(k.access))}
    found = [*Conditions(values).access(limits), sql.SQL("kind = {}").format(values.bind(labels.name))]
    found += [sql.SQL("key ILIKE {}").format(values.bind(pattern(given["search"])))] if given.get("search") else []
    found += [raw(where) for name, where in labels.switches.items() if boolean(given.get(name))]
    text = sql.SQL(
        'SELECT key, array_agg(DISTINCT value COLLATE "C" ORDER BY value COLLATE "C" DESC) FROM {} WHERE {} GROUP BY 1'
    )
    if not call.koku.handle.exists():
        return {}
    with call.koku.handle.connection() as conn:
        if conn.execute("SELECT to_regclass(quote_ident(%s))", (table,)).fetchone() == (None,):
            return {}
        return dict(conn.execute(text.format(sql.Identifier(table), all_of(found)), values.all).fetchall())
