"""Lines of bills that are of other months than their bill (refunds, fees, late charges), told apart by bits.

A bill replaces its month's days, and may hold lines of other months. Those stand beside what the other month's own bill says of the day:
each bill has a bit of its own in the mask of what a delivery covers (`Normalized.hours`), as hours have elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from koku_core.clock import month_end

if TYPE_CHECKING:
    import pyarrow as pa

#: How many months before its bill's a line may lie and still be told apart by month; later ones count from `_LATER`.
_EARLIER, _LATER, _BITS = 11, 11, 22


def bit_of(day: date, month: date) -> int:
    """The bit of a day's mask that stands for the bill of some month."""
    late = (month.year - day.year) * 12 + month.month - day.month
    return 1 << (min(late, _EARLIER) if late >= 0 else min(_LATER - late, _BITS))


def whole_month(month: date) -> dict[date, int]:
    """What a bill covers of its own month: each day, with its bit."""
    days = (month.replace(day=n + 1) for n in range(month_end(month).day))
    return {day: bit_of(day, month) for day in days}


@dataclass(frozen=True, slots=True)
class Billed:
    """Which days and bills the lines of a block are of.

    Attributes:
        bits: the bit of each line.
        days: how many lines each day has.
        masks: for each day the bits of the bills that its lines are on.
        months: first days of the months that are billed.
    """

    bits: pa.Array
    days: Counter[date]
    masks: dict[date, int]
    months: set[date]


def billed(days: pa.Array, months: pa.Array) -> Billed:
    """Tell which lines are of which bill.

    Args:
        days: the day of each line, date32.
        months: a day of the month that its bill is of, date32.
    """
    import pyarrow as pa

    pairs = pa.table([days, months], names=["day", "month"])
    found = pairs.group_by(["day", "month"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    bits = {(p["day"], p["month"]): bit_of(p["day"], p["month"]) for p in found}
    masks: dict[date, int] = {}
    per_day: Counter[date] = Counter()
    for pair in found:
        day = pair["day"]
        masks[day] = masks.get(day, 0) | bits[day, pair["month"]]
        per_day[day] += pair["count_all"]
    return Billed(_column(days, months, bits), per_day, masks, {month.replace(day=1) for _, month in bits})


def _column(days: pa.Array, months: pa.Array, bits: Mapping[tuple[date, date], int]) -> pa.Array:
    """The bit of each line."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(set(bits.values())) == 1:
        return pa.repeat(pa.scalar(next(iter(bits.values())), pa.int64()), len(days))

    def numbered(day: pa.Array, month: pa.Array) -> pa.Array:
        return pc.add(
            pc.multiply(day.cast(pa.int32()).cast(pa.int64()), 1 << 20), month.cast(pa.int32()).cast(pa.int64())
        )

    known = numbered(*(pa.array([pair[n] for pair in bits], pa.date32()) for n in (0, 1)))
    return pa.array(list(bits.values()), pa.int64()).take(pc.index_in(numbered(days, months), value_set=known))


def chosen(rows: pa.Table, only: Mapping[date, int]) -> pa.Table:
    """The lines of some days that are on some bills.

    Args:
        rows: lines with `usage_start` and `bit`.
        only: the bits of each day that are wanted, as `koku_normalize` is asked for them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pa.array(list(only), pa.date32())
    masks = pa.array(list(only.values()), pa.int64()).take(pc.index_in(rows["usage_start"], value_set=days))
    return rows.filter(pc.not_equal(pc.bit_wise_and(pc.fill_null(masks, 0), rows["bit"]), 0))


def merged(masks: Iterable[Mapping[date, int]]) -> dict[date, int]:
    """What several blocks or bills cover together."""
    made: dict[date, int] = {}
    for mask in masks:
        for day, bits in mask.items():
            made[day] = made.get(day, 0) | bits
    return made
