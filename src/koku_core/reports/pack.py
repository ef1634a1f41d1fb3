"""Packs the rows of a table into the JSON of the API: nested by bucket and groups, figures in blocks with their units.

What a row becomes is decided once per answer, so that packing it is a few calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from koku_core.declare.reports import CURRENCY
from koku_core.reports.inside import KIND
from koku_core.reports.parameters import Group
from koku_core.reports.plan import SIZE
from koku_core.reports.table import Row, Table

Pack = Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class At:
    """A number of a row, by its place."""

    place: int
    integer: bool = False


class Packer:
    """Packs the rows of one table."""

    def __init__(self, table: Table) -> None:
        self._table, self._plan = table, table.plan
        self._parameters = table.plan.parameters
        self._row = self._row_packs()

    def total(self) -> dict[str, Any]:
        """`meta.total`."""
        names = self._plan.report.total_names
        listed = {x.name: self._list(x.name, 0) for x in self._plan.lists if x.total}
        blocks = {**self._blocks(total=True), **listed}
        return {names.get(name, name): pack(self._table.total) for name, pack in blocks.items()}

    def data(self, rows: Iterable[Row], buckets: Iterable[date]) -> list[dict[str, Any]]:
        """`data`: an element for each bucket, whether it has rows or not."""
        by_bucket: dict[date, list[Row]] = {}
        for row in rows:
            by_bucket.setdefault(row[2], []).append(row)
        label = self._parameters.period.label
        return [{"date": label(b), **self.nested(by_bucket.get(b, []), 0, label(b))} for b in buckets]

    def nested(self, rows: list[Row], level: int, label: str) -> dict[str, Any]:
        """The rows below one group; each level lists its groups in the order in which their first row comes."""
        if level == len(self._parameters.groups):
            return {"values": [self._packed(row, label) for row in rows]}
        group = self._parameters.groups[level]
        below: dict[str, list[Row]] = {}
        for row in rows:
            below.setdefault(group_name(group, row[3 + level]), []).append(row)
        listed = [{group.label: name, **self.nested(some, level + 1, label)} for name, some in below.items()]
        return {f"{group.label}s": listed}

    def _packed(self, row: Row, label: str) -> dict[str, Any]:
        packed: dict[str, Any] = {"date": label}
        for name, pack in self._row:
            packed[name] = pack(row)
        return packed

    def _row_packs(self) -> list[tuple[str, Pack]]:
        """The parts of a row after its date, in the order of clients' habit: groups, quantities, lists, texts, delta, money."""
        groups = {g.label: _group_pack(g, 3 + n) for n, g in enumerate(self._parameters.groups)}
        if self._parameters.inside:
            del groups[KIND]  # it stands beside the rows
        blocks = self._blocks(total=False)
        money = {f.path.split(".")[0] for f in self._plan.figures if f.unit == CURRENCY}
        quantities = {n: p for n, p in blocks.items() if n not in money}
        sources = () if self._parameters.bare else ("source_uuid",)
        listed = (*sources, *(x.name for x in self._plan.shown_lists))
        beside = {name: self._list(name) for name in listed}
        texts = {t.name: text_pack(self._table, t.name) for t in self._plan.texts if not t.hidden}
        delta = (
            {n: _nullable(self._table.at(n)) for n in ("delta_value", "delta_percent")}
            if self._parameters.delta
            else {}
        )
        return list({**groups, **quantities, **beside, **texts, **delta, **blocks}.items())

    def _list(self, name: str, nothing: Any = ()) -> Pack:
        at = self._table.at(name)
        return lambda row: row[at] or nothing

    def _blocks(self, *, total: bool) -> dict[str, Pack]:
        """The figures by block."""
        tree: dict[str, Any] = {}
        nothing = total and not self._table.total[self._table.at("source_uuid")]
        for figure in self._plan.figures:
            if figure.name != SIZE and (figure.total or not total):
                unit = 0 if nothing and not figure.unit_of_nothing else self._unit(figure.unit)
                _put(tree, figure.path, self._number(figure.name, integer=figure.integer), unit)
        if self._plan.report.capacity:
            self._put_capacity(tree, total=total)
        if not self._parameters.alone:
            tree |= {name: {} for name in self._plan.report.alone}
        return {name: _compiled(block) for name, block in tree.items()}

    def _put_capacity(self, tree: dict[str, Any], *, total: bool) -> None:
        capacity = self._plan.report.capacity
        assert capacity is not None  # noqa: S101 - only called for reports with one
        _put(tree, "capacity", self._number("capacity"), capacity.unit)
        for block in ("request", "capacity"):
            _put(tree, f"{block}.unused", self._number(f"{block}_unused"), "")
            _put(tree, f"{block}.unused_percent", self._number(f"{block}_unused_percent"), "")
        _put(tree, "capacity.count", self._number("capacity_count"), "")
        if total or not self._plan.by_part:
            tree["capacity"]["count_units"] = capacity.size_unit

    def _number(self, name: str, *, integer: bool = False) -> At:
        return At(self._table.at(name), integer)

    def _unit(self, unit: str) -> str:
        return self._parameters.currency if unit == CURRENCY else unit


def _put(tree: dict[str, Any], path: str, number: At, unit: str | int) -> None:
    """Put a figure into the tree; with a unit it is an object of its own."""
    *above, last = path.split(".")
    for step in above:
        tree = tree.setdefault(step, {})
    if unit != "":
        tree.setdefault(last, {}).update({"value": number, "units": unit})
    else:
        tree[last] = number


def _compiled(block: Any) -> Pack:
    """One function that packs a block of a row."""
    if isinstance(block, At):
        place = block.place
        return (lambda row: int(row[place])) if block.integer else (lambda row: float(row[place]))
    if not isinstance(block, dict):
        return lambda _: block
    leaves = [(name, _leaf(part)) for name, part in block.items()]
    if leaves and all(leaf for _, leaf in leaves):
        places = [(name, *leaf) for name, leaf in leaves if leaf]
        return lambda row: {name: {"value": float(row[place]), "units": unit} for name, place, unit in places}
    parts = [(name, _compiled(part)) for name, part in block.items()]
    return lambda row: {name: pack(row) for name, pack in parts}


def _leaf(block: Any) -> tuple[int, Any] | None:
    """Place and unit, if the block is a number with a unit and nothing else: most of an answer is."""
    if isinstance(block, dict) and block.keys() == {"value", "units"} and not block["value"].integer:
        return block["value"].place, block["units"]
    return None


def _nullable(at: int) -> Pack:
    return lambda row: None if row[at] is None else float(row[at])


def _group_pack(group: Group, at: int) -> Pack:
    return lambda row: group_name(group, row[at])


def group_name(group: Group, value: str | None) -> str:
    """A group as answers call it: `No-…` where rows have no value."""
    return f"No-{group.label}" if value is None else value


def text_pack(table: Table, name: str) -> Pack:
    """What a text of a row is."""
    plan = table.plan
    text = next(t for t in plan.texts if t.name == name)
    null = text.ranked_null if plan.parameters.ranked else None
    if not (text.value or text.of_group):
        return lambda row: text.others if table.is_folded(row) else None
    at = table.at(name)
    return lambda row: null if row[at] is None else row[at]
