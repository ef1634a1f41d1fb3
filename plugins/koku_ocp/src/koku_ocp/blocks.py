"""Reads a block of a report: typed columns, its rows' days and hours, without rows that cannot be right."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, cast

from koku_ocp.reports import Report

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 2 << 20
_LINE = 16 << 20
_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?( \+0000 UTC)?")
#: A number beyond this is a fault of the metrics, not a measurement.
LARGEST = 1e18
TIME_FORMAT = "a time like 2026-11-22 18:00:00 +0000 UTC"


class Unreadable(Exception):
    """A block holds a cell that is not what it must be."""


@dataclass(slots=True)
class Block:
    """A block of a report.

    Attributes:
        rows: columns of the report, `usage_start`, `hour`, `bit` (1 << hour).
        total: rows read.
        days: rows of each day.
        hours: hours of each day that have a row, as bits.
        left_out: rows left out, by reason.
    """

    rows: pa.Table
    total: int
    days: Counter[date] = field(default_factory=Counter)
    hours: dict[date, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


@lru_cache(maxsize=100_000)
def moment(text: str) -> datetime | None:
    """The time that a cell names; None: it does not."""
    found = _TIME.fullmatch(text)
    try:
        made = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
    return made if made and 2000 <= made.year < 2200 else None


def read_header(stream: BinaryIO) -> tuple[tuple[str, ...], BinaryIO]:
    """The names of the first line, and a stream of what follows it."""
    start = b""
    while b"\n" not in start and len(start) < _LINE and (data := stream.read(64 << 10)):
        start += data
    line, _, rest = start.partition(b"\n")
    text = line.decode("utf-8-sig", "replace").strip()
    try:
        names = tuple(name.strip() for name in next(csv.reader([text]), []))
    except csv.Error:
        names = ()  # not a table at all
    return names, cast(BinaryIO, _Joined(rest, stream))


class _Joined(io.RawIOBase):
    """A few bytes, then the rest of a stream."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def read(self, size: int = -1) -> bytes:
        found, self._first = self._first, b""
        return found + self._rest.read(max(size - len(found), 0) if size >= 0 else -1)


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Pieces of about `BLOCK` bytes that end with a line.

    Raises:
        Unreadable: a line is longer than any report's.
    """
    rest = b""
    while data := stream.read(BLOCK):
        whole, newline, tail = data.rpartition(b"\n")
        if newline:
            yield rest + whole + newline
            rest = tail
        else:
            rest += data
        if len(rest) > _LINE:
            raise Unreadable(f"a row is longer than {_LINE} bytes")
    if rest:
        yield rest


def read_block(report: Report, header: tuple[str, ...], data: bytes, only: Mapping[date, int] | None) -> Block:
    """Read a block of a report's lines.

    Raises:
        Unreadable: a cell is not what its column must hold, or a line has too many or too few.
    """
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, ReadOptions, read_csv

    texts = pa.dictionary(pa.int32(), pa.string())
    types = {name: pa.float64() if name in report.numbers else texts for name in report.columns}
    present = [name for name in report.columns if name in header]
    try:
        table = read_csv(
            pa.BufferReader(data.replace(b"\0", b"")),
            read_options=ReadOptions(column_names=header, block_size=len(data) + 1, use_threads=False),
            convert_options=ConvertOptions(column_types=types, include_columns=present, null_values=[""]),
        )
    except pa.ArrowInvalid as error:
        raise Unreadable(str(error)) from error
    return _timed(report, _complete(report, table), only)


def _complete(report: Report, table: pa.Table) -> pa.Table:
    """Add the columns that an older operator does not write, empty; blank numbers are 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {}
    for name in report.columns:
        if name in table.column_names:
            found = table[name].combine_chunks()
            columns[name] = pc.fill_null(found, 0.0) if name in report.numbers and found.null_count else found
        elif name in report.numbers:
            columns[name] = pa.repeat(pa.scalar(0.0), table.num_rows)
        else:
            blank = pa.array([""], pa.string())
            columns[name] = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), table.num_rows), blank)
    return pa.table(columns)


def _timed(report: Report, table: pa.Table, only: Mapping[date, int] | None) -> Block:
    import pyarrow as pa
    import pyarrow.compute as pc

    starts = table["interval_start"].combine_chunks()
    moments = [moment(text) for text in starts.dictionary.to_pylist()]
    counts = {f["values"].as_py(): f["counts"].as_py() for f in pc.value_counts(starts.indices)}
    if any(moments[i] is None for i in counts):
        raise Unreadable("interval_start is not a time")
    known = [m or datetime(1970, 1, 1) for m in moments]
    bits = [1 << m.hour for m in known]
    table = table.drop_columns("interval_start")
    for name, values, kind in (
        ("usage_start", [m.date() for m in known], pa.date32()),
        ("hour", [m.hour for m in known], pa.int64()),
        ("bit", bits, pa.int64()),
    ):
        table = table.append_column(name, pa.array(values, kind).take(starts.indices))
    keep = [only is None or bool(only.get(m.date(), 0) & bit) for m, bit in zip(known, bits, strict=True)]
    if not all(keep):
        table = table.filter(pa.array(keep).take(starts.indices))
    block = Block(table, len(starts))
    for index, count in counts.items():
        if keep[index]:
            block.days[known[index].date()] += count
            block.hours[known[index].date()] = block.hours.get(known[index].date(), 0) | bits[index]
    _leave_out(report, block)
    return block


def _leave_out(report: Report, block: Block) -> None:
    """Drop rows with a number that is none, or is too large to be true."""
    import pyarrow.compute as pc

    good = None
    for name in report.numbers:
        column = block.rows[name]
        low, high = pc.min_max(column).values()
        if pc.sum(column).as_py() is None or (
            low.as_py() >= -LARGEST and high.as_py() <= LARGEST and pc.is_finite(pc.sum(column)).as_py()
        ):
            continue
        sound = pc.less_equal(pc.abs(column), LARGEST)
        good = sound if good is None else pc.and_(good, sound)
    if good is None:
        return
    bad = block.rows.num_rows - pc.sum(good).as_py()
    if bad:
        block.left_out["a number beyond 1e18, or none"] += bad
        block.rows = block.rows.filter(good)
