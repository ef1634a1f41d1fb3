"""Bills in CSV: what is read, and how what cannot be read is told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from koku_core.bills.rows import Row, read_bill
from koku_core.errors import PayloadRefused, SettingError, UnreadableCell
from koku_core.intake.local import local_folder
from koku_core.settings import Settings

COLUMNS = ("day", "cost", "tags")


def bill(folder: Path, content: str | bytes) -> Path:
    path = folder / f"{'0' * 32}-bill.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def cell(value: str) -> Row:
    return Row("bill.csv", 7, {"cell": value})


def test_columns_may_stand_in_any_order_and_more_may_be_there(tmp_path: Path) -> None:
    (row,) = read_bill(bill(tmp_path, "\ufefftags,more,cost,day\n,x,1.5,2026-11-01\n\n"), COLUMNS)
    assert (row.day("day").isoformat(), row.money("cost"), row.labels("tags"), row.number) == (
        "2026-11-01",
        Decimal("1.5"),
        {},
        2,
    )


@pytest.mark.parametrize(("content", "why"), [
    ("", "has no column day, cost, tags"),
    ("day,cost\n", "has no column tags"),
    ("day,cost,tags\n2026-11-01,1,", "cut off"),
    (b"day,cost,tags\n\xff,1,\n", "not CSV in UTF-8"),
    ('day,cost,tags\n2026-11-01,1,"{\n', "not CSV in UTF-8"),
])  # fmt: skip
def test_files_that_are_no_bills_are_refused(tmp_path: Path, content: str | bytes, why: str) -> None:
    with pytest.raises(PayloadRefused, match=why) as refused:
        list(read_bill(bill(tmp_path, content), COLUMNS))
    assert str(refused.value).startswith("Payload bill.csv:"), "by the name that it came by"


def test_a_row_of_another_length_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCell, match=r"File bill.csv, row 3, .*2 cells"):
        list(read_bill(bill(tmp_path, "day,cost,tags\n2026-11-01,1,\n2026-11-01,1\n"), COLUMNS))


@pytest.mark.parametrize(("text", "number"), [
    ("", "0"), (" 1e-9 ", "0.000000001"), ("-0.0000000000000005", "-0.000000000000001"), ("1.2345678901234565", "1.234567890123457"),
    ("123456789012345678.123456789012345", "123456789012345678.123456789012345"),
])  # fmt: skip
def test_money_is_rounded_half_away_from_zero(text: str, number: str) -> None:
    assert cell(text).money("cell") == Decimal(number)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e18", "1,5", "0x1", "one", "1\0"])
def test_what_is_no_money_is_named(text: str) -> None:
    with pytest.raises(UnreadableCell, match=r"File bill\.csv, row 7, column cell"):
        cell(text).money("cell")


@pytest.mark.parametrize("text", ["[]", "{", '"a"', '{"a": "\\u0000"}', '{"a\\ud800": ""}', "[" * 100_000, "\0"])
def test_what_are_no_labels_is_named(text: str) -> None:
    with pytest.raises(UnreadableCell, match="JSON object"):
        cell(text).labels("cell")


def test_labels_are_texts() -> None:
    assert cell('{"a": 1, "b": null, "c": "☕", "\\\\u0000": "x"}').labels("cell") == {
        "a": "1",
        "b": "null",
        "c": "☕",
        "\\u0000": "x",
    }


@pytest.mark.parametrize("text", ["2026-11-31", "today", "", "2026"])
def test_what_is_no_day_is_named(text: str) -> None:
    with pytest.raises(UnreadableCell, match="a day such as"):
        cell(text).day("cell")


def test_a_time_may_follow_a_day() -> None:
    assert cell("2026-11-01T23:59:59Z").day("cell").isoformat() == "2026-11-01"


def test_only_folders_beneath_the_open_one_are_read(tmp_path: Path) -> None:
    (tmp_path / "open" / "bills").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "open" / "way-out").symlink_to(tmp_path / "secret")
    settings = Settings(data_dir=tmp_path, local_sources=tmp_path / "open")
    assert local_folder(settings, "bills") == local_folder(settings, tmp_path / "open" / "bills")
    for named in ("..", "../secret", "way-out", tmp_path / "secret", "/"):
        with pytest.raises(SettingError, match="is not beneath"):
            local_folder(settings, named)
    with pytest.raises(SettingError, match="there is no folder"):
        local_folder(settings, "nowhere")
    with pytest.raises(SettingError, match="is not set"):
        local_folder(Settings(data_dir=tmp_path, local_sources=None), "bills")
