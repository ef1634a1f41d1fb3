"""Chooses the table that can answer: the smallest rollup that has all that is asked, else the fact itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from koku_core.declare.facts import CONTEXT, Fact, Rollup
from koku_core.declare.reports import Aggregate, Expression, Figure, Listed, Report, ReportMap, Text, column
from koku_core.reports import inside
from koku_core.reports.access import Restrictions
from koku_core.reports.conditions import columns_of
from koku_core.reports.parameters import Parameters

#: The aggregate with the size of a part, in answers that are grouped by it.
SIZE = "part_size"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question is answered.

    Attributes:
        fact: whose data it is.
        table: which of its tables is read, and the rows of it that the report is about.
        where: those rows; None: all of the table.
        aggregates, figures, texts, lists: those parts of the report that the question has.
        by_part: whether groups are the parts that have a capacity of their own.
    """

    parameters: Parameters
    restrictions: Restrictions
    fact: Fact
    table: str
    where: Expression | None
    aggregates: tuple[Aggregate, ...]
    figures: tuple[Figure, ...]
    texts: tuple[Text, ...]
    lists: tuple[Listed, ...]
    by_part: bool
    currency: str

    @property
    def columns(self) -> dict[str, str]:
        """For each figure the column that holds it: figures of the same SQL share one."""
        first: dict[str, str] = {}
        return {f.name: first.setdefault(f.sql, f.name) for f in self.figures}

    @property
    def shown_lists(self) -> tuple[Listed, ...]:
        """The lists that answers have."""
        return () if self.parameters.bare else tuple(x for x in self.lists if not x.hidden)

    @property
    def report(self) -> Report:
        """The report that is asked."""
        return self.parameters.report


def plan(reports: ReportMap, parameters: Parameters, restrictions: Restrictions) -> Plan:
    """Plan the answer to a question."""
    report = parameters.report
    capacity = report.capacity
    by_part = bool(capacity and parameters.grouped_by(capacity.part))
    figures = tuple(f for f in report.figures if not f.needs_group or parameters.grouped_by(f.needs_group))
    if capacity and by_part:
        figures += (Figure(SIZE, SIZE, "capacity.count"),)
    groups = {g.key.name for g in parameters.groups if g.key}
    texts = tuple(t for t in report.texts if t.stands(groups, folded=parameters.with_others))
    texts += (inside.text(parameters.inside),) if parameters.inside else ()
    size = (Aggregate(SIZE, capacity.size, how="max"),) if capacity and by_part else ()
    chosen = report.choice.aggregates[parameters.chosen] if report.choice else ()
    aggregates = report.aggregates + chosen + size
    keys = _keys(reports, parameters, restrictions, aggregates, texts)
    fact = report.fact or reports.fact
    rollup = _smallest(fact.rollups, report.where, keys, aggregates)
    return Plan(
        parameters, restrictions, fact, rollup.name if rollup else fact.name,
        None if rollup else report.where, aggregates, figures, texts, report.lists, by_part, reports.currency,
    )  # fmt: skip


def _keys(
    reports: ReportMap,
    parameters: Parameters,
    restrictions: Restrictions,
    aggregates: Iterable[Aggregate],
    texts: Iterable[Text],
) -> set[str]:
    """The columns that must be keys of the table."""
    report = parameters.report
    expressions: list[Expression | None] = [*(a.where for a in aggregates), *(t.value for t in texts)]
    expressions += [x.value for x in report.lists]
    expressions += [column(c) for a in aggregates for c in a.per]
    expressions += [g.key.value for g in parameters.groups if g.key]
    expressions += [f.condition for f in report.flags if parameters.grouped_by(f.key)]
    if report.categories and parameters.categories is not None:
        expressions.append(report.categories.name)
    found = {c for e in expressions if e for c in e.columns}
    found |= {g.column for g in parameters.groups if g.key is None}
    found |= {parameters.inside.tree.path} if parameters.inside else set()
    found |= columns_of((*parameters.filters, *parameters.excludes), restrictions)
    found |= {reports.currency} - {""}
    return found - {c.name for c in CONTEXT[:2]}


def _smallest(
    rollups: Iterable[Rollup], where: Expression | None, keys: set[str], aggregates: Iterable[Aggregate]
) -> Rollup | None:
    fitting = [r for r in rollups if r.where == (where.sql if where else "") and _has(r, keys, aggregates)]
    return min(fitting, key=lambda r: len(r.dims), default=None)


def _has(rollup: Rollup, keys: set[str], aggregates: Iterable[Aggregate]) -> bool:
    if not keys <= set(rollup.dims):
        return False
    columns = {"sum": set(rollup.sums), "max": set(rollup.maxes), "each": set(rollup.maxes)}
    return all(set(a.of.columns) <= columns[a.how] for a in aggregates)
