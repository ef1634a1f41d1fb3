"""The answer of a forecast: the JSON of the API, and flat rows for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from koku_core.declare.reports import Figure
from koku_core.forecasts.question import ahead
from koku_core.forecasts.trend import Trend, trend
from koku_core.reports import envelope
from koku_core.reports.answer import Answer
from koku_core.reports.csv import write_all
from koku_core.reports.flat import Column
from koku_core.reports.links import links
from koku_core.reports.parameters import Parameters
from koku_core.reports.period import Period
from koku_core.reports.subject import Subject
from koku_core.reports.table import Table

#: What stands for a figure that cannot be foretold, where another can.
_NOTHING = Trend((), (), (), 0.0, (0.0, 0.0))
_PARTS = (("", "values"), ("_confidence_max", "highest"), ("_confidence_min", "lowest"))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is foretold.

    Attributes:
        parameters: the question.
        days: that are foretold.
        trends: for each figure its trend, or None; empty if none has one.
    """

    parameters: Parameters
    days: Sequence[date]
    trends: dict[Figure, Trend | None]

    def data(self) -> list[dict[str, Any]]:
        """A day for each element, as clients of the API know it."""
        units = self.parameters.currency
        return [
            {
                "date": f"{day}",
                "values": [
                    {
                        "date": f"{day}",
                        **{f.path.partition(".")[0]: _block(t, n, units) for f, t in self.trends.items()},
                    }
                ],
            }
            for n, day in enumerate(self.days)
        ]

    def rows(self) -> Iterator[dict[str, Any]]:
        """A flat row for each day: a figure's value under its name, and the ends of its interval."""
        for n, day in enumerate(self.days):
            row: dict[str, Any] = {"date": f"{day}"}
            for figure, found in self.trends.items():
                row |= {
                    f"{figure.name}{end}": Decimal(str(_at(getattr(found or _NOTHING, part), n)))
                    for end, part in _PARTS
                }
            yield row

    @property
    def columns(self) -> dict[str, Column]:
        """The columns of `rows`."""
        names = [f"{figure.name}{end}" for figure in self.trends for end, _ in _PARTS]
        found = {"date": Column(_unread, "date")} if names else {}
        return found | {name: Column(_unread, "number", self.parameters.currency) for name in names}

    def subject(self, path: str) -> Subject:
        """What a picture of it is about: the last figure between the ends of its interval."""
        name = list(self.trends)[-1].name if self.trends else ""
        drawn = {
            f"{name}{end}": label for (end, _), label in zip(_PARTS, ("Expected", "At most", "At least"), strict=True)
        }
        period = Period(self.days[0], self.days[-1], "daily")
        return Subject(path, period, (), name, tuple(drawn), drawn, frozenset(drawn))


def _unread(row: Any) -> Any:
    """Rows are maps already."""
    raise TypeError(row)


def _at(values: Sequence[float], n: int) -> float:
    return round(values[n], 3) if values else 0.0


def _block(found: Trend | None, n: int, units: str) -> dict[str, Any]:
    one = found or _NOTHING
    pvalues = [f"{p:.8f}" for p in one.pvalues] if found else [0]
    money = {name: _at(values, n) for name, values in (
        ("total", one.values), ("confidence_max", one.highest), ("confidence_min", one.lowest),
    )}  # fmt: skip
    return {
        **{name: {"value": value, "units": units} for name, value in money.items()},
        "rsquared": {"value": f"{one.rsquared:.8f}", "units": None},
        "pvalues": {"value": pvalues, "units": None},
    }


def foretold(table: Table, today: date) -> Forecast:
    """Go on with the daily figures of a table.

    Args:
        table: the past days, a row each, of a report that has figures to foretell.
        today: the first day that is foretold.
    """
    parameters = table.plan.parameters
    rows, first, days = list(table), parameters.period.start, ahead(today)
    figures = [f for name in parameters.report.forecast for f in parameters.report.figures if f.name == name]
    numbers = [(day - first).days for day in days]
    found = {f: trend({(r[2] - first).days: float(r[table.at(f.name)]) for r in rows}, numbers) for f in figures}
    return Forecast(parameters, days, found) if any(found.values()) else Forecast(parameters, [], {})


def answered(found: Forecast, etag: str, url: str, query: str, *, csv: bool) -> Answer:
    """The answer, by pages of days; its CSV is the JSON of the API, flattened."""
    parameters = found.parameters
    limit, offset = min(parameters.limit, envelope.MOST), parameters.offset
    data = found.data()
    choice = parameters.report.choice
    meta: dict[str, Any] = {"count": len(data), "limit": parameters.limit, "offset": offset}
    meta |= {choice.name: parameters.chosen} if choice else {}
    body = {"meta": meta, "links": links(url, query, limit, offset, len(data)), "data": data[offset : offset + limit]}
    path = url.rpartition("forecasts/")[2].strip("/")
    return Answer(
        etag, lambda: body, found.rows, found.columns, write_all(body["data"]) if csv else None,
        found.subject(path) if found.trends else None,
    )  # fmt: skip
