"""Every kind of question that a report can be asked, as options of `Koku.report`. Needs no pytest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from koku_core.declare.reports import OPERATORS, Figure, Key, Report

_NAME = re.compile(r"[A-Za-z_]\w*")
_SUM = re.compile(r'[\w\s"+()]+')
Options = dict[str, Any]
#: A time scope of each resolution.
SCOPES: tuple[Options, ...] = ({"days": -10, "resolution": "daily"}, {"months": -2, "resolution": "monthly"})


def questions(report: Report, tag: str = "") -> Iterator[Options]:
    """Questions that together use every key, order, operator and comparison of a report, in both resolutions.

    Args:
        report: which.
        tag: an enabled label key; empty: none is.
    """
    for scope in scopes(report):
        for asked in _asked(report, f"tag:{tag}" if tag and report.tags else ""):
            yield {**scope, **asked, "filter": {**scope["filter"], **asked.get("filter", {})}}


def scopes(report: Report) -> tuple[Options, ...]:
    """A time scope of each resolution that a report has, with the filters that it must have."""
    return tuple({**scope, "filter": required(report)} for scope in (SCOPES[1:] if report.inventory else SCOPES))


def required(report: Report) -> dict[str, str]:
    """The filters that a question must have, each letting everything through."""
    return dict.fromkeys(report.required, "*")


def _asked(report: Report, tag: str) -> Iterator[Options]:
    groups = report.groupable
    yield {}
    for name in [*groups, *([tag] if tag and groups else [])]:
        yield {"group_by": name}
        yield {"group_by": {name: ["a", "b"]}}
        yield {"group_by": name, "limit": 1}
        yield {"group_by": name, "limit": 1, "offset": 1}
    yield from ({"group_by": [one, other]} for one, other in pairwise(groups))
    yield from ({"group_by": [name, tag]} for name in groups[:1] if tag)
    for key in report.keys:
        yield from _filters(key)
    if report.tree:
        yield from ({"group_by": {report.tree.key: "x", **dict.fromkeys(more, "*")}} for more in ((), groups[:1]))
    if tag:
        yield from ({where: {tag: "x"}} for where in ("filter", "exclude"))
    yield from _orders(report)
    for delta in report.deltas:
        needed = report.delta_with.get(delta)
        yield {"delta": delta, **({"group_by": needed} if needed else {})}


def _filters(key: Key) -> Iterator[Options]:
    values = list(key.choices) or ["x", 'it\'s %_\\ "quoted" ☕']
    for where, may in (("filter", key.filter), ("exclude", key.exclude)):
        if may:
            yield {where: {key.name: values[: 1 if key.exclude_choices else None]}}
            operators = OPERATORS if key.operators and (where == "filter" or key.exclude_operators) else ()
            yield from ({where: {f"{o}:{key.name}": values[:1]}} for o in operators if o not in key.refused)


def _orders(report: Report) -> Iterator[Options]:
    by_key = {k.order: k.order_with or (k.name,) for k in report.keys if k.order}
    inherent = {k.order for k in report.keys if k.name == report.within}
    named = {**by_key, **{name: groups for name, (_, groups) in report.orders.items()}}
    anything = next(iter(report.groupable), None)
    for name, groups in named.items():
        group = groups[0] if groups and name not in inherent else anything
        for direction in ("asc", "desc"):
            yield {"order_by": {name: direction}, **({"group_by": group} if group else {})}


def additive(report: Report) -> list[str]:
    """The figures whose sum over all groups must be the total: sums of what is added up over rows, and no capacity."""
    sums = {a.name for a in report.aggregates if a.how == "sum"}
    return [f.name for f in report.figures if _plain(report, f, sums)]


def _plain(report: Report, figure: Figure, sums: set[str]) -> bool:
    special = figure.needs_group or figure.path.split(".")[0] in report.alone
    capacity = report.capacity and figure.name == "capacity"
    return not special and not capacity and bool(_SUM.fullmatch(figure.sql)) and set(_NAME.findall(figure.sql)) <= sums
