"""Reads bills in CSV row by row, for plugins: a cell that is not what its column must hold is named by file, row and column.

Fast enough for bills of some hundred thousand lines; a provider with more reads its files by columns.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from koku_core.errors import PayloadRefused, UnreadableCell
from koku_core.intake.kept import given_name

_SMALLEST = Decimal("1e-15")
_EXACT = Context(prec=33, rounding=ROUND_HALF_UP)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a bill; each method reads a cell, and raises `UnreadableCell` if it does not hold that.

    Attributes:
        file: the bill's name.
        number: of the row; the header is row 1.
        cells: by column.
    """

    file: str
    number: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """A text, as it stands there."""
        return self._read(column, _text, "a text without NUL")

    def day(self, column: str) -> date:
        """A day, which a time may follow."""
        return self._read(column, lambda cell: date.fromisoformat(cell[:10]), "a day such as 2026-11-22")

    def money(self, column: str) -> Decimal:
        """A number, rounded half away from zero to the 15 decimals of `Kind.MONEY`; an empty cell is zero."""
        return self._read(column, _money, "a number below 10^18")

    def labels(self, column: str) -> dict[str, str]:
        """A map of labels from a JSON object; an empty cell has none."""
        return self._read(column, _labels, "a JSON object of texts")

    def _read(self, column: str, parse: Callable[[str], T], expected: str) -> T:
        cell = self.cells[column]
        try:
            return parse(cell)
        except (ValueError, InvalidOperation, RecursionError) as error:
            raise UnreadableCell(self.file, self.number, column, cell[:100], expected) from error


def read_bill(file: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a CSV in UTF-8 that has at least these columns, in any order; other columns are left out.

    Raises:
        PayloadRefused: it has no such header, is not UTF-8, or is cut off: its last line has no end.
        UnreadableCell: a row has more or fewer cells than the header.
    """
    with file.open("rb") as raw:
        ended = raw.seek(0, 2) == 0 or (raw.seek(-1, 2), raw.read(1))[1] == b"\n"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, [])
            missing = [c for c in columns if c not in header]
            if missing:
                raise PayloadRefused(
                    given_name(file), f"has no column {', '.join(missing)}", do="Is it a bill of this provider?"
                )
            if not ended:
                raise PayloadRefused(given_name(file), "is cut off: its last line has no end", do="Fetch it again.")
            for number, cells in enumerate(reader, start=2):
                if cells:
                    yield _row(file, number, header, cells)
        except (csv.Error, UnicodeDecodeError) as error:
            raise PayloadRefused(given_name(file), f"is not CSV in UTF-8 ({error})") from error


def _row(file: Path, number: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise UnreadableCell(
            given_name(file), number, "(all)", f"{len(cells)} cells", f"{len(header)} cells, as the header has"
        )
    return Row(given_name(file), number, dict(zip(header, cells, strict=True)))


def _text(cell: str) -> str:
    if "\0" in cell:
        raise ValueError(cell)
    return cell


def _money(cell: str) -> Decimal:
    number = Decimal(cell.strip() or "0")
    if not number.is_finite():
        raise ValueError(cell)
    return number.quantize(_SMALLEST, context=_EXACT)


def _labels(cell: str) -> dict[str, str]:
    found: Any = json.loads(_text(cell)) if cell else {}
    if not isinstance(found, dict):
        raise ValueError(cell)
    made = {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
    _text("".join((*made, *made.values()))).encode()  # half a character of UTF-16 cannot be stored either
    return made
