"""What plugins of clouds share: sums are kept, each bill's lines are told apart by month, cells are named, folders are closed."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koku_core.bills.blocks import Block, blocks
from koku_core.bills.maps import of_columns, of_map
from koku_core.bills.months import billed, bit_of, chosen, merged, whole_month
from koku_core.bills.places import Folder
from koku_core.clock import add_months
from koku_core.errors import PayloadRefused, SourceUnreadable, UnreadableCell
from koku_core.intake.archive import Limits
from koku_core.intake.fold import Fold

NOVEMBER = date(2026, 11, 1)
MONEY = st.decimals(-(10**6), 10**6, places=15, allow_nan=False, allow_infinity=False)
ROWS = st.lists(st.tuples(st.sampled_from("abc"), MONEY, st.text("xyz", max_size=3)), max_size=30)


@dataclass(frozen=True)
class Two:
    """A bill of a time and a number, which stand in the first two columns."""

    header: Sequence[str]

    @property
    def used(self) -> Sequence[int]:
        return (0, 1)

    @property
    def missing(self) -> Sequence[str]:
        return [name for name in ("time", "cost") if name not in self.header]


def read(path: Path, text: str) -> list[Block[Two]]:
    file = path / "bill.csv.gz"
    file.write_bytes(gzip.compress(text.encode()))
    return list(blocks(file, Limits(), Two))


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, max_size=6), st.integers(1, 20))
def test_adding_up_keeps_the_sum_and_the_largest(parts: list[list[tuple[str, Decimal, str]]], step: int) -> None:
    fold = Fold(("key",), ("cost",), ("text",), rows=step)
    for part in parts:
        keys, costs, texts = zip(*part, strict=True) if part else ((), (), ())
        columns = [pa.array(keys, pa.string()), pa.array(costs, pa.decimal128(33, 15)), pa.array(texts, pa.string())]
        fold.add(fold.block(pa.table(columns, names=["key", "cost", "text"])))
    found = fold.result()
    told = {} if found is None else {r["key"]: (r["cost"], r["text"]) for r in found.to_pylist()}
    flat = [row for part in parts for row in part]
    assert told == {
        key: (sum((c for k, c, _ in flat if k == key), Decimal()), max(t for k, _, t in flat if k == key))
        for key in {k for k, _, _ in flat}
    }


def test_the_bills_of_the_months_around_a_day_have_bits_of_their_own() -> None:
    day = date(2026, 11, 10)
    near = [bit_of(day, add_months(NOVEMBER, n)) for n in range(-10, 11)]
    assert len(set(near)) == len(near)
    assert all(bit.bit_count() == 1 and 0 < bit < 1 << 31 for bit in near)
    assert bit_of(day, NOVEMBER) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(1, 12)), min_size=1, max_size=30))
def test_each_line_is_chosen_by_its_bill_alone(lines: list[tuple[date, int]]) -> None:
    days = pa.array([day for day, _ in lines], pa.date32())
    months = pa.array([date(2026, month, 1) for _, month in lines], pa.date32())
    found = billed(days, months)
    assert found.bits.to_pylist() == [bit_of(day, date(2026, month, 1)) for day, month in lines]
    assert found.days.total() == len(lines)
    table = pa.table({"usage_start": days, "bit": found.bits, "n": list(range(len(lines)))})
    assert chosen(table, found.masks).num_rows == len(lines)
    first_day, first_month = lines[0]
    only = chosen(table, {first_day: bit_of(first_day, date(2026, first_month, 1))})["n"].to_pylist()
    assert [lines[n] for n in only] == [line for line in lines if line == lines[0]]
    assert merged([found.masks, found.masks]) == found.masks


def test_a_bill_covers_each_day_of_its_month() -> None:
    assert whole_month(NOVEMBER) == {date(2026, 11, n): 1 for n in range(1, 31)}


def test_days_and_numbers_of_cells(tmp_path: Path) -> None:
    [block] = read(tmp_path, "time,cost,more\n2026-11-02T05:00:00Z,1.5,x\n2026-11-03,-2e-3,y\n")
    assert block.days([0]).to_pylist() == [date(2026, 11, 2), date(2026, 11, 3)]
    assert block.decimals(1).to_pylist() == [Decimal("1.5"), Decimal("-0.002")]
    assert block.decimals(None).to_pylist() == [0, 0]


@pytest.mark.parametrize(
    ("cell", "said"),
    [("2026-11-02,twelve", "row 3, column cost: 'twelve'"), ("soon,1", "row 3, column time: 'soon'"), (",1", "row 3, column time: ''")],
)  # fmt: skip
def test_a_cell_that_is_not_what_it_must_be_is_named(cell: str, said: str, tmp_path: Path) -> None:
    [block] = read(tmp_path, f"time,cost\n2026-11-01,1\n{cell}\n")
    with pytest.raises(UnreadableCell, match=said):
        _ = [block.decimals(1), block.days([0])]


def test_a_bill_of_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PayloadRefused, match="has no column cost"):
        read(tmp_path, "time,price\n2026-11-01,1\n")


def test_maps_are_written_once_each_whatever_form_they_have() -> None:
    columns = {"app": pa.array(["a", "", "a"]), "env": pa.array(["", "", "x"])}
    assert of_columns(columns, 3).to_pylist() == ['{"app":"a"}', "{}", '{"app":"a","env":"x"}']
    told = pa.array(['{"user_app": "a", "aws_x": "y"}', ""])
    kept = of_map(told, lambda key: key.removeprefix("user_") if key.startswith("user_") else None)
    assert kept.to_pylist() == ['{"app":"a"}', "{}"]


def test_a_folder_gives_nothing_from_outside(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    for name in ("mine", "yours"):
        (root / name).mkdir()
        (root / name / "bill.csv").write_text(name)
    mine = Folder(root / "mine", root)
    assert [s.key for s in mine.objects(".csv")] == ["bill.csv"]
    assert mine.find("elsewhere/bill.csv", "").key == "bill.csv", (
        "keys of a bucket may have folders that a copy has not"
    )
    (root / "mine" / "bill.csv").unlink()
    for key in ("../yours/bill.csv", str(root / "yours" / "bill.csv")):
        with pytest.raises(SourceUnreadable, match="is not there"):
            mine.find(key, "")
