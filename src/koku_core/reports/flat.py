"""The rows of an answer without nesting, under the names of CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from koku_core.declare.reports import CURRENCY
from koku_core.reports.pack import group_name, text_pack
from koku_core.reports.parameters import Group
from koku_core.reports.plan import SIZE
from koku_core.reports.table import Row, Table

Get = Callable[[Row], Any]


class Flat:
    """A table's rows as maps from column name to value: texts, decimals, lists, dates as text."""

    def __init__(self, table: Table, rates: Mapping[str, Any]) -> None:
        """Prepare.

        Args:
            table: the rows.
            rates: by currency of the bill the factor to the currency of the answer.
        """
        self._table, self._plan, self._rates = table, table.plan, rates
        self.columns: dict[str, Get] = {**self._keys(), **self._figures(), **self._units()}

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, in order."""
        columns = list(self.columns.items())
        return ({name: get(row) for name, get in columns} for row in self._table)

    def _keys(self) -> dict[str, Get]:
        parameters, table = self._plan.parameters, self._table
        label = parameters.period.label
        found: dict[str, Get] = {"date": lambda row: label(row[2])}
        for n, group in enumerate(parameters.groups):
            found[self._group_column(group)] = _group(group, 3 + n)
        for name in ("source_uuid", *(x.name for x in self._plan.lists)):
            found[name] = _list(table.at(name))
        found |= {t.name: text_pack(table, t.name) for t in self._plan.texts}
        if parameters.ranked:
            found["rank"] = lambda row: row[1]
        if self._plan.currency:
            bill, rates = table.at("base_currency"), self._rates
            found["base_currency"] = lambda row: row[bill]
            found["exchange_rate"] = lambda row: rates.get(row[bill], 1)
        return found

    def _group_column(self, group: Group) -> str:
        """A tag's column is named after the label column and the place of the key in the query."""
        return group.label if group.key else f"INTERNAL_{self._plan.report.tags}_{group.position}"

    def _figures(self) -> dict[str, Get]:
        table, report, parameters = self._table, self._plan.report, self._plan.parameters
        simple = len(parameters.groups) <= 1 and not parameters.by_tag
        found: dict[str, Get] = {}
        for figure in self._plan.figures:
            block = figure.path.split(".")[0]
            if block in report.alone:
                if simple:
                    found |= self._score(figure.path, figure.name, figure.unit, figure.integer)
            elif figure.name != SIZE:
                found[figure.name] = _value(table.at(figure.name))
        if report.capacity:
            for name in ("capacity", "capacity_count", "capacity_unused", "capacity_unused_percent"):
                found[name] = _value(table.at(name))
            found |= {n: _value(table.at(n)) for n in ("request_unused", "request_unused_percent")}
        if parameters.delta:
            found |= {n: _value(table.at(n)) for n in ("delta_value", "delta_percent")}
        return found

    def _score(self, path: str, name: str, unit: str, integer: bool) -> dict[str, Get]:  # noqa: FBT001 - a figure's own flag
        at, currency = self._table.at(name), self._plan.parameters.currency
        if integer:
            return {path: lambda row: int(row[at])}
        return {f"{path}.value": _value(at), f"{path}.units": lambda _: currency if unit == CURRENCY else unit}

    def _units(self) -> dict[str, Get]:
        currency = self._plan.parameters.currency
        return {name: _constant(currency if u == CURRENCY else u) for name, u in self._plan.report.units.items()}


def _constant(value: Any) -> Get:
    return lambda _: value


def _value(at: int) -> Get:
    return lambda row: row[at]


def _list(at: int) -> Get:
    return lambda row: row[at] or []


def _group(group: Group, at: int) -> Get:
    if group.key is None:
        return _value(at)
    return lambda row: group_name(group, row[at])
