"""The time that a question is about: windows, buckets, the period before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from koku_core.clock import add_months, month_end, month_of

#: The windows that may be asked for, by unit and as clients write them.
SCOPES = {"month": ("-1", "-2", "-3"), "day": ("-10", "-30", "-90")}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in UTC, both ends inclusive, seen as days or as months.

    Attributes:
        start, end: first and last day.
        resolution: `daily` or `monthly`.
        shift_days, shift_months: how far back the period before lies; both 0 for a range of dates, which has none.
    """

    start: date
    end: date
    resolution: str
    shift_days: int = 0
    shift_months: int = 0

    @property
    def daily(self) -> bool:
        """Whether a bucket is a day; otherwise a month."""
        return self.resolution == "daily"

    def buckets(self) -> list[date]:
        """The first day of each bucket, in order."""
        if self.daily:
            return [self.start + timedelta(n) for n in range((self.end - self.start).days + 1)]
        months = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        return [add_months(self.start, n) for n in range(months + 1)]

    def label(self, bucket: date) -> str:
        """A bucket as answers write it."""
        return f"{bucket:%Y-%m-%d}" if self.daily else f"{bucket:%Y-%m}"

    def previous(self) -> Period:
        """The period before: by days, or by months with the day cut to the month's last."""
        return Period(self._back(self.start), self._back(self.end), self.resolution)

    def _back(self, day: date) -> date:
        if not self.shift_months:
            return day - timedelta(self.shift_days)
        month = add_months(month_of(day), -self.shift_months)
        return min(month.replace(day=1) + timedelta(day.day - 1), month_end(month))


def window(value: str, today: date, resolution: str) -> Period:
    """The period of a `time_scope_value`. -1 is this month until today, -2 and -3 are whole months; days include today."""
    if value in SCOPES["day"]:
        days = -int(value)
        return Period(today - timedelta(days - 1), today, resolution, shift_days=days)
    month = add_months(month_of(today), int(value) + 1)
    return Period(month, today if value == "-1" else month_end(month), resolution, shift_months=1)


def allowed(today: date, retained_months: int) -> tuple[date, date]:
    """The first and last day that a range may name: the retained months (the current one is one of them), until tomorrow."""
    return add_months(month_of(today), 1 - retained_months), today + timedelta(1)
