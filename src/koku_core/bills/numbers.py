"""Numbers of a bill → exact decimals with 15 places, rounded half away from zero."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
#: What writers of reports put where there is no number.
_NONE = ("", "None")
_PLACES = Decimal("1e-15")
_EXACT = Context(prec=33, rounding=ROUND_HALF_UP)
_MOST = Decimal(10) ** 18


class NoNumber(Exception):
    """A cell is not a number below 10^18; `row` counts from 0."""

    def __init__(self, row: int, value: str) -> None:
        super().__init__(value)
        self.row, self.value = row, value


def decimals(texts: pa.Array, *, words: bool = False) -> pa.Array:
    """A column of numbers; an empty cell, or one of `None`, is zero.

    Args:
        texts: the cells.
        words: whether a cell that is no number counts as zero.

    Raises:
        NoNumber: a cell is not a number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    money = pa.decimal128(33, 15)
    encoded = texts.dictionary_encode()
    cells = encoded.dictionary
    filled = pc.if_else(pc.is_in(cells, value_set=pa.array(_NONE)), "0", cells)
    try:
        wide = pc.cast(filled, pa.decimal128(38, 20))
        made = pc.round(wide, 15, "half_towards_infinity").cast(money)
    except pa.ArrowInvalid:
        made = pa.array([_decimal(cell, words) for cell in cells.to_pylist()], money)
        if made.null_count:
            wrong = pc.is_null(made).index(True).as_py()
            row = pc.index(encoded.indices, pa.scalar(wrong, encoded.indices.type)).as_py()
            raise NoNumber(row, cells[wrong].as_py()) from None
    return made.take(encoded.indices)


def _decimal(cell: str, words: bool) -> Decimal | None:
    """The number of a cell; None: there is none."""
    cell = cell.strip()
    if cell in _NONE or (words and not _NUMBER.fullmatch(cell)):
        return Decimal(0)
    if not _NUMBER.fullmatch(cell):
        return None
    number = Decimal(cell)
    return number.quantize(_PLACES, context=_EXACT) if abs(number) < _MOST else None
