"""The lake: partitions are replaced whole, in one commit, and nothing that is needed is ever removed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from koku_core.database import System
from koku_core.declare.columns import Column, Kind, quantity, text
from koku_core.declare.datasets import Dataset
from koku_core.errors import LakeError, SettingError
from koku_core.lake import Lake

LINES = Dataset("test_lines", (text("name"), quantity("amount", "s")))
A, B = str(uuid.uuid4()), str(uuid.uuid4())
DAYS = [date(2026, 10, 30) + timedelta(days=n) for n in range(4)]  # two months


@pytest.fixture
def system(system: System) -> System:
    system.tenant("acme").ensure()
    return system


@pytest.fixture
def lake(system: System, tmp_path: Path) -> Iterator[Lake]:
    lake = Lake(system, str(tmp_path / "lake"))
    yield lake
    lake.close()


def rows(
    days: list[date], amount: int = 1, *, source: str = A, delivery: str = "d", hours: int = -1, each: int = 2
) -> pa.Table:
    lines = [(day, n) for day in days for n in range(each)]
    return pa.table(
        {
            "source_uuid": [source] * len(lines), "usage_start": [day for day, _ in lines], "delivery": [delivery] * len(lines),
            "hours": [hours] * len(lines), "plugin_version": ["1"] * len(lines), "name": [f"n{n}" for _, n in lines],
            "amount": [Decimal(amount)] * len(lines),
        },
        schema=LINES.schema,
    )  # fmt: skip


def amounts(lake: Lake, source: str = A) -> dict[date, int]:
    found = lake.read("acme", LINES, source, DAYS[0], DAYS[-1])
    sums = found.group_by("usage_start").aggregate([("amount", "sum")]).to_pylist()
    return {row["usage_start"]: int(row["amount_sum"]) for row in sums}


def test_what_is_not_there_reads_empty(lake: Lake) -> None:
    assert lake.read("acme", LINES, A, DAYS[0], DAYS[-1]).schema == LINES.schema
    assert lake.coverage("acme", LINES, A, DAYS) == {}
    assert lake.months("acme", [LINES], A) == []
    assert lake.tables("nobody") == []
    lake.drop_source("acme", A)


def test_days_are_replaced_whole_and_others_stay(lake: Lake) -> None:
    lake.replace("acme", LINES, A, DAYS, rows(DAYS))
    lake.replace("acme", LINES, B, DAYS[:1], rows(DAYS[:1], 7, source=B))
    lake.replace("acme", LINES, A, DAYS[1:3], rows(DAYS[1:2], 5))
    assert amounts(lake) == {DAYS[0]: 2, DAYS[1]: 10, DAYS[3]: 2}
    assert amounts(lake, B) == {DAYS[0]: 14}
    assert lake.months("acme", [LINES], A) == [date(2026, 10, 1), date(2026, 11, 1)]
    assert lake.months("acme", [LINES], B) == [date(2026, 10, 1)]


def test_reading_keeps_to_its_days_and_columns(lake: Lake) -> None:
    lake.replace("acme", LINES, A, DAYS, rows(DAYS))
    found = lake.read("acme", LINES, A, DAYS[1], DAYS[2], columns=["name", "usage_start"])
    assert found.column_names == ["name", "usage_start"]
    assert set(found["usage_start"].to_pylist()) == {DAYS[1], DAYS[2]}
    whole = lake.read("acme", LINES, A, DAYS[0], DAYS[-1])
    assert whole.sort_by("usage_start").equals(rows(DAYS))


def test_coverage_says_who_covers_what(lake: Lake) -> None:
    both = pa.concat_tables([rows(DAYS[:1], delivery="a", hours=0b11), rows(DAYS[:1], delivery="b", hours=0b100)])
    lake.replace("acme", LINES, A, DAYS[:1], both)
    assert lake.coverage("acme", LINES, A, DAYS) == {DAYS[0]: {"a": 0b11, "b": 0b100}}
    assert lake.coverage("acme", LINES, A, DAYS[1:]) == {}


def test_a_new_column_is_added_and_old_rows_have_none(lake: Lake) -> None:
    lake.replace("acme", LINES, A, DAYS[:1], rows(DAYS[:1], each=1))
    wider = Dataset("test_lines", (*LINES.columns, Column("extra", Kind.BOOLEAN), text("more")))
    assert lake.read("acme", wider, A, DAYS[0], DAYS[0])["more"].to_pylist() == [None]
    new = rows(DAYS[1:2], each=1).append_column("extra", pa.array([True])).append_column("more", pa.array(["x"]))
    lake.replace("acme", wider, A, DAYS[1:2], new)
    found = lake.read("acme", wider, A, DAYS[0], DAYS[1]).sort_by("usage_start")
    assert found["extra"].to_pylist() == [None, True]
    assert lake.read("acme", LINES, A, DAYS[0], DAYS[1]).num_rows == 2  # the older version reads on


def test_a_reader_sees_the_old_rows_or_the_new_ones(lake: Lake) -> None:
    lake.replace("acme", LINES, A, DAYS, rows(DAYS))
    stop, seen = threading.Event(), set()

    def look() -> None:
        while not stop.is_set():
            seen.add(tuple(sorted(amounts(lake).items())))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        for n in (3, 4, 5):
            lake.replace("acme", LINES, A, DAYS, rows(DAYS, n, each=n))
        time.sleep(0.05)
        stop.set()
        looking.result()
    assert seen <= {tuple((day, n * each) for day in DAYS) for n, each in ((1, 2), (3, 3), (4, 4), (5, 5))}


def test_many_writers_of_one_table_all_succeed(system: System, tmp_path: Path) -> None:
    """Two lakes are two processes as far as the catalogue can tell."""
    lakes = [Lake(system, str(tmp_path / "lake")) for _ in range(2)]
    sources = [str(uuid.uuid4()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda n: lakes[n % 2].replace(
                    "acme", LINES, sources[n % 4], DAYS, rows(DAYS, n, source=sources[n % 4])
                ),
                range(8),
            )
        )
    for number, source in enumerate(sources):
        assert set(amounts(lakes[0], source).values()) <= {2 * number, 2 * (number + 4)}
    for lake in lakes:
        lake.close()


def test_commits_do_not_become_slower_as_they_grow_in_number(lake: Lake) -> None:
    for n in range(30):
        lake.replace("acme", LINES, A, DAYS, rows(DAYS, n))
    table = lake.catalog.load_table(("acme", LINES.name))
    assert len(table.snapshots()) <= 10
    assert len(table.current_snapshot().manifests(table.io)) <= 3  # type: ignore[union-attr]  # there is a snapshot after a commit
    assert amounts(lake) == dict.fromkeys(DAYS, 58)


def test_small_manifests_are_merged(lake: Lake) -> None:
    sources = [str(uuid.uuid4()) for _ in range(25)]
    for source in sources:
        lake.replace("acme", LINES, source, DAYS[:1], rows(DAYS[:1], source=source))
    table = lake.catalog.load_table(("acme", LINES.name))
    assert len(table.current_snapshot().manifests(table.io)) < 20  # type: ignore[union-attr]  # there is a snapshot after a commit
    assert all(amounts(lake, source) == {DAYS[0]: 2} for source in sources)


def test_sweeping_removes_what_nothing_names_and_nothing_else(lake: Lake, tmp_path: Path) -> None:
    for n in range(12):
        lake.replace("acme", LINES, A, DAYS, rows(DAYS, n))
    before = len([p for p in (tmp_path / "lake").rglob("*") if p.is_file()])
    assert lake.sweep(timedelta(days=7)) == 0  # noted, and left alone for now
    assert lake.sweep(timedelta(days=7)) == 0
    removed = lake.sweep(timedelta(0))
    left = [p for p in (tmp_path / "lake").rglob("*") if p.is_file()]
    assert removed > 20
    assert len(left) == before - removed
    assert lake.missing_files("acme") == []
    assert amounts(lake) == dict.fromkeys(DAYS, 22)


def test_missing_files_are_named(lake: Lake, tmp_path: Path) -> None:
    lake.replace("acme", LINES, A, DAYS, rows(DAYS))
    assert lake.missing_files("acme") == []
    victim = next((tmp_path / "lake").rglob("*.parquet"))
    victim.unlink()
    assert lake.missing_files("acme") == [f"file://{victim}"]
    with pytest.raises(LakeError, match="KOKU_LAKE_URL"):
        lake.read("acme", LINES, A, DAYS[0], DAYS[-1])


def test_a_source_is_dropped_and_its_neighbour_stays(lake: Lake) -> None:
    for source in (A, B):
        lake.replace("acme", LINES, source, DAYS, rows(DAYS, source=source))
    lake.drop_source("acme", A)
    assert amounts(lake) == {}
    assert amounts(lake, B) == dict.fromkeys(DAYS, 2)


def test_a_tenant_is_dropped_with_its_files(lake: Lake, system: System, tmp_path: Path) -> None:
    system.tenant("other").ensure()
    for tenant in ("acme", "other"):
        lake.replace(tenant, LINES, A, DAYS, rows(DAYS))
    lake.drop_tenant("acme")
    lake.drop_tenant("acme")
    assert not (tmp_path / "lake" / "acme").exists()
    assert lake.tables("acme") == []
    assert lake.read("other", LINES, A, DAYS[0], DAYS[-1]).num_rows == 8


def test_a_lake_that_cannot_be_written_is_an_error_that_says_so(system: System) -> None:
    lake = Lake(system, "/proc/no/lake")
    with pytest.raises(LakeError, match="KOKU_LAKE_URL"):
        lake.replace("acme", LINES, A, DAYS, rows(DAYS))
    lake.close()
    with pytest.raises(SettingError, match="s3://bucket"):
        Lake(system, "ftp://somewhere")
