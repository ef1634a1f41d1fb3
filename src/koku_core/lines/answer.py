"""Line items in whatever form they are wanted: rows, Arrow, NDJSON, CSV, or a page of JSON. Read anew each time, in little memory."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from koku_core.declare.columns import Kind
from koku_core.declare.datasets import Dataset
from koku_core.declare.lines import LineItems
from koku_core.lake.scan import Chunk
from koku_core.reports.envelope import page_size
from koku_core.reports.links import links
from koku_core.reports.parameters import Parameters

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    #: Some data files, and for each of their rows whether it is asked for.
    Part = tuple[Chunk, pa.Array]

#: Stamps that say nothing of the line item itself.
_LEFT_OUT = ("hours", "plugin_version")
_DATASET = "dataset"


@dataclass
class Lines:
    """The line items behind figures of a report.

    Attributes:
        etag: the same for the same answer.
        url, query: of the question.
        parameters: the report's question.
        declared: the datasets that may have some.
        parts: begins to read them.
    """

    etag: str
    url: str = field(repr=False)
    query: str = field(repr=False)
    parameters: Parameters = field(repr=False)
    declared: tuple[LineItems, ...] = field(repr=False)
    parts: Callable[[], Iterator[Part]] = field(repr=False)

    def blocks(self) -> Iterator[tuple[Dataset, pa.RecordBatch]]:
        """The line items in blocks: of which dataset, and its columns. By dataset, source, day."""
        for chunk, chosen in self.parts():
            yield from _blocks(chunk, chosen)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The line items one by one: amounts are decimals, labels maps; `dataset` says what each is."""
        return (row for dataset, block in self.blocks() for row in _rows(dataset, block, _plain))

    def count(self) -> int:
        """How many there are."""
        return sum(chosen.true_count for _, chosen in self.parts())

    def to_arrow(self) -> pa.Table:
        """All of them as one table; a column that a dataset has not is null. All are held in memory."""
        import pyarrow as pa

        made = [_tagged(dataset, block) for dataset, block in self.blocks()]
        return pa.concat_tables(made, promote_options="permissive") if made else self._schema().empty_table()

    def to_pandas(self) -> pd.DataFrame:
        """The same as a data frame; decimals stay decimals."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def ndjson(self, limit: int | None = None, offset: int = 0) -> Iterator[str]:
        """A JSON object a line, in pieces; numbers have all their digits."""
        import orjson

        for dataset, block in self._page(limit, offset):
            lines = (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in _rows(dataset, block, _wire))
            yield b"".join(lines).decode()

    def csv(self, limit: int | None = None, offset: int = 0) -> Iterator[str]:
        """CSV in pieces: the columns of all datasets that may have line items, and a line for each."""
        import pyarrow.csv as pc

        schema = self._schema()
        yield ",".join(schema.names) + "\r\n"
        options = pc.WriteOptions(include_header=False, eol="\r\n", quoting_style="needed")
        for dataset, block in self._page(limit, offset):
            buffer = io.BytesIO()
            pc.write_csv(_widened(_tagged(dataset, block), schema), buffer, options)
            yield buffer.getvalue().decode()

    def body(self) -> dict[str, Any]:
        """The wire form: a page of them, and how many there are."""
        limit, offset = page_size(self.parameters.limit) or page_size(-1), self.parameters.offset
        data: list[dict[str, Any]] = []
        count = 0
        for chunk, chosen in self.parts():
            here = chosen.true_count
            if count < offset + limit and count + here > offset:
                blocks = _cut(_blocks(chunk, chosen), limit - len(data), max(offset - count, 0))
                data += [row for dataset, block in blocks for row in _rows(dataset, block, _wire)]
            count += here
        meta = {"count": count, **self.parameters.echo, "limit": limit, "offset": offset}
        return {"meta": meta, "links": links(self.url, self.query, limit, offset, count), "data": data}

    def _page(self, limit: int | None, offset: int) -> Iterator[tuple[Dataset, pa.RecordBatch]]:
        return _cut(self.blocks(), limit, offset)

    def _schema(self) -> pa.Schema:
        """The columns of all datasets."""
        import pyarrow as pa

        own = [
            pa.schema([pa.field(n, d.dataset.schema.field(n).type) for n in _names(d.dataset)]) for d in self.declared
        ]
        return pa.unify_schemas([pa.schema([pa.field(_DATASET, pa.string())]), *own], promote_options="permissive")


def _names(dataset: Dataset) -> list[str]:
    return [c.name for c in dataset.all_columns if c.name not in _LEFT_OUT]


def _blocks(chunk: Chunk, chosen: pa.Array) -> Iterator[tuple[Dataset, pa.RecordBatch]]:
    """The chosen rows of a chunk."""
    if not chosen.true_count:
        return
    read = 0
    for block in chunk.blocks(_names(chunk.dataset)):
        wanted = chosen.slice(read, block.num_rows)
        read += block.num_rows
        if wanted.true_count:
            yield chunk.dataset, block.filter(wanted)


def _cut(
    blocks: Iterable[tuple[Dataset, pa.RecordBatch]], limit: int | None, offset: int
) -> Iterator[tuple[Dataset, pa.RecordBatch]]:
    """The rows from `offset` on, at most `limit`."""
    left = limit
    for dataset, block in blocks:
        kept = block.slice(offset, left)
        offset = max(offset - block.num_rows, 0)
        if left is not None:
            left -= kept.num_rows
        if kept.num_rows:
            yield dataset, kept
        if left == 0:
            return


def _tagged(dataset: Dataset, block: pa.RecordBatch) -> pa.Table:
    import pyarrow as pa

    table = pa.Table.from_batches([block])
    return table.add_column(0, _DATASET, pa.repeat(pa.scalar(dataset.name), table.num_rows))


def _widened(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows with the columns of a schema; those that they have not are null."""
    import pyarrow as pa

    own = set(rows.column_names)
    return pa.table([rows[f.name] if f.name in own else pa.nulls(rows.num_rows, f.type) for f in schema], schema=schema)


def _rows(dataset: Dataset, block: pa.RecordBatch, shown: Mapping[Kind, Callable[[Any], Any]]) -> Iterator[dict[str, Any]]:  # fmt: skip
    kinds = {c.name: c.kind for c in dataset.all_columns}
    columns = [_values(block.column(n).to_pylist(), shown.get(kinds[n])) for n in block.schema.names]
    names = [_DATASET, *block.schema.names]
    return (dict(zip(names, (dataset.name, *row), strict=True)) for row in zip(*columns, strict=True))


def _values(values: list[Any], shown: Callable[[Any], Any] | None) -> list[Any]:
    return values if shown is None else [None if v is None else shown(v) for v in values]


def _digits(value: Any) -> Any:
    """A decimal as a JSON number with all its digits."""
    import orjson

    return orjson.Fragment(f"{value.normalize():f}")


def _labels(value: str) -> Any:
    """Labels, which are JSON already."""
    import orjson

    return orjson.Fragment(value)


_plain: Mapping[Kind, Callable[[Any], Any]] = {Kind.LABELS: json.loads}
_wire: Mapping[Kind, Callable[[Any], Any]] = {Kind.MONEY: _digits, Kind.QUANTITY: _digits, Kind.LABELS: _labels}
