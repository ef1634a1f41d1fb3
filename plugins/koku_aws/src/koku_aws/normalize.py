"""The files of a bill → line items of days, and the accounts that they are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from koku_aws import manifests, organization
from koku_aws.datasets import ACCOUNTS, LINE_ITEMS
from koku_aws.fold import Fold
from koku_aws.items import Items, bit_of, line_items
from koku_aws.rows import blocks
from koku_core.clock import month_end
from koku_core.declare.deliveries import FileCount, Normalized
from koku_core.intake.archive import Limits
from koku_core.intake.kept import given_name

if TYPE_CHECKING:
    import pyarrow as pa

#: After so many blocks, memory that is free is given back.
_RELEASE = 32


def normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized:
    """Fold the lines of a bill to days. A bill replaces every day of its month, also those that it has nothing of any more.

    Args:
        files: the manifest, the organization if it is known, and the data files.
        limits: how much a packed file may unpack to.
        only: of these days just the lines on the bills that the bits stand for (see `items.bit_of`).
    """
    import pyarrow as pa

    reading = _Reading(limits, only)
    for file in files:
        name = given_name(file)
        if name.endswith(manifests.SUFFIX):
            month = manifests.read(file).month
            reading.months |= {month} if month else set()
        elif name == organization.FILE:
            reading.organization = organization.accounts(file)
        else:
            reading.data(file)
    made = reading.result()
    pa.default_memory_pool().release_unused()
    return made


class _Reading:
    """One delivery while it is read."""

    def __init__(self, limits: Limits, only: Mapping[date, int] | None) -> None:
        self._limits, self._only = limits, only
        self._fold = Fold()
        self._masks: dict[date, int] = {}
        self._keys: set[str] = set()
        self._counts: list[FileCount] = []
        self.months: set[date] = set()
        self.organization: tuple[date, list[organization.Account]] = (date.min, [])

    def data(self, file: Path) -> None:
        """Read a data file."""
        import pyarrow as pa

        days: Counter[date] = Counter()
        for number, block in enumerate(blocks(file, self._limits)):
            if number % _RELEASE == 0:
                pa.default_memory_pool().release_unused()
            items = line_items(block)
            days += items.days
            self._keys.update(block.layout.tags)
            self.months |= items.months
            for day, mask in items.bits.items():
                self._masks[day] = self._masks.get(day, 0) | mask
            self._fold.add(items.rows if self._only is None else _chosen(items, self._only))
        self._counts.append(FileCount(given_name(file), "bill", days.total(), days))

    def result(self) -> Normalized:
        """What was read."""
        rows = self._fold.result()
        masks = dict(self._only) if self._only is not None else self._masks
        for month in self.months if self._only is None else ():
            for day in _days(month):
                masks[day] = masks.get(day, 0) | bit_of(day, month)
        own = [day for day, mask in masks.items() if mask & 1]
        accounts = organization.table(*self.organization, own)
        keys = self._keys | _keys(rows)
        return Normalized({LINE_ITEMS.name: rows, ACCOUNTS.name: accounts}, masks, frozenset(keys), self._counts)


def _days(month: date) -> Iterable[date]:
    return (month.replace(day=n + 1) for n in range(month_end(month).day))


def _chosen(items: Items, only: Mapping[date, int]) -> pa.Table:
    """The lines of some days that are on some bills."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pa.array(list(only), pa.date32())
    masks = pa.array(list(only.values()), pa.int64()).take(pc.index_in(items.rows["usage_start"], value_set=days))
    return items.rows.filter(pc.not_equal(pc.bit_wise_and(pc.fill_null(masks, 0), items.rows["bit"]), 0))


def _keys(rows: pa.Table) -> set[str]:
    """The keys of maps that were tags of CUR 2.0."""
    from koku_aws.maps import parsed

    return {key for text in rows["tags"].unique().to_pylist() for key in parsed(text)}
