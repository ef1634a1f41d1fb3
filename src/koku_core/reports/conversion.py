"""Converts money to the currency of a question: by the rate of its month, or the answer is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import LiteralString

from psycopg import sql

from koku_core import currencies
from koku_core.clock import month_of
from koku_core.declare.reports import Aggregate
from koku_core.errors import InvalidInput
from koku_core.reports.conditions import Values, any_of
from koku_core.reports.context import Context
from koku_core.reports.period import Period

_MONTH = sql.SQL("date_trunc('month', cells.bucket::timestamp)::date")


class Conversion:
    """Writes the conversion of one statement's money. Where all is in one currency already, it writes nothing."""

    def __init__(
        self, context: Context, currency: str, has_bills: bool, periods: Iterable[Period], values: Values
    ) -> None:
        """Prepare to write.

        Args:
            context: with the currencies that months are priced in, and the rates to `currency`.
            currency: of the question.
            has_bills: whether the cells have a column `bill` with the currency of the bill.
            periods: whose months are converted.
            values: of the statement.
        """
        months = sorted({m for p in periods for m in _months(p)})
        self._rates = [r for r in _filled(context.rates, months) if r[0] != currency]
        self._priced_in = [(s, m, c) for (s, m), c in context.priced_in.items() if m in months]
        self._foreign = any(c != currency for c in (*(c for _, _, c in self._priced_in), currencies.DEFAULT))
        self._bills, self._values, self._currency = has_bills, values, currency

    def tables(self) -> list[sql.Composable]:
        """The tables that `joins` needs, for the WITH clause."""
        found: list[sql.Composable] = []
        if self._rates:
            found.append(self._table("rates (base, month, rate)", self._rates, ("text[]", "date[]", "numeric[]")))
        if self._foreign:
            found.append(
                self._table("priced_in (source_uuid, month, currency)", self._priced_in, ("uuid[]", "date[]", "text[]"))
            )
        return found

    def _table(self, name: LiteralString, rows: Sequence[tuple[object, ...]], kinds: Sequence[str]) -> sql.Composed:
        bound = [self._values.bind([row[n] for row in rows], kind) for n, kind in enumerate(kinds)]
        return sql.SQL(name) + sql.SQL(" AS (SELECT * FROM unnest({}))").format(sql.SQL(", ").join(bound))

    def joins(self) -> sql.Composable:
        """What follows `FROM cells`."""
        found: list[sql.Composable] = []
        if self._foreign:
            of_month = "LEFT JOIN priced_in ON priced_in.source_uuid = cells.source_uuid AND priced_in.month = {}"
            found.append(sql.SQL(of_month).format(_MONTH))
        for alias, base in (("bill_rate", self._bill()), ("model_rate", self._model())):
            if self._rates and base:
                join = sql.SQL("LEFT JOIN rates AS {0} ON {0}.base = {1} AND {0}.month = {2}")
                found.append(join.format(sql.Identifier(alias), base, _MONTH))
        return sql.SQL(" ").join(found)

    def _bill(self) -> sql.Composable | None:
        return sql.SQL("cells.bill") if self._bills else None

    def _model(self) -> sql.Composable | None:
        default = sql.Literal(currencies.DEFAULT)
        return sql.SQL("coalesce(priced_in.currency, {})").format(default) if self._foreign else None

    def money(self, aggregate: Aggregate) -> sql.Composable:
        """An aggregate of the cells in the currency of the question."""
        name = sql.SQL("cells.{}").format(sql.Identifier(aggregate.name))
        if not self._rates or not self._base(aggregate):
            return name
        rate = sql.Identifier(f"{aggregate.money}_rate")
        return sql.SQL("({} * coalesce({}.rate, 1))").format(name, rate)

    def _base(self, aggregate: Aggregate) -> sql.Composable | None:
        return {"bill": self._bill(), "model": self._model()}.get(aggregate.money)

    def missing(self, aggregates: Sequence[Aggregate]) -> sql.Composable:
        """An array of the currencies that there is money in, but no rate for."""
        found = [self._missing(kind, aggregates) for kind in ("bill", "model")]
        return sql.SQL(" || ").join([f for f in found if f] or [sql.SQL("ARRAY[]::text[]")])

    def _missing(self, kind: str, aggregates: Sequence[Aggregate]) -> sql.Composable | None:
        money = [a for a in aggregates if a.money == kind]
        base = self._base(money[0]) if money else None
        if base is None:
            return None
        there = any_of(sql.SQL("cells.{} <> 0").format(sql.Identifier(a.name)) for a in money)
        rate = sql.SQL("AND {}.rate IS NULL").format(sql.Identifier(f"{kind}_rate")) if self._rates else sql.SQL("")
        text = "coalesce(array_agg(DISTINCT {0}) FILTER (WHERE {0} <> {1} {2} AND {3}), '{{}}')"
        return sql.SQL(text).format(base, self._values.bind(self._currency), rate, there)


def _months(period: Period) -> Iterable[date]:
    return {month_of(bucket) for bucket in period.buckets()}


def _filled(rates: Mapping[tuple[str, date], Decimal], months: Sequence[date]) -> Iterable[tuple[str, date, Decimal]]:
    for base in sorted({b for b, _ in rates}):
        for month in months:
            rate = rate_of(rates, base, month)
            if rate is not None:
                yield base, month, rate


def rate_of(rates: Mapping[tuple[str, date], Decimal], base: str, month: date) -> Decimal | None:
    """The rate of a month; a month without one has that of the next month with one."""
    later = [m for b, m in rates if b == base and m >= month]
    return rates[base, min(later)] if later else None


def no_rate(bases: Iterable[str], currency: str, period: Period, context: Context) -> InvalidInput:
    """The error about money that cannot be converted; its tree is the body that clients know."""
    months = sorted(_months(period))
    advice = "Ask your administrator to configure static exchange rates" + (
        "." if context.fed else " or enable dynamic exchange rates."
    )
    details = [f"{_lacks(base, currency, months, context)} {advice}" for base in sorted(set(bases))]
    return InvalidInput(
        {"errors": [{"detail": d, "source": "currency", "status": 400} for d in details]}, message=details[0]
    )


def _lacks(base: str, currency: str, months: Sequence[date], context: Context) -> str:
    """Which of the months have no rate."""
    without = [month for month in months if rate_of(context.rates, base, month) is None]
    if 0 < len(without) < len(months):
        named = ", ".join(f"{month:%Y-%m}" for month in without)
        return f"Exchange rate missing for {base} -> {currency} for months: {named}."
    return f"No exchange rate available for {base} -> {currency} for {months[0]} to {months[-1]}."
