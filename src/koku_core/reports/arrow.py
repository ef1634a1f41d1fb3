"""Answers as Arrow tables: decimals, dates, lists of text, lists of objects as JSON; a field's unit is in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from koku_core.reports.flat import Column

_DIGITS, _PLACES = 38, 15
_SMALLEST = Decimal(1).scaleb(-_PLACES)


def to_arrow(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Column]) -> pa.Table:
    """Flat rows as a table; without columns, of texts and lists as they are."""
    import pyarrow as pa

    if not columns:
        return pa.Table.from_pylist([row if isinstance(row, Mapping) else {"value": row} for row in rows])
    arrays = [pa.array([_plain(row[n], c.kind) for row in rows], _type(c.kind)) for n, c in columns.items()]
    return pa.Table.from_arrays(arrays, schema=pa.schema([_field(n, c) for n, c in columns.items()]))


def _field(name: str, column: Column) -> pa.Field:
    import pyarrow as pa

    return pa.field(name, _type(column.kind), metadata={"unit": column.unit} if column.unit else None)


def _type(kind: str) -> pa.DataType:
    import pyarrow as pa

    return {
        "date": pa.date32(), "text": pa.string(), "texts": pa.list_(pa.string()), "integer": pa.int64(),
        "number": pa.decimal128(_DIGITS, _PLACES), "objects": pa.string(),
    }[kind]  # fmt: skip


def _plain(value: Any, kind: str) -> Any:
    """A value as Arrow takes it: a month is its first day."""
    if value is None:
        return None
    if kind == "date":
        return date.fromisoformat(value if len(value) > 7 else f"{value}-01")
    if kind == "number":
        return Decimal(value).quantize(_SMALLEST, ROUND_HALF_UP)
    if kind == "objects":
        return json.dumps(value)
    return str(value) if kind == "text" else value
