"""Packs what lies in nodes of a tree: an element for each node or leaf, each with its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from koku_core.reports.pack import Packer
from koku_core.reports.table import Row, Table

#: Whether it is a node or a leaf, and its id.
Entity = tuple[str, str]


class Entities:
    """What the rows of a table are about."""

    def __init__(self, table: Table, packer: Packer) -> None:
        asked = table.plan.parameters
        assert asked.inside is not None  # noqa: S101 - only made for questions about nodes
        self._packer, self._tree, self._label = packer, asked.inside.tree, asked.period.label
        self._rising = asked.order is not None and not asked.order.descending
        by = asked.order.by if asked.order else table.plan.report.order
        self._at = table.at(by if by in table.plan.columns else table.plan.report.order)
        self._buckets: dict[date, dict[Entity, list[Row]]] = defaultdict(lambda: defaultdict(list))
        amounts: dict[Entity, Decimal] = defaultdict(Decimal)
        for row in table:
            entity = (row[3], row[4])
            self._buckets[row[2]][entity].append(row)
            amounts[entity] += row[self._at]
        #: All of them, the largest first.
        self.all: list[Entity] = self._ordered(amounts)

    def _ordered(self, amounts: dict[Entity, Decimal]) -> list[Entity]:
        sign = 1 if self._rising else -1
        return sorted(amounts, key=lambda e: (sign * amounts[e], e))

    def data(self, shown: Collection[Entity], buckets: Iterable[date]) -> list[dict[str, Any]]:
        """`data`: an element for each bucket, with those of the page that it has, the largest first."""
        return [{"date": self._label(b), self._tree.entities: self._packed(b, set(shown))} for b in buckets]

    def _packed(self, bucket: date, shown: set[Entity]) -> list[dict[str, Any]]:
        rows = {e: some for e, some in self._buckets.get(bucket, {}).items() if e in shown}
        amounts = {e: sum((row[self._at] for row in some), Decimal()) for e, some in rows.items()}
        return [self._entity(e, rows[e], self._label(bucket)) for e in self._ordered(amounts)]

    def _entity(self, entity: Entity, rows: list[Row], label: str) -> dict[str, Any]:
        """A node tells its date, a leaf does not, as clients know it."""
        kind, name = entity
        of_node = {"date": label} if kind == self._tree.kinds[0] else {}
        return {"id": name, "type": kind, **of_node, **self._packer.nested(rows, 2, label)}
