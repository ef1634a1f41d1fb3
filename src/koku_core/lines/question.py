"""What a line-item question asks: a report's question, narrowed to one of its rows; as conditions on rows of the fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg import sql

from koku_core.clock import month_end
from koku_core.declare.reports import Report
from koku_core.errors import InvalidInput
from koku_core.reports.conditions import columns_of
from koku_core.reports.context import Context
from koku_core.reports.fields import UNSUPPORTED
from koku_core.reports.parameters import Group, Parameters
from koku_core.reports.period import Period
from koku_core.reports.plan import Plan
from koku_core.reports.sql import Statement

_FOLDED = ("Other", "Others")


@dataclass(frozen=True, slots=True)
class Question:
    """A question about line items.

    Attributes:
        plan: of the report's question.
        context: the tenant's state.
        period: the days whose line items are asked for.
        row: for groups of the report the value that a row has; None: it has none.
    """

    plan: Plan
    context: Context
    period: Period
    row: tuple[tuple[Group, str | None], ...]

    @property
    def report(self) -> Report:
        """Whose figures it is about."""
        return self.plan.report

    @property
    def columns(self) -> set[str]:
        """The columns of the fact that its conditions look at."""
        report, parameters = self.report, self.plan.parameters
        expressions = [g.key.value for g, _ in self.row if g.key] + [report.where]
        if report.categories and parameters.categories is not None:
            expressions.append(report.categories.name)
        found = {c for e in expressions if e for c in e.columns}
        found |= columns_of((*parameters.filters, *parameters.excludes), self.plan.restrictions)
        found |= {parameters.inside.tree.path, parameters.inside.tree.leaf} if parameters.inside else set()
        return found | {g.column for g, _ in self.row if g.key is None}

    def conditions(self) -> tuple[sql.Composable, dict[str, Any]]:
        """SQL that a row of the fact must fulfil, and its bound values."""
        statement = Statement(self.plan, self.context)
        found = [statement.where(self.period, self.report.where.sql if self.report.where else "")]
        for group, value in self.row:
            compared = statement.values.bind(value)
            found.append(sql.SQL("{} IS NOT DISTINCT FROM {}").format(statement.group_value(group), compared))
        return sql.SQL(" AND ").join(found), statement.values.all


def question(plan: Plan, context: Context, row: Mapping[str, Any], *, strict: bool) -> Question:
    """Narrow a report's question to one of its rows.

    Args:
        plan: of the report's question.
        context: the tenant's state.
        row: `date` and the values of groups, as answers have them; what is left out narrows nothing.
        strict: whether a name that is neither is refused; otherwise it is passed over, so that a whole row may be given.

    Raises:
        InvalidInput: a name or value cannot be of a row of this question.
    """
    parameters = plan.parameters
    named = {name: group for group in parameters.groups for name in _names(group)}
    unknown = [n for n in row if n not in named and n != "date"]
    if unknown and (strict or len(unknown) == len(row)):
        known = ", ".join(["date", *(g.label for g in parameters.groups)])
        raise InvalidInput({"row": {n: [f"{UNSUPPORTED}; a row of this question has {known}"] for n in unknown}})
    period = _narrowed(parameters.period, row["date"]) if row.get("date") else parameters.period
    values = {named[n]: _value(parameters, named[n], value) for n, value in row.items() if n in named}
    return Question(plan, context, period, tuple(values.items()))


def _names(group: Group) -> set[str]:
    """What a group's value is called: in JSON, in the question, in CSV."""
    return {group.label, group.name.full, group.key.csv if group.key and group.key.csv else group.label}


def _value(parameters: Parameters, group: Group, given: Any) -> str | None:
    if not isinstance(given, str):
        if given is None:
            return None
        raise InvalidInput({"row": {group.label: ["A row has one value of a group."]}})
    if parameters.with_others and given in _FOLDED:
        why = f"{given!r} stands for several groups: name one of them, or leave filter[limit] out."
        raise InvalidInput({"row": {group.label: [why]}})
    return None if given == f"No-{group.label}" else given


def _narrowed(period: Period, given: Any) -> Period:
    """The part of a period that one bucket is."""
    text = given.isoformat() if isinstance(given, date) else str(given)
    try:
        start = date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError:
        raise InvalidInput(
            {"row": {"date": [f"{text!r} is neither a day (2026-11-22) nor a month (2026-11)."]}}
        ) from None
    end = start if len(text) > 7 else month_end(start)
    narrowed = replace(period, start=max(start, period.start), end=min(end, period.end))
    if narrowed.start > narrowed.end:
        why = f"{text} is not in the period of this question, {period.start} to {period.end}."
        raise InvalidInput({"row": {"date": [why]}})
    return narrowed
