"""A block of a bill's rows → line items of days, not yet added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from koku_aws import columns
from koku_aws.columns import Layout
from koku_core.bills import maps
from koku_core.bills.blocks import Block
from koku_core.bills.months import Billed, billed

if TYPE_CHECKING:
    import pyarrow as pa


def line_items(block: Block[Layout]) -> tuple[pa.Table, Billed]:
    """Read a block: `usage_start`, `bit` and the columns of the dataset, and which bills its lines are on.

    Raises:
        UnreadableCell: a cell is not what its column must hold.
    """
    import pyarrow as pa

    at = block.layout.at
    days = block.days([at[name] for name in (columns.START, columns.TIMES) if name in at])
    found = billed(days, block.days([at[columns.PERIOD]]))
    texts = {name: _text(block, of) for name, of in {**columns.KEYS, **columns.TEXTS}.items()}
    numbers = {
        name: block.decimals(block.layout.column(of), words=name in columns.WORDS)
        for name, of in {**columns.SUMS, **columns.MAXES}.items()
    }
    tags = _labels(block, block.layout.tags, block.layout.tag_map, columns.USER_TAG)
    categories = _labels(block, block.layout.categories, block.layout.category_map, "")
    made = {"usage_start": days, "bit": found.bits, **texts, "tags": tags, "cost_category": categories, **numbers}
    return pa.table(made), found


def _text(block: Block[Layout], candidates: Sequence[str]) -> pa.Array:
    """A column of texts; of CUR 2.0's map of product facts if it has no column of its own."""
    import pyarrow as pa

    number = block.layout.column(candidates)
    if number is not None:
        return block.columns[number]
    facts = block.layout.product_map
    if facts is not None and candidates[0].startswith("product_"):
        return _mapped(block, facts, lambda column: maps.values(column, candidates[0].removeprefix("product_")))
    return pa.repeat(pa.scalar(""), block.size)


def _labels(block: Block[Layout], of: dict[str, int], map_column: int | None, beginning: str) -> pa.Array:
    if map_column is None:
        return maps.of_columns({key: block.columns[n] for key, n in of.items()}, block.size)

    def keep(key: str) -> str | None:
        return key.removeprefix(beginning) if key.startswith(beginning) else None

    return _mapped(block, map_column, lambda column: maps.of_map(column, keep))


def _mapped(block: Block[Layout], number: int, read: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """What is read of a column that is a map."""
    try:
        return read(block.columns[number])
    except (ValueError, RecursionError):
        for row, cell in enumerate(block.columns[number].to_pylist()):
            try:
                maps.parsed(cell)
            except (ValueError, RecursionError):
                block.refuse(number, row, cell, "a JSON object of texts")
        raise
