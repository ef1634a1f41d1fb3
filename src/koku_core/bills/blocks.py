"""Reads the files of a bill block by block: CSV, packed or not, and Parquet. Every cell comes as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from koku_core.bills.numbers import NoNumber, decimals
from koku_core.errors import PayloadRefused, PayloadTooLarge, UnreadableCell
from koku_core.intake.archive import Limits
from koku_core.intake.kept import given_name

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 20
_ROWS = 32 << 10
_HEADER = 4 << 20
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_AGAIN = "Fetch it again; if it stays so, have its writer make it anew."


class Layout(Protocol):
    """Where a bill has what, as a plugin finds it in the header."""

    @property
    def used(self) -> Sequence[int]:
        """The numbers of the columns that are read, from 0."""

    @property
    def missing(self) -> Sequence[str]:
        """The columns that a bill must have and this one has not."""


L = TypeVar("L", bound=Layout)


@dataclass(frozen=True, slots=True)
class Block(Generic[L]):
    """Some rows of a file.

    Attributes:
        file: its name.
        layout: where it has what.
        header: the names of its columns.
        columns: those that are used, by number; texts, or maps as Parquet has them.
        first: the number of the first row; the header is row 1.
        size: how many rows these are.
    """

    file: str
    layout: L
    header: list[str]
    columns: dict[int, pa.Array]
    first: int
    size: int

    def refuse(self, column: int, row: int, value: str, expected: str) -> NoReturn:
        """Name a cell that is not what its column must hold.

        Args:
            column: its number.
            row: its number in this block, from 0.
            value: what it holds.
            expected: what it must hold, in words.

        Raises:
            UnreadableCell: always.
        """
        raise UnreadableCell(self.file, self.first + row, self.header[column], value[:100], expected)

    def decimals(self, column: int | None, *, words: bool = False) -> pa.Array:
        """A column of exact numbers (see `numbers.decimals`); of zeros if the bill has no such column.

        Raises:
            UnreadableCell: a cell is not a number.
        """
        import pyarrow as pa

        if column is None:
            return decimals(pa.repeat(pa.scalar(""), self.size))
        try:
            return decimals(self.columns[column], words=words)
        except NoNumber as error:
            self.refuse(column, error.row, error.value, "a number below 10^18")

    def days(self, columns: Sequence[int]) -> pa.Array:
        """The days that cells begin with, date32; where a column is empty, the next one counts.

        Raises:
            UnreadableCell: a cell begins with no day between 2000 and 2200.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        found = [self.columns[number] for number in columns]
        cells = pc.coalesce(*(pc.if_else(pc.equal(c, ""), pa.scalar(None, pa.string()), c) for c in found))
        encoded = pc.utf8_slice_codeunits(cells, 0, 10).dictionary_encode()
        days = [_day(text) for text in encoded.dictionary.to_pylist()]
        made = pa.array(days, pa.date32()).take(encoded.indices)
        if made.null_count:
            row = pc.is_null(made).index(True).as_py()
            self.refuse(columns[0], row, cells[row].as_py() or "", "a time such as 2026-11-22T00:00:00Z")
        return made


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None


def blocks(file: Path, limits: Limits, layout: Callable[[Sequence[str]], L]) -> Iterator[Block[L]]:
    """The rows of a file.

    Args:
        file: CSV in UTF-8 (packed by gzip or not) or Parquet; which one, its first bytes tell.
        limits: how much it may unpack to.
        layout: finds the columns in a header.

    Raises:
        PayloadRefused: it is cut off, is neither CSV nor Parquet, lacks columns, or unpacks to more than is allowed.
    """
    import pyarrow as pa

    name = given_name(file)
    with file.open("rb") as raw:
        start = raw.read(4)
    try:
        yield from (
            _parquet(file, name, layout) if start == _PARQUET else _csv(file, name, start[:2] == _GZIP, limits, layout)
        )
    except (pa.ArrowInvalid, UnicodeDecodeError, csv.Error) as error:
        raise PayloadRefused(name, f"cannot be read ({_brief(error)})", do=_AGAIN) from error
    except (OSError, EOFError) as error:
        raise PayloadRefused(name, f"is cut off or damaged ({_brief(error)})", do=_AGAIN) from error


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def _checked(name: str, header: list[str], layout: Callable[[Sequence[str]], L]) -> L:
    found = layout(header)
    if found.missing:
        raise PayloadRefused(
            name, f"has no column {', '.join(found.missing)}", do="Is it a bill of this provider, with all its columns?"
        )
    return found


def _csv(
    file: Path, name: str, packed: bool, limits: Limits, layout: Callable[[Sequence[str]], L]
) -> Iterator[Block[L]]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _header(file, name, packed)
    found = _checked(name, header, layout)
    names = [str(n) for n in range(len(header))]
    used = [str(n) for n in found.used]
    reading = arrow_csv.ReadOptions(block_size=_BLOCK, column_names=names, skip_rows=1, use_threads=False)
    parsing = arrow_csv.ParseOptions(newlines_in_values=True)
    converting = arrow_csv.ConvertOptions(
        include_columns=used, column_types=dict.fromkeys(used, pa.string()), strings_can_be_null=False
    )
    with pa.input_stream(str(file), compression="gzip" if packed else None) as stream:
        rows = size = 0
        for batch in arrow_csv.open_csv(stream, reading, parsing, converting):
            size += batch.nbytes
            if size > limits.unpacked_bytes:
                raise PayloadTooLarge(name, limits.unpacked_bytes)
            yield Block(
                name, found, header, dict(zip(found.used, batch.columns, strict=True)), rows + 2, batch.num_rows
            )
            rows += batch.num_rows


def _header(file: Path, name: str, packed: bool) -> list[str]:
    """The names of the first line."""
    import pyarrow as pa

    with pa.input_stream(str(file), compression="gzip" if packed else None) as stream:
        start = b""
        while b"\n" not in start and len(start) < _HEADER and (data := stream.read(64 << 10)):
            start += data
    line, end, _ = start.partition(b"\n")
    if not end:
        raise PayloadRefused(name, "is cut off: its header has no end" if line else "is empty", do=_AGAIN)
    return next(csv.reader(io.StringIO(line.decode("utf-8-sig"), newline="")), [])


def _parquet(file: Path, name: str, layout: Callable[[Sequence[str]], L]) -> Iterator[Block[L]]:
    from pyarrow import parquet

    with parquet.ParquetFile(file) as stored:
        header = list(stored.schema_arrow.names)
        found = _checked(name, header, layout)
        wanted = [header[n] for n in found.used]
        rows = 0
        for batch in stored.iter_batches(_ROWS, columns=wanted):
            columns = {n: _text(batch.column(header[n])) for n in found.used}
            yield Block(name, found, header, columns, rows + 2, batch.num_rows)
            rows += batch.num_rows


def _text(column: pa.Array) -> pa.Array:
    """A column of Parquet as texts: numbers as they are written shortest, times as ISO 8601, maps as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind: Any = column.type
    if pa.types.is_map(kind) or pa.types.is_struct(kind):
        return column
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    return pc.fill_null(pc.cast(column, pa.string()), "")
