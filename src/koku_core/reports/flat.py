"""The rows of an answer without nesting, under the names of CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from koku_core.clock import month_of
from koku_core.declare.reports import CURRENCY, Figure
from koku_core.reports.conversion import rate_of
from koku_core.reports.pack import text_pack
from koku_core.reports.parameters import Group
from koku_core.reports.plan import SIZE
from koku_core.reports.table import Row, Table

Get = Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: how a row's value is got, what it holds (`date`, `text`, `texts`, `objects`, `number`, `integer`), and its unit."""

    get: Get
    kind: str = "text"
    unit: str = ""


class Flat:
    """A table's rows as maps from column name to value: texts, decimals, lists, dates as text."""

    def __init__(self, table: Table, rates: Mapping[tuple[str, date], Decimal]) -> None:
        """Prepare.

        Args:
            table: the rows.
            rates: by currency of the bill and month the factor to the currency of the answer.
        """
        self._table, self._plan, self._rates = table, table.plan, rates
        self._parameters = table.plan.parameters
        self.columns: dict[str, Column] = {**self._keys(), **self._figures(), **self._units()}

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, in order."""
        columns = [(name, column.get) for name, column in self.columns.items()]
        return ({name: get(row) for name, get in columns} for row in self._table)

    def header(self, lengths: Mapping[str, int | None]) -> list[str]:
        """The names of all columns, lists spread over as many as the longest needs."""
        spread = {n: [f"{n}.{i}" for i in range(lengths[n] or 0)] for n, c in self.columns.items() if c.kind == "texts"}
        return [name for column in self.columns for name in spread.get(column, [column])]

    def _keys(self) -> dict[str, Column]:
        parameters, table = self._parameters, self._table
        label = parameters.period.label
        found = {"date": Column(lambda row: label(row[2]), "date")}
        for n, group in enumerate(parameters.groups):
            found[self._group_column(group)] = Column(_value(3 + n))
        if not parameters.bare:
            found["source_uuid"] = Column(_list(table.at("source_uuid")), "texts")
        for x in self._plan.shown_lists:
            found[x.name] = Column(_list(table.at(x.name)), "objects" if x.shown else "texts")
        found |= {
            t.csv or t.name: Column(text_pack(table, t.name)) for t in self._plan.texts if t.csv != "-" and not t.hidden
        }
        if parameters.ranked:
            found["rank"] = Column(lambda row: row[1], "integer")
        if self._plan.currency:
            bill = table.at("base_currency")
            found["base_currency"] = Column(_value(bill))
            found["exchange_rate"] = Column(lambda row: self._rate(row[bill], row[2]), "number")
        return found

    def _rate(self, bill: str | None, bucket: date) -> Decimal | int:
        rate = rate_of(self._rates, bill, month_of(bucket)) if bill else None
        return 1 if rate is None or bill == self._parameters.currency else rate

    @property
    def groups(self) -> dict[str, str]:
        """The columns of groups, and what each is called: a label key by itself."""
        return {self._group_column(g): g.name.key if g.name.is_label else g.label for g in self._parameters.groups}

    @property
    def names(self) -> dict[str, str]:
        """What people call those columns whose name in CSV is another one: a label's key `tag:app`, any other key by itself."""
        groups = self._parameters.groups
        called = {self._group_column(g): g.name.full if g.name.is_label else g.label for g in groups}
        return {column: name for column, name in called.items() if column != name}

    def _group_column(self, group: Group) -> str:
        """A label's column is named after the column of labels and the place of the key in the query."""
        return (group.key.csv or group.label) if group.key else f"INTERNAL_{group.column}_{group.position}"

    def _figures(self) -> dict[str, Column]:
        found: dict[str, Column] = {}
        for figure in self._plan.figures:
            if figure.path.split(".")[0] in self._plan.report.alone:
                found |= self._score(figure) if self._parameters.alone else {}
            elif figure.name != SIZE:
                found[figure.name] = self._number(figure.name, figure.unit)
        capacity = self._plan.report.capacity
        if capacity:
            amounts = ("capacity", "capacity_unused", "request_unused")
            found |= {name: self._number(name, capacity.unit) for name in amounts}
            found["capacity_count"] = self._number("capacity_count", capacity.size_unit)
            found |= {f"{n}_percent": self._number(f"{n}_percent", "%") for n in amounts[1:]}
        if self._parameters.delta:
            found["delta_value"], found["delta_percent"] = (
                self._number("delta_value"),
                self._number("delta_percent", "%"),
            )
        return found

    def _number(self, name: str, unit: str = "") -> Column:
        return Column(_value(self._table.at(name)), "number", self._unit(unit))

    def _unit(self, unit: str) -> str:
        return self._parameters.currency if unit == CURRENCY else unit

    def _score(self, figure: Figure) -> dict[str, Column]:
        """A figure whose block stands alone: named by its path, since clients know it so."""
        at, unit = self._table.at(figure.name), self._unit(figure.unit)
        if figure.integer:
            return {figure.path: Column(lambda row: int(row[at]), "integer")}
        return {
            f"{figure.path}.value": Column(_value(at), "number", unit),
            f"{figure.path}.units": Column(lambda _: unit),
        }

    def _units(self) -> dict[str, Column]:
        return {name: Column(_constant(self._unit(unit))) for name, unit in self._plan.report.units.items()}


def _constant(value: Any) -> Get:
    return lambda _: value


def _value(at: int) -> Get:
    return lambda row: row[at]


def _list(at: int) -> Get:
    return lambda row: row[at] or []
