"""The question of a forecast: which days it is made from and for, and the checks of what may be asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from koku_core.clock import month_end
from koku_core.declare.reports import Report
from koku_core.errors import InvalidInput
from koku_core.reports import fields
from koku_core.reports.fields import UNSUPPORTED
from koku_core.reports.period import Period
from koku_core.reports.query import Parsed
from koku_core.reports.validation import Validation

#: How many days before yesterday are looked at.
_BACK = 30


def past(today: date) -> Period:
    """The days that a forecast is made from: until yesterday, since today is not over."""
    yesterday = today - timedelta(1)
    return Period(yesterday - timedelta(_BACK), yesterday, "daily")


def ahead(today: date) -> list[date]:
    """The days that it is made for: from today to the end of the month."""
    return Period(today, month_end(today), "daily").buckets()


def asked_of(report: Report) -> Report:
    """A report as forecasts know it: without a choice between things that are the same."""
    if report.choice is None or len(set(report.choice.aggregates.values())) > 1:
        return report
    [same] = set(report.choice.aggregates.values())
    return replace(report, choice=None, aggregates=report.aggregates + same)


class ForecastValidation(Validation):
    """The checks of a question for a forecast: it chooses a page, a currency, and what costs are made of."""

    def _names(self, asked: Parsed) -> None:
        known = {"limit", "offset", "currency"} | ({self.report.choice.name} if self.report.choice else set())
        unknown = {name: [UNSUPPORTED] for name in asked if name not in known}
        if unknown:
            raise InvalidInput(unknown)

    def _limit(self, value: Any) -> int:
        return fields.integer(value, least=1)

    def _period(self) -> Period:
        return past(self.today)
