"""The business clock: one place that says what day it is, fixed by `KOKU_CLOCK` for tests and replays."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the business time in UTC; `fixed` stops it. The job queue and its retries use real time instead."""

    fixed: datetime | None = None

    def now(self) -> datetime:
        """The business time, aware, in UTC."""
        return self.fixed or datetime.now(UTC)

    def today(self) -> date:
        """The business day in UTC."""
        return self.now().date()


def month_of(day: date) -> date:
    """The first day of the month that `day` lies in."""
    return day.replace(day=1)


def add_months(month: date, count: int) -> date:
    """The first day of the month `count` months after that of `month` (before it, if negative)."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def month_end(month: date) -> date:
    """The last day of the month."""
    return month.replace(day=monthrange(month.year, month.month)[1])
