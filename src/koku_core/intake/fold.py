"""Adds up rows by their keys, a block at a time, so that memory follows the number of groups and not that of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 50_000


class Fold:
    """Groups by `keys`; adds up `sums`, keeps the largest of `maxes`.

    Tables given to `block` have all of these columns; sums of decimals have 38 digits.
    """

    def __init__(
        self, keys: Sequence[str], sums: Sequence[str], maxes: Sequence[str] = (), *, rows: int = _ROWS
    ) -> None:
        """Begin with nothing.

        Args:
            keys: the columns to group by.
            sums: the columns that are added up.
            maxes: the columns of which the largest counts; texts too.
            rows: how many groups of blocks are kept before they are added up among themselves.
        """
        self.keys, self.sums, self.maxes = keys, sums, maxes
        self._parts: list[pa.Table] = []
        self._rows, self._step, self._limit = 0, rows, rows

    def block(self, rows: pa.Table) -> pa.Table:
        """The groups of one block; key and text columns may be dictionaries."""
        import pyarrow as pa

        aggregates = [(name, "sum") for name in self.sums] + [(name, "max") for name in self.maxes]
        names = {f"{name}_{how}": name for name, how in aggregates}
        rows = rows.select([*self.keys, *self.sums, *self.maxes])
        for i, name in enumerate(rows.column_names):
            if name in self.maxes and pa.types.is_dictionary(rows.schema.field(i).type):
                rows = rows.set_column(i, name, rows[name].cast(pa.string()))
        made = rows.group_by(list(self.keys), use_threads=False).aggregate(aggregates)
        made = made.rename_columns([names.get(n, n) for n in made.column_names]).select(
            [*self.keys, *self.sums, *self.maxes]
        )
        plain = [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in made.schema]
        return made.cast(pa.schema(plain))

    def add(self, groups: pa.Table) -> None:
        """Take in the groups of a block."""
        self._parts.append(groups)
        self._rows += groups.num_rows
        if self._rows > self._limit:
            self.result()
            self._limit = self._rows + self._step

    def result(self) -> pa.Table | None:
        """All groups so far; None: nothing came."""
        import pyarrow as pa

        if len(self._parts) > 1:
            self._parts = [self.block(pa.concat_tables(self._parts))]
        self._rows = sum(part.num_rows for part in self._parts)
        return self._parts[0] if self._parts else None
