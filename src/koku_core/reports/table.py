"""The rows of an answer as a flat table of named columns: what the database gave, and what follows from it.

JSON, CSV and Arrow are views of this table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from koku_core.reports.capacity import ZERO, Capacities
from koku_core.reports.parameters import Delta
from koku_core.reports.plan import SIZE, Plan

Row = tuple[Any, ...]
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Derived:
    """Columns that are computed from a row, at the end of it."""

    names: tuple[str, ...]
    compute: Callable[[Row], Row]


class Table:
    """Rows with their columns. `total` is the row of the whole period, `rows` the others, in order."""

    def __init__(
        self,
        plan: Plan,
        columns: Sequence[str],
        total: Row,
        rows: Collection[Row] | Iterator[Row],
        capacities: Capacities | None,
    ) -> None:
        self.plan = plan
        self._at = {name: n for n, name in enumerate(columns)}
        self._at |= {name: self._at[column] for name, column in plan.columns.items()}
        self._plain = self._at.get("capacity")
        self._capacities = capacities
        parameters, capacity = plan.parameters, plan.report.capacity
        derived: list[Derived] = []
        if capacity:
            names = ("capacity", "capacity_count", "capacity_unused", "capacity_unused_percent")
            derived.append(Derived((*names, "request_unused", "request_unused_percent"), self._capacity))
        if parameters.delta:
            derived.append(Derived(("delta_value", "delta_percent"), self._delta(parameters.delta)))
        self._derived = derived
        width = len(columns)
        for part in derived:
            self._at |= {name: width + n for n, name in enumerate(part.names)}
            width += len(part.names)
        self.total = self._complete(total)
        self.rows = rows

    def __iter__(self) -> Iterator[Row]:
        return map(self._complete, self.rows)

    def at(self, name: str) -> int:
        """Where a column is in a row."""
        return self._at[name]

    def _complete(self, row: Row) -> Row:
        for derived in self._derived:
            row += derived.compute(row)
        return row

    def is_total(self, row: Row) -> bool:
        """Whether a row is that of the whole period."""
        return row[2] is None

    def is_folded(self, row: Row) -> bool:
        """Whether a row is that of the groups below the first ranks."""
        parameters = self.plan.parameters
        return parameters.with_others and row[2] is not None and row[1] > (parameters.group_limit or 0)

    def _capacity(self, row: Row) -> Row:
        """Capacity, count, and what of capacity and request was not used; a capacity of nothing counts as one in percentages."""
        capacity = self.plan.report.capacity
        assert capacity is not None  # noqa: S101 - only called for reports with one
        amount, count = self._available(row)
        usage, request = (row[self._at[name]] for name in capacity.used)
        base = amount if amount > 0 else Decimal(1)
        unused = max(amount - max(usage, request), ZERO)
        not_used = max(request - usage, ZERO)
        return amount, count, unused, unused / base * _HUNDRED, not_used, not_used / base * _HUNDRED

    def _available(self, row: Row) -> tuple[Decimal, Decimal]:
        capacity, capacities = self.plan.report.capacity, self._capacities
        assert capacity is not None  # noqa: S101 - only called for reports with one
        assert capacities is not None  # noqa: S101 - read for every report with one
        plain = None if self._plain is None else row[self._plain]
        if self.is_total(row):
            amount, count = capacities.total()
            return (amount if plain is None else plain), count
        sources = row[self._at["source_uuid"]] or ()
        if not self.plan.by_part:
            amount, count = capacities.sources(row[2], sources)
            return (amount if plain is None else plain), count
        if self.is_folded(row):
            return ZERO, row[self._at[SIZE]]
        part = row[self._part_at()]
        return capacities.part(row[2], sources, part), row[self._at[SIZE]]

    def _part_at(self) -> int:
        capacity = self.plan.report.capacity
        groups = self.plan.parameters.groups
        return next(3 + n for n, g in enumerate(groups) if capacity and g.key and g.key.name == capacity.part)

    def _delta(self, delta: Delta) -> Callable[[Row], Row]:
        """The change since the period before, or the difference of two figures and their ratio."""

        def value(row: Row, name: str) -> Decimal:
            return row[self._at[name]] if name in self._at else ZERO

        def compared(row: Row) -> Row:
            first, second = value(row, delta.figure), value(row, delta.compared)
            return first - second, first / second * _HUNDRED if second else None

        def changed(row: Row) -> Row:
            now, before = value(row, delta.figure), row[self._at["previous"]]
            if before is None or self.is_folded(row):
                return now, None
            return now - before, (now - before) / before * _HUNDRED if round(before, 2) else None

        return compared if delta.compared else changed
