"""What stands for a dataset in a statement of Trino: a subquery, with its values bound."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, Any

from koku_core.declare.columns import Column, Kind
from koku_core.declare.datasets import Dataset
from koku_core.executors.base import Work
from koku_core.sql import Rendered, quote

if TYPE_CHECKING:
    import pyarrow as pa

#: What each kind is in the tables of the lake, as Trino reads them.
TYPES = {
    Kind.TEXT: "varchar", Kind.INTEGER: "bigint", Kind.QUANTITY: "decimal(38, 9)", Kind.MONEY: "decimal(33, 15)", Kind.DATE: "date",
    Kind.LABELS: "varchar", Kind.BOOLEAN: "boolean", Kind.UUID: "varchar", Kind.TEXTS: "array(varchar)",
}  # fmt: skip


def partitions(
    table: str, columns: tuple[Column, ...], there: Collection[str], source_uuid: str, start: date, end: date
) -> Rendered:
    """The rows of a source from `start` to `end`, both included.

    Args:
        table: the table's name, quoted.
        columns: of the dataset.
        there: names of the columns that the table has; others, which a later version of the plugin added, are null.
        source_uuid: whose rows.
        start: the first day.
        end: the last day.
    """
    listed = ", ".join(quote(c.name) if c.name in there else _null(c) for c in columns)
    texts = (f"SELECT {listed} FROM {table} WHERE source_uuid = ", " AND usage_start BETWEEN ", " AND ", "")
    return Rendered(texts, (source_uuid, start, end))


def empty(columns: tuple[Column, ...]) -> Rendered:
    """No rows, of a dataset that the lake has no table of."""
    return Rendered((f"SELECT {', '.join(map(_null, columns))} WHERE false",), ())


def _null(column: Column) -> str:
    return f"cast(NULL AS {TYPES[column.kind]}) AS {quote(column.name)}"


def values(columns: tuple[Column, ...], rows: pa.Table) -> Rendered:
    """A few rows, bound column by column."""
    names = ", ".join(quote(c.name) for c in columns)
    heads = [f" AS array({TYPES[c.kind]}))" for c in columns]
    texts = (
        f"SELECT {names} FROM unnest(cast(",
        *(f"{head}, cast(" for head in heads[:-1]),
        f"{heads[-1]}) AS rows ({names})",
    )
    bound: list[Any] = [rows[c.name].to_pylist() for c in columns]
    return Rendered(texts, tuple(bound))


def length(rows: pa.Table) -> int:
    """About how many characters the rows take in a statement."""
    return sum(len(str(value)) + 3 for column in rows.columns for value in column.to_pylist())


def stamped(dataset: Dataset, rows: pa.Table, work: Work) -> pa.Table:
    """Rows of a context as those of a dataset, on the first day of the month."""
    import pyarrow as pa

    fixed = {
        "source_uuid": work.source_uuid,
        "usage_start": work.month,
        "delivery": "",
        "hours": -1,
        "plugin_version": "",
    }
    columns = [
        rows[f.name] if f.name in rows.column_names else pa.repeat(pa.scalar(fixed[f.name], f.type), rows.num_rows)
        for f in dataset.schema
    ]
    return pa.table(columns, schema=dataset.schema)
