"""What an answer is about, for those who draw it: its period, its groups, and the figures that are worth a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from koku_core.declare.reports import CURRENCY, Figure, Report

if TYPE_CHECKING:
    from koku_core.reports.flat import Column, Flat
    from koku_core.reports.parameters import Parameters
    from koku_core.reports.period import Period
    from koku_core.reports.plan import Plan


@dataclass(frozen=True, slots=True)
class Subject:
    """What an answer is about.

    Attributes:
        path: of the report, such as `openshift/costs`.
        period: the days that were asked for.
        groups: for each level of grouping its column and what it is called.
        figure: the column that says most: what the rows are ordered by.
        together: columns of one unit that are drawn side by side (usage, request, limit, capacity); none: `figure` alone.
        labels: what figures are called, by column.
        money: those that are money.
        names: what people call columns of groups, if not as CSV does.
        folded: whether groups named `Other` or `Others` are the rest.
    """

    path: str
    period: Period
    groups: tuple[tuple[str, str], ...]
    figure: str
    together: tuple[str, ...]
    labels: Mapping[str, str]
    money: frozenset[str] = frozenset()
    folded: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


def subject(path: str, plan: Plan, flat: Flat) -> Subject:
    """Say what the answer to a planned question is about."""
    asked, report, columns = plan.parameters, plan.report, flat.columns
    groups = tuple((column, name.replace("_", " ")) for column, name in flat.groups.items())
    figure = _figure(asked, report, columns)
    labels = {"capacity": "Capacity"} | {f.name: _label(f) for f in report.figures}
    money = frozenset(f.name for f in report.figures if f.unit == CURRENCY)
    together = _together(plan, figure, columns)
    return Subject(path, asked.period, groups, figure, together, labels, money, asked.with_others, flat.names)


def _figure(asked: Parameters, report: Report, columns: Mapping[str, Column]) -> str:
    """What the rows are ordered by, if it is a figure, else the report's own order."""
    by = asked.order.by if asked.order else report.order
    named = {f.name for f in report.figures} & set(columns)
    return by if by in named else report.order or report.figures[0].name


def _together(plan: Plan, figure: str, columns: Mapping[str, Column]) -> tuple[str, ...]:
    """The quantities beside a figure that is one. A capacity is that of all groups, unless they are its parts."""
    units = {f.name: f.unit for f in plan.report.figures if f.name in columns}
    unit = units.get(figure)
    if unit in (None, "", CURRENCY):
        return ()
    found = [name for name, other in units.items() if other == unit]
    capacity = plan.report.capacity
    if capacity and capacity.unit == unit:
        of_groups = plan.by_part or not plan.parameters.groups
        found = [n for n in found if n != "capacity"] + ["capacity"] * of_groups
    return tuple(found) if len(found) > 1 else ()


def _label(figure: Figure) -> str:
    """`cost.total` is `Total cost`, `infrastructure.raw` is `Raw infrastructure cost`."""
    words = " ".join(reversed(figure.path.split("."))).replace("_", " ")
    if figure.unit == CURRENCY and "cost" not in words:
        words += " cost"
    return words.capitalize()
