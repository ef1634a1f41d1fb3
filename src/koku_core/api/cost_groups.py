"""`settings/cost-groups/`: which projects belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from koku_core.api import schemas
from koku_core.api.catalogues import listed
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.filters import contains
from koku_core.api.permissions import settings
from koku_core.errors import InvalidInput
from koku_core.reports import fields
from koku_core.reports.fields import UNSUPPORTED, checked
from koku_core.reports.query import parse
from koku_core.validation import WHOLE, Problems, not_a_list, not_a_mapping, text

_NAMES = ("project", "group", "cluster")
_ORDERS = ("project", "group", "default")
_LIMIT = 1000


def _list(call: Call) -> Reply:
    asked = parse(call.query)
    unknown = {n: [UNSUPPORTED] for n in asked if n not in ("filter", "exclude", "order_by", "limit", "offset")}
    if unknown:
        raise InvalidInput(unknown)
    errors: dict[str, Any] = {}
    filters, excludes = (_conditions(asked.get(name, {}), name, errors) for name in ("filter", "exclude"))
    orders = _orders(asked.get("order_by", {}), errors)
    if errors:
        raise InvalidInput(errors)
    rows = [row for row in call.koku.cost_groups.rows() if _all(row, filters) and not _any(row, excludes)]
    for name, descending in reversed(orders):
        rows.sort(key=lambda row: str(row[name] if row[name] is not None else ""), reverse=descending)
    return listed(call, rows)


def _conditions(given: Any, where: str, errors: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(given, dict):
        errors[where] = {WHOLE: [f"Invalid data. Expected a dictionary, but got {type(given).__name__}."]}
        return {}
    wrong: dict[str, Any] = {name: [UNSUPPORTED] for name in given if name not in (*_NAMES, "default")}
    found = {name: checked(wrong, name, fields.texts, given[name]) for name in _NAMES if name in given}
    if "default" in given:
        found["default"] = checked(wrong, "default", fields.boolean, given["default"])  # type: ignore[assignment]
    if wrong:
        errors[where] = wrong
    return found


def _orders(given: Any, errors: dict[str, Any]) -> list[tuple[str, bool]]:
    if not isinstance(given, dict):
        errors["order_by"] = {WHOLE: [f"Invalid data. Expected a dictionary, but got {type(given).__name__}."]}
        return []
    wrong: dict[str, Any] = {name: [UNSUPPORTED] for name in given if name not in _ORDERS}
    found = [
        (n, checked(wrong, n, fields.choice, v, ("asc", "desc")) == "desc") for n, v in given.items() if n in _ORDERS
    ]
    if wrong:
        errors["order_by"] = wrong
    return found


def _matches(row: dict[str, Any], name: str, wanted: Any) -> bool:
    if name == "default":
        return bool(row["default"]) is wanted
    if name == "cluster":
        return any(contains(cluster, wanted) for cluster in row["clusters"])
    return row[name] is not None and contains(row[name], wanted)


def _all(row: dict[str, Any], conditions: dict[str, Any]) -> bool:
    return all(_matches(row, name, wanted) for name, wanted in conditions.items())


def _any(row: dict[str, Any], conditions: dict[str, Any]) -> bool:
    return any(_matches(row, name, wanted) for name, wanted in conditions.items())


def _assignments(body: Any) -> Sequence[tuple[str, str]]:
    """The projects and groups of a body `[{"project", "group"}]`."""
    problems = Problems()
    if not isinstance(body, list):
        problems.add(WHOLE, not_a_list(body))
    found = []
    for item in body if isinstance(body, list) else ():
        if not isinstance(item, dict):
            problems.add(WHOLE, not_a_mapping(item))
            continue
        project, group = (text(item, n, problems, limit=_LIMIT, blank=False) for n in ("project", "group"))
        found.append((project or "", group or ""))
    problems.check()
    return found


def _add(call: Call) -> Reply:
    return _changed(call, call.koku.cost_groups.add)


def _remove(call: Call) -> Reply:
    return _changed(call, call.koku.cost_groups.remove)


def _changed(call: Call, change: Callable[[Sequence[tuple[str, str]]], Any]) -> Reply:
    change(_assignments(call.body))
    return Reply(status=204)


RESOURCES = (
    Resource("settings/cost-groups/", {"GET": _list}, "Which projects belong together.", settings, bare=True, parameters=(
        "limit", "offset", *(f"{where}[{name}]" for where in ("filter", "exclude") for name in (*_NAMES, "default")),
        *(f"order_by[{name}]" for name in _ORDERS)), gives=schemas.COST_GROUP),
    Resource("settings/cost-groups/add/", {"PUT": _add}, "Put projects into cost groups.", settings, done={"PUT": 204},
             takes=schemas.COST_GROUPS_BODY),
    Resource("settings/cost-groups/remove/", {"PUT": _remove}, "Take projects out of cost groups.", settings, done={"PUT": 204},
             takes=schemas.COST_GROUPS_BODY),
)  # fmt: skip
