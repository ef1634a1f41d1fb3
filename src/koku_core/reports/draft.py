"""A question while it is checked: what it is about, and what of it was read so far."""

from __future__ import annotations

from collections.abc import Container
from datetime import date
from typing import Any

from koku_core.declare.reports import Key, Report, ReportMap
from koku_core.reports.context import Context
from koku_core.reports.parameters import TAG, Name
from koku_core.reports.period import allowed


class Draft:
    """A question that is being checked.

    Attributes:
        echo: the values of its parameters so far, as `meta` repeats them.
        maps: those of `filter`, `exclude`, `group_by` and `order_by`, by the names that the request writes.
        first, last: the days that a range may be of.
        keys: of the report, by name.
    """

    def __init__(
        self, reports: ReportMap, report: Report, context: Context, today: date, retained_months: int | None, text: str
    ) -> None:
        """Begin with nothing.

        Args:
            reports: the provider's report map.
            report: which report is asked.
            context: the tenant's state.
            today: the business day.
            retained_months: how far back a range may reach, unless the tenant says otherwise; None: as far as one likes.
            text: the query string, decoded: groups nest in the order in which their keys stand in it.
        """
        self.reports, self.report, self.context, self.today, self.text = reports, report, context, today, text
        months = retained_months and (context.retained_months or retained_months)
        self.first, self.last = allowed(today, months) if months else (date.min, date.max)
        self.keys = {k.name: k for k in report.keys}
        self.echo: dict[str, Any] = {}
        self.maps: dict[str, dict[str, Any]] = {}

    def known(self, where: str, name: Name) -> Key | None:
        """The key that a name stands for in one of the maps; for a label one without columns; None: not known there."""
        if name.is_label:
            there = (
                self.column(name)
                and name.key in self._labels(name)
                and (where != "group_by" or not self.report.inventory)
            )
            return Key(name.full) if there else None
        key = self.keys.get(name.key)
        if key is None or (name.operator and not (key.operators and (where != "exclude" or key.exclude_operators))):
            return None
        by_operator = bool(name.operator and key.value) and not self.report.inventory
        grouped = (
            key.name in self.report.groupable
            or key.inert
            or by_operator
            or bool(self.report.tree and key.name == self.report.tree.key)
        )
        may = {"filter": key.filter, "exclude": key.exclude, "group_by": grouped}
        return key if may[where] else None

    def column(self, name: Name) -> str:
        """The column of the labels that a name is a key of; empty: the report has none such."""
        columns = {TAG: self.report.tags, **{x.name: x.column for x in self.report.labels}}
        return columns.get(name.labels, "") if name.is_label else ""

    def _labels(self, name: Name) -> Container[str]:
        """The keys that are known of the labels that a name belongs to."""
        if name.labels == TAG:
            return self.context.tags | set(self.context.children)
        return self.context.labels.get(name.labels, {})

    def grouped_by(self, *keys: str) -> bool:
        """Whether one of the keys is grouped by, plainly or with `or:`."""
        asked = self.maps["group_by"]
        always = (self.report.within, *(() if asked else self.report.usual_groups), *self.parts)
        return any(k in always or k in asked or f"or:{k}" in asked for k in keys)

    @property
    def parts(self) -> tuple[str, ...]:
        """The keys that groups are broken down by."""
        named = {Name.read(n).full for n in self.maps["group_by"]}
        return () if named & set(self.report.parts) else self.report.parts
