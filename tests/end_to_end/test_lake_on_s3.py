"""The lake on an object store: writers at once, care of old files, columns that come later, and the lines behind a figure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from pyarrow.fs import FileSelector, FileType

import koku_acme
from koku_acme.normalize import LINE_ITEMS
from koku_acme.summarize import SUMMARY
from koku_core import Koku
from koku_core.database.server import Connection
from koku_core.declare.datasets import Dataset
from koku_core.declare.summarize import Context
from koku_core.doctor import Finding
from koku_core.errors import LakeError
from koku_core.executors.base import Work
from koku_core.executors.postgres import PostgresExecutor
from koku_core.lake import Lake
from koku_core.lake.places import filesystem
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.settings_store import RETENTION, write
from koku_core.summarize.insert import name_of
from koku_core.summarize.publish import make_tables, rows_of
from koku_core.testing.agreement import difference
from koku_core.testing.case import begin
from koku_core.testing.fixtures import NOW

pytestmark = pytest.mark.slow
DAYS = [date(2026, 11, 1) + timedelta(n) for n in range(4)]
A, B = (str(uuid.UUID(int=n)) for n in (1, 2))


@pytest.fixture
def koku(settings: Settings, lake_url: str, tmp_path: Path) -> Iterator[Koku]:
    place = settings.model_copy(update={"lake_url": lake_url, "local_sources": tmp_path})
    with Koku.open(settings=place, plugins=Plugins((), extra={"acme": koku_acme}), tenant="acme") as koku:
        koku.handle.ensure()
        yield koku


def rows(days: Sequence[date], cost: int, source: str = A, dataset: Dataset = LINE_ITEMS) -> pa.Table:
    made = [
        {"source_uuid": source, "usage_start": day, "delivery": "d", "hours": -1, "plugin_version": "1", "account": "shop", "region": "r",
         "service": "s", "resource": f"{n}", "unit": "Hrs", "currency": "USD", "tags": "{}", "usage": Decimal(1), "cost": Decimal(cost)}
        for day in days for n in range(2)
    ]  # fmt: skip
    return pa.Table.from_pylist(made, schema=dataset.schema)


def costs(lake: Lake, source: str = A) -> dict[date, Decimal]:
    found = lake.read("acme", LINE_ITEMS, source, DAYS[0], DAYS[-1])
    sums = found.group_by("usage_start").aggregate([("cost", "sum")]).to_pylist()
    return {row["usage_start"]: row["cost_sum"] for row in sums}


def objects(lake: Lake, kind: str = "") -> set[str]:
    place, root = filesystem(f"{lake.url}/acme")
    found = place.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    return {info.path for info in found if info.type is FileType.File and info.path.endswith(kind)}


def test_four_writers_at_once_lose_nothing(koku: Koku) -> None:
    """Each of a source of its own, and all of them of one source; two lakes are two processes as far as the catalogue can tell."""
    lakes = [koku.services.lake, Lake(koku.services.system, koku.services.lake.url)]
    sources = [str(uuid.uuid4()) for _ in range(4)]

    def work(number: int) -> None:
        lake, source = lakes[number % 2], sources[number % 4]
        lake.replace("acme", LINE_ITEMS, source, DAYS, rows(DAYS, number, source))
        lake.replace("acme", LINE_ITEMS, A, {DAYS[number % 4]}, rows([DAYS[number % 4]], 100 + number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    for number, source in enumerate(sources):
        assert set(costs(lakes[0], source).values()) <= {Decimal(2 * number), Decimal(2 * (number + 4))}
        assert costs(lakes[0], source).keys() == set(DAYS)
    found = costs(lakes[1])
    assert all(found[day] in (2 * (100 + n), 2 * (104 + n)) for n, day in enumerate(DAYS))
    assert lakes[0].missing_files("acme") == []
    lakes[1].close()


def test_a_writer_that_asks_for_no_lock_loses_nothing_and_makes_nobody_lose(koku: Koku) -> None:
    """As Trino and other tools write: each commit of ours that it overtakes is tried again."""
    lake = koku.services.lake
    lake.replace("acme", LINE_ITEMS, A, DAYS, rows(DAYS, 1))

    def theirs() -> None:
        other = Lake(koku.services.system, lake.url)
        for n in range(3):
            other.catalog.load_table(("acme", LINE_ITEMS.name)).append(rows(DAYS[:1], n, B))
        other.close()

    with ThreadPoolExecutor(1) as pool:
        appended = pool.submit(theirs)
        for n in (5, 6, 7):
            lake.replace("acme", LINE_ITEMS, A, DAYS, rows(DAYS, n))
        appended.result()
    assert costs(lake, B) == {DAYS[0]: Decimal(2 * (0 + 1 + 2))}
    assert costs(lake) == dict.fromkeys(DAYS, Decimal(14))


def test_old_snapshots_and_their_files_go_when_they_may(koku: Koku) -> None:
    lake = koku.services.lake
    for n in range(12):
        lake.replace("acme", LINE_ITEMS, A, DAYS, rows(DAYS, n))
    assert len(lake.catalog.load_table(("acme", LINE_ITEMS.name)).snapshots()) <= 10
    assert len(objects(lake, ".parquet")) == 12 * len(DAYS)
    lake.retain("acme", lambda: {A}, DAYS[2])  # forgets history, and the first two days
    assert lake.sweep(timedelta(days=7)) == 0  # noted; a backup may still name them
    assert lake.sweep(timedelta(0)) > 0
    assert len(objects(lake, ".parquet")) == 2
    assert len(objects(lake, ".avro")) <= 3  # the list of manifests, the manifest, and what the last commit took away
    assert lake.missing_files("acme") == []
    assert costs(lake) == dict.fromkeys(DAYS[2:], Decimal(22))
    lake.drop_source("acme", A)
    lake.sweep(timedelta(0))
    lake.retain("acme", lambda: (), DAYS[0])
    lake.sweep(timedelta(0))
    assert objects(lake, ".parquet") == set()


def test_the_purge_and_the_doctor_reach_the_store(koku: Koku, tmp_path: Path) -> None:
    """Retention empties old months, a removed source leaves nothing once backups are old enough; a lost file is found."""
    plugin = koku.services.plugins.provider("acme")
    case = begin(koku, plugin, plugin.call("koku_sample", folder=tmp_path, today=NOW.date()), tmp_path)
    case.load()
    lake = koku.services.lake
    assert {m.month for m in lake.months("acme", [LINE_ITEMS], case.source.uuid)} == {10, 11}
    behind = koku.line_items("acme/costs", group_by="service", row={"service": "disks", "date": "2026-10"}, months=-2)
    assert (behind.count(), behind.to_arrow()["resource"].unique().to_pylist()) == (31, ["disk-1"])
    victim = sorted(objects(lake, ".parquet"))[-1]
    filesystem(lake.url)[0].delete_file(victim)
    assert [f"s3://{victim}" in f.what for f in found(koku)] == [True]
    with pytest.raises(LakeError, match="KOKU_LAKE_URL"):
        koku.line_items("acme/costs", months=-1).count()
    assert koku.line_items("acme/costs", months=-2).count() == 124  # the other month is whole
    with koku.handle.transaction() as conn:
        write(conn, RETENTION, 1)
    with koku.handle.transaction() as conn:
        conn.execute("UPDATE setting SET value = '0' WHERE name = %s", (RETENTION,))
    koku.purge()
    assert {m.month for m in lake.months("acme", [LINE_ITEMS], case.source.uuid)} == {11}
    koku.sources.remove(case.source)
    koku.purge()
    lake.sweep(timedelta(0))
    assert objects(lake, ".parquet") == set()
    assert found(koku) == []


def found(koku: Koku) -> list[Finding]:
    return [f for f in koku.doctor() if f.where == "lake"]


def test_a_column_that_comes_later_is_null_in_what_was_there(trino_koku: Koku, server_dsn: str) -> None:
    """On both engines; and the old files stay as they are."""
    lake, conn_of = trino_koku.services.lake, trino_koku.handle.ensure()
    earlier = Dataset(LINE_ITEMS.name, tuple(c for c in LINE_ITEMS.columns if c.name not in ("unit", "tags")))
    lake.replace(trino_koku.handle.name, earlier, A, DAYS[:1], rows(DAYS[:1], 1, dataset=earlier))
    work = _work(trino_koku.handle.name)
    with conn_of.connection() as conn:
        assert _units(trino_koku, conn, work) == {None}
        lake.replace(trino_koku.handle.name, LINE_ITEMS, A, DAYS[1:], rows(DAYS[1:], 2))
        assert _units(trino_koku, conn, work) == {None, "Hrs"}
    table = lake.catalog.load_table((trino_koku.handle.name, LINE_ITEMS.name))
    old = next(t.file.file_path for t in table.scan().plan_files() if "usage_start=2026-11-01" in t.file.file_path)
    place, path = filesystem(old)
    assert "unit" not in pa.parquet.read_schema(place.open_input_file(path)).names  # nobody wrote it anew


def _work(tenant: str) -> Work:
    values: dict[str, Any] = {"source_uuid": A, "source_name": "n", "source_key": "k"}
    values |= {"month_start": DAYS[0], "month_end": date(2026, 11, 30), "days_in_month": 30}
    keys = {Context.ENABLED_TAG_KEYS: pa.table({"key": pa.array(["app"], pa.string())})}
    return Work(tenant, A, DAYS[0], values, keys)


def _units(koku: Koku, conn: Connection, work: Work) -> set[str | None]:
    """The units of the rows that both engines make."""
    (step,) = SUMMARY.steps
    made: list[list[Mapping[str, Any]]] = []
    for executor in (PostgresExecutor(koku.services.settings, koku.services.lake), koku.services.executor):
        with conn.transaction(force_rollback=True), conn.cursor(row_factory=dict_row) as cursor:
            make_tables(conn, SUMMARY, A)
            into = rows_of(SUMMARY, SUMMARY.fact)
            executor.summarize(conn, SUMMARY, step, work, into)
            made.append([*cursor.execute(sql.SQL("SELECT * FROM {}").format(name_of(into)))])
    assert difference(SUMMARY.fact, *made) == ""
    return {row["unit"] for row in made[0]}
