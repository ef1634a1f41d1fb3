"""A row that came twice in one hour: the operator writes a second one when it asks again, and the last counts.

The usual file has none, so none is looked for: each group counts its rows and adds up the bits of their hours, and a sum of distinct bits
has as many ones as there were rows. Only where that does not hold is the report read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from koku_core.intake.fold import Fold
from koku_ocp.reports import Report

if TYPE_CHECKING:
    import pyarrow as pa


def doubled(report: Report, days: pa.Table) -> pa.Table | None:
    """The rows (day and the columns of `report.row`) that have an hour twice; None: there are none."""
    import pyarrow as pa

    keys = ("usage_start", *report.row)
    rows = Fold(keys, ("bit", "rows"), ()).block(days)
    bits, counts = rows["bit"].to_pylist(), rows["rows"].to_pylist()
    twice = pa.array([bit.bit_count() != count for bit, count in zip(bits, counts, strict=True)], pa.bool_())
    found = rows.filter(twice).select(list(keys))
    return found if found.num_rows else None


def superseded(report: Report, rows: Iterable[pa.Table], twice: pa.Table) -> pa.Array:
    """The numbers of the rows that a later one corrects.

    Args:
        report: what they are of.
        rows: all rows of the report, in the order in which the later one counts, numbered by the column `number`.
        twice: what `doubled` found.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = ["usage_start", *report.row]
    found = [_plain(block.select([*keys, "hour", "number"])).join(twice, keys, join_type="left semi") for block in rows]
    all_rows = pa.concat_tables(found)
    last = all_rows.group_by([*keys, "hour"]).aggregate([("number", "max")])
    numbers = all_rows["number"].combine_chunks()
    return numbers.filter(pc.invert(pc.is_in(numbers, value_set=last["number_max"])))


def without(rows: pa.Table, numbers: pa.Array) -> pa.Table:
    """The rows but those of these numbers."""
    import pyarrow.compute as pc

    return rows.filter(pc.invert(pc.is_in(rows["number"], value_set=numbers)))


def numbered(blocks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The blocks with their rows numbered through."""
    import pyarrow as pa

    first = 0
    for block in blocks:
        yield block.append_column("number", pa.array(range(first, first + block.num_rows), pa.int64()))
        first += block.num_rows


def _plain(table: pa.Table) -> pa.Table:
    """The table with its dictionaries spelled out."""
    import pyarrow as pa

    fields = [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(fields))
