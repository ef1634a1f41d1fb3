"""`settings/tags/`: which label keys reports know, and which of them count as another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from koku_core.api import schemas
from koku_core.api.catalogues import listed
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError
from koku_core.api.filters import bracketed, contains, id_list, one_of
from koku_core.api.permissions import settings
from koku_core.errors import InvalidInput
from koku_core.plugins import Plugins
from koku_core.validation import REQUIRED, Problems, boolean, mapping, not_a_list, uuid_text

Rows = list[dict[str, Any]]
_ORDERS = ("child", "enabled", "key", "parent", "provider_type", "uuid")


def _shown(plugins: Plugins, row: dict[str, Any]) -> dict[str, Any]:
    """A key with its family as people write it."""
    plugin = plugins.by_family(row["family"])
    return {
        "uuid": row["uuid"], "key": row["key"], "enabled": row.get("enabled", True),
        "source_type": plugin.provider.family if plugin else row["family"],
    }  # fmt: skip


def _list(call: Call) -> Reply:
    rows = [_shown(call.koku.services.plugins, row) for row in call.koku.tags.rows()]
    enabled = sum(row["enabled"] for row in rows)
    reply = listed(call, _ordered(call, _filtered(call, rows)))
    counts = {"enabled_tags_count": enabled, "enabled_tags_limit": call.koku.services.settings.enabled_tag_limit}
    return Reply({**reply.body, "meta": {**reply.body["meta"], **counts}})


def _filtered(call: Call, rows: Rows) -> Rows:
    given = bracketed(call.params, "filter", ("key", "uuid", "enabled", "provider_type", "source_type"))
    on = boolean(given["enabled"][-1]) if given.get("enabled") else None
    uuids, types = [r["uuid"] for r in rows], [r["source_type"] for r in rows]
    _check(given, uuids, types)
    return [
        row for row in rows
        if contains(row["key"], given.get("key", ())) and on in (None, row["enabled"])
        and one_of(row["uuid"], given, "uuid", uuids)
        and all(one_of(row["source_type"], given, name, types) for name in ("provider_type", "source_type"))
    ]  # fmt: skip


def _check(given: dict[str, list[str]], uuids: list[str], types: list[str]) -> None:
    """Refuse values that are not there, also where there are no rows to compare with."""
    for name, there in (("uuid", uuids), ("provider_type", types), ("source_type", types)):
        one_of("", given, name, there)


def _ordered(call: Call, rows: Rows) -> Rows:
    """Enabled keys first within each family, else in the order that is asked for; equals stay in the order that they came in."""
    rows = sorted(rows, key=lambda r: (r["source_type"].casefold(), not r["enabled"]))
    for name, descending in reversed(_orders(call)):
        field = {"provider_type": "source_type"}.get(name, name)
        rows = sorted(rows, key=lambda r: _sortable(r.get(field)), reverse=descending)
    return rows


def _sortable(value: Any) -> tuple[str, str]:
    """Texts in any case, falsehood and what is missing first."""
    text = str(value) if value else ""
    return text.casefold(), text


def _orders(call: Call) -> list[tuple[str, bool]]:
    """`order_by=-key` and `order_by[key]=desc`, as (name, descending)."""
    found = []
    for written, value in call.params:
        name, descending = value.removeprefix("-"), value.startswith("-")
        if written.startswith("order_by[") and written.endswith("]"):
            name, descending = written[9:-1], value == "desc"
            if value not in ("asc", "desc"):
                raise InvalidInput([f"Invalid order_by parameter: { ({name: value}) }"])
        elif written != "order_by":
            continue
        if name not in _ORDERS:
            raise InvalidInput([f"Cannot resolve keyword '{name}' into field. Choices are: {', '.join(_ORDERS)}"])
        found.append((name, descending))
    return found


def _enable(call: Call) -> Reply:
    return _limited(lambda: call.koku.tags.enable_by_uuid(id_list(call.body)))


def _disable(call: Call) -> Reply:
    return _limited(lambda: call.koku.tags.disable_by_uuid(id_list(call.body)))


def _limited(change: Callable[[], Any]) -> Reply:
    """Make a change of which keys are enabled; what cannot be is answered as clients know it."""
    try:
        change()
    except InvalidInput as error:
        if isinstance(error.errors, dict) and ("limit" in error.errors or "ids" in error.errors):
            raise HttpError(412, {"error": error.message, **error.errors}) from error
        raise
    return Reply(status=204)


def _mapping_list(call: Call) -> Reply:
    given = bracketed(call.params, "filter", ("parent", "child", "source_type"))
    keys = call.koku.tag_mappings.rows()
    found = []
    for parent in (k for k in keys if k["is_parent"]):
        children = [k for k in keys if k["parent"] == parent["uuid"]]
        if _wanted(call, given, parent, children):
            found.append({"parent": _brief(call, parent), "children": [_brief(call, c) for c in children]})
    return listed(call, found)


def _wanted(
    call: Call, given: dict[str, list[str]], parent: dict[str, Any], children: Iterable[dict[str, Any]]
) -> bool:
    type_ = _brief(call, parent)["source_type"]
    return (
        contains(parent["key"], given.get("parent", ())) and any(contains(c["key"], given.get("child", ())) for c in children)
        and (not given.get("source_type") or type_ in given["source_type"])
    )  # fmt: skip


def _brief(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in _shown(call.koku.services.plugins, row).items() if k != "enabled"}


def _children(call: Call) -> Reply:
    return _candidates(call, [k for k in call.koku.tag_mappings.rows() if not k["parent"] and not k["is_parent"]])


def _parents(call: Call) -> Reply:
    return _candidates(call, [k for k in call.koku.tag_mappings.rows() if not k["parent"]])


def _candidates(call: Call, keys: Rows) -> Reply:
    given = bracketed(call.params, "filter", ("key", "source_type"))
    rows = [_brief(call, k) | {"cost_model_id": k["cost_model_id"]} for k in keys]
    types = given.get("source_type", [])
    return listed(
        call, [r for r in rows if contains(r["key"], given.get("key", ())) and (not types or r["source_type"] in types)]
    )


def _add(call: Call) -> Reply:
    body, problems = mapping(call.body), Problems()
    parent, children = body.get("parent"), body.get("children")
    for name, value in (("parent", parent), ("children", children)):
        if value is None:
            problems.add(name, REQUIRED)
    if parent is not None and uuid_text(parent) is None:
        problems.add("parent", "Must be a valid UUID.")
    if children is not None and not isinstance(children, list):
        problems.add("children", not_a_list(children))
    for place, child in enumerate(children if isinstance(children, list) else ()):
        if uuid_text(child) is None:
            problems.add(f"children.{place}", "Must be a valid UUID.")
    problems.check()
    call.koku.tag_mappings.add(
        uuid_text(parent) or "", [uuid for child in children or () if (uuid := uuid_text(child))]
    )
    return Reply(status=204)


def _remove_children(call: Call) -> Reply:
    return _removed(call.koku.tag_mappings.remove_children, call, "Invalid children UUIDs.")


def _remove_parents(call: Call) -> Reply:
    return _removed(call.koku.tag_mappings.remove_parents, call, "Invalid parents UUIDs.")


def _removed(remove: Callable[[list[str]], Any], call: Call, refusal: str) -> Reply:
    uuids = id_list(call.body)
    try:
        remove(uuids)
    except InvalidInput as error:
        raise HttpError(400, {"detail": refusal}) from error
    return Reply(status=204)


_PAGE = ("limit", "offset")
_DONE, _REFUSED = {"PUT": 204}, {"type": "object"}
RESOURCES = (
    Resource("settings/tags/", {"GET": _list}, "The label keys that have been seen.", settings, parameters=(
        *_PAGE, "filter[key]", "filter[uuid]", "filter[enabled]", "filter[source_type]", "order_by[key]", "order_by[enabled]"),
             gives=schemas.TAG_KEY),
    Resource("settings/tags/enable/", {"PUT": _enable}, "Let reports know label keys.", settings, done=_DONE, takes=schemas.IDS),
    Resource("settings/tags/disable/", {"PUT": _disable}, "Let reports forget label keys.", settings, done=_DONE, takes=schemas.IDS),
    Resource("settings/tags/mappings/", {"GET": _mapping_list}, "Label keys that count as others.", settings, parameters=(
        *_PAGE, "filter[parent]", "filter[child]", "filter[source_type]"), gives=schemas.MAPPING),
    Resource("settings/tags/mappings/child/", {"GET": _children}, "Label keys that can be mapped to another.", settings,
             parameters=(*_PAGE, "filter[key]", "filter[source_type]"), gives=schemas.CANDIDATE),
    Resource("settings/tags/mappings/parent/", {"GET": _parents}, "Label keys that others can be mapped to.", settings,
             parameters=(*_PAGE, "filter[key]", "filter[source_type]"), gives=schemas.CANDIDATE),
    Resource("settings/tags/mappings/child/add/", {"PUT": _add}, "Map label keys to another.", settings,
             done=_DONE, refused=_REFUSED, takes=schemas.MAPPING_BODY),
    Resource("settings/tags/mappings/child/remove/", {"PUT": _remove_children}, "Take label keys from their parents.", settings,
             done=_DONE, refused=_REFUSED, takes=schemas.IDS),
    Resource("settings/tags/mappings/parent/remove/", {"PUT": _remove_parents}, "Take all children from parents.", settings,
             done=_DONE, refused=_REFUSED, takes=schemas.IDS),
)  # fmt: skip
