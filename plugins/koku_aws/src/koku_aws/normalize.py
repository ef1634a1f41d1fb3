"""The files of a bill → line items of days, and the accounts that they are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from koku_aws import manifests, organization
from koku_aws.columns import MAXES, SUMS, TEXTS, layout
from koku_aws.datasets import GROUPED, LINE_ITEMS, ORGANIZATION
from koku_aws.facts import CATEGORIES
from koku_aws.items import line_items
from koku_core.bills.blocks import blocks
from koku_core.bills.maps import keys
from koku_core.bills.months import chosen, merged, whole_month
from koku_core.declare.deliveries import FileCount, Normalized
from koku_core.intake.archive import Limits
from koku_core.intake.fold import Fold
from koku_core.intake.kept import given_name

#: After so many blocks, memory that is free is given back.
_RELEASE = 32
#: Items that are kept before they are added up: their texts are long.
_ROWS = 20_000


def normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized:
    """Fold the lines of a bill to days. A bill replaces every day of its month, also those that it has nothing of any more.

    Args:
        files: the manifest, the organization if it is known, and the data files.
        limits: how much a packed file may unpack to.
        only: of these days just the lines on the bills that the bits stand for (see `koku_core.bills.months`).
    """
    import pyarrow as pa

    reading = _Reading(limits, only)
    for file in files:
        name = given_name(file)
        if name.endswith(manifests.SUFFIX):
            month = manifests.read(file).month
            reading.months |= {month} if month else set()
        elif name == organization.FILE:
            reading.organization = organization.states(file)
        else:
            reading.data(file)
    made = reading.result()
    del reading  # what it has folded is in the result
    pa.default_memory_pool().release_unused()
    return made


class _Reading:
    """One delivery while it is read."""

    def __init__(self, limits: Limits, only: Mapping[date, int] | None) -> None:
        self._limits, self._only = limits, only
        self._fold = Fold(("usage_start", *GROUPED), tuple(SUMS), (*MAXES, *TEXTS), rows=_ROWS)
        self._masks: dict[date, int] = {}
        self._keys: set[str] = set()
        self._counts: list[FileCount] = []
        self.months: set[date] = set()
        self.organization: list[organization.State] = []

    def data(self, file: Path) -> None:
        """Read a data file."""
        import pyarrow as pa

        days: Counter[date] = Counter()
        for number, block in enumerate(blocks(file, self._limits, layout)):
            if number % _RELEASE == 0:
                pa.default_memory_pool().release_unused()
            rows, found = line_items(block)
            days += found.days
            self._keys.update(block.layout.tags)
            self.months |= found.months
            self._masks = merged([self._masks, found.masks])
            self._fold.add(self._fold.block(rows if self._only is None else chosen(rows, self._only)))
        self._counts.append(FileCount(given_name(file), "bill", days.total(), days))

    def result(self) -> Normalized:
        """What was read."""
        rows = LINE_ITEMS.conform(self._fold.result())
        whole = merged([self._masks, *map(whole_month, self.months)])
        masks = whole if self._only is None else dict(self._only)
        own = [day for day, mask in masks.items() if mask & 1]
        members = organization.table(self.organization, own)
        found = frozenset(self._keys | keys(rows["tags"]))
        categories = {CATEGORIES: frozenset(keys(rows["cost_category"]))}  # a column without any value is none
        return Normalized(
            {LINE_ITEMS.name: rows, ORGANIZATION.name: members}, masks, found, self._counts, label_keys=categories
        )
