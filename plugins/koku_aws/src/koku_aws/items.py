"""A block of a bill's rows → line items of days, not yet added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NoReturn

from koku_aws import columns, maps
from koku_aws.numbers import NoNumber, decimals
from koku_aws.rows import Block
from koku_core.errors import UnreadableCell

if TYPE_CHECKING:
    import pyarrow as pa

#: How many months before its bill's a line may lie and still be told apart by month; later ones count from `_LATER`.
_EARLIER, _LATER, _BITS = 11, 11, 22


@dataclass(frozen=True, slots=True)
class Items:
    """Line items of a block.

    Attributes:
        rows: `usage_start`, `bit`, and the columns of the dataset.
        days: how many of each day.
        bits: for each day the bits (below) of the bills that its lines are on.
        months: months that are billed.
    """

    rows: pa.Table
    days: Counter[date]
    bits: dict[date, int]
    months: set[date]


def bit_of(day: date, month: date) -> int:
    """The bit that a line of some day takes part in if it is on the bill of some month.

    A bill replaces its month's days, and may hold lines of other months (refunds, fees). Those stand beside what the other month's
    own bill says of the day: each bill has a bit of its own in the mask of what a delivery covers, as hours have elsewhere.
    """
    late = (month.year - day.year) * 12 + month.month - day.month
    return 1 << (min(late, _EARLIER) if late >= 0 else min(_LATER - late, _BITS))


def line_items(block: Block) -> Items:
    """Read a block.

    Raises:
        UnreadableCell: a cell is not what its column must hold.
    """
    import pyarrow as pa

    start = columns.START if columns.START in block.layout.at else columns.TIMES
    days = _dates(block, [start, columns.TIMES])
    months = _dates(block, [columns.PERIOD])
    texts = {name: _text(block, of) for name, of in {**columns.KEYS, **columns.TEXTS}.items()}
    numbers = {name: _number(block, name, of) for name, of in {**columns.SUMS, **columns.MAXES}.items()}
    tags = _labels(block, block.layout.tags, block.layout.tag_map, columns.USER_TAG)
    categories = _labels(block, block.layout.categories, block.layout.category_map, "")
    pairs = pa.table([days, months], names=["day", "month"])
    found = pairs.group_by(["day", "month"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    bits = {(p["day"], p["month"]): bit_of(p["day"], p["month"]) for p in found}
    masks: dict[date, int] = {}
    per_day: Counter[date] = Counter()
    for pair in found:
        day = pair["day"]
        masks[day] = masks.get(day, 0) | bits[day, pair["month"]]
        per_day[day] += pair["count_all"]
    column = _bits(days, months, bits)
    made = {"usage_start": days, "bit": column, **texts, "tags": tags, "cost_category": categories, **numbers}
    return Items(pa.table(made), per_day, masks, {month.replace(day=1) for _, month in bits})


def _bits(days: pa.Array, months: pa.Array, bits: Mapping[tuple[date, date], int]) -> pa.Array:
    """The bit of each line."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(set(bits.values())) == 1:
        return pa.repeat(pa.scalar(next(iter(bits.values())), pa.int64()), len(days))

    def numbered(day: pa.Array, month: pa.Array) -> pa.Array:
        return pc.add(
            pc.multiply(day.cast(pa.int32()).cast(pa.int64()), 1 << 20), month.cast(pa.int32()).cast(pa.int64())
        )

    known = numbered(*(pa.array([pair[n] for pair in bits], pa.date32()) for n in (0, 1)))
    return pa.array(list(bits.values()), pa.int64()).take(pc.index_in(numbered(days, months), value_set=known))


def _refuse(block: Block, column: int, row: int, value: str, expected: str) -> NoReturn:
    raise UnreadableCell(block.file, block.first + row, block.header[column], value[:100], expected)


def _dates(block: Block, candidates: Sequence[str]) -> pa.Array:
    """The days that cells begin with; an empty cell takes that of the next column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = [block.columns[block.layout.at[name]] for name in candidates if name in block.layout.at]
    cells = pc.coalesce(*(pc.if_else(pc.equal(c, ""), pa.scalar(None, pa.string()), c) for c in found))
    encoded = pc.utf8_slice_codeunits(cells, 0, 10).dictionary_encode()
    days = [_day(text) for text in encoded.dictionary.to_pylist()]
    made = pa.array(days, pa.date32()).take(encoded.indices)
    if made.null_count:
        row = pc.is_null(made).index(True).as_py()
        column = block.layout.at[next(c for c in candidates if c in block.layout.at)]
        _refuse(block, column, row, cells[row].as_py() or "", "a time such as 2026-11-22T00:00:00Z")
    return made


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None


def _text(block: Block, candidates: Sequence[str]) -> pa.Array:
    """A column of texts; of CUR 2.0's map of product facts if it has no column of its own."""
    import pyarrow as pa

    number = block.layout.column(candidates)
    if number is not None:
        return block.columns[number]
    facts = block.layout.product_map
    if facts is not None and candidates[0].startswith("product_"):
        return _mapped(block, facts, lambda column: maps.values(column, candidates[0].removeprefix("product_")))
    return pa.repeat(pa.scalar(""), block.size)


def _number(block: Block, name: str, candidates: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    number = block.layout.column(candidates)
    if number is None:
        return decimals(pa.repeat(pa.scalar(""), block.size))
    try:
        return decimals(block.columns[number], words=name in columns.WORDS)
    except NoNumber as error:
        _refuse(block, number, error.row, error.value, "a number below 10^18")


def _labels(block: Block, of: dict[str, int], map_column: int | None, beginning: str) -> pa.Array:
    if map_column is None:
        return maps.of_columns({key: block.columns[n] for key, n in of.items()}, block.size)

    def keep(key: str) -> str | None:
        return key.removeprefix(beginning) if key.startswith(beginning) else None

    return _mapped(block, map_column, lambda column: maps.of_map(column, keep))


def _mapped(block: Block, number: int, read: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """What is read of a column that is a map."""
    try:
        return read(block.columns[number])
    except (ValueError, RecursionError):
        for row, cell in enumerate(block.columns[number].to_pylist()):
            try:
                maps.parsed(cell)
            except (ValueError, RecursionError):
                _refuse(block, number, row, cell, "a JSON object of texts")
        raise
