"""Adds up line items a block at a time, so that memory follows the number of items and not that of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koku_aws import columns
from koku_aws.datasets import GROUPED, LINE_ITEMS

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 20_000
_BY = ["usage_start", *GROUPED]
_HOW = [(n, "sum") for n in columns.SUMS] + [(n, "max") for n in (*columns.MAXES, *columns.TEXTS)]


class Fold:
    """Groups line items by day and by all that they are called."""

    def __init__(self) -> None:
        self._parts: list[pa.Table] = []
        self._rows, self._limit = 0, _ROWS

    def add(self, rows: pa.Table) -> None:
        """Take in line items."""
        self._parts.append(_grouped(rows))
        self._rows += self._parts[-1].num_rows
        if self._rows > self._limit:
            self._limit = self.result().num_rows + _ROWS

    def result(self) -> pa.Table:
        """All items so far, as the dataset has them."""
        import pyarrow as pa

        made = (
            _grouped(pa.concat_tables(self._parts)) if len(self._parts) > 1 else self._parts[0] if self._parts else None
        )
        self._parts = [LINE_ITEMS.normalized_schema.empty_table() if made is None else made]
        self._rows = self._parts[0].num_rows
        return self._parts[0]


def _grouped(rows: pa.Table) -> pa.Table:
    schema = LINE_ITEMS.normalized_schema
    made = rows.group_by(_BY, use_threads=False).aggregate(_HOW)
    names = {f"{name}_{how}": name for name, how in _HOW}
    made = made.rename_columns([names.get(n, n) for n in made.column_names])
    return made.select(schema.names).cast(schema)
