"""Deliveries of one cluster in the lake: parts of days, corrections, any order, two processes at once."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from plugins.koku_ocp.tests.payloads import CLUSTER, at, payload, pod

from koku_core import Koku
from koku_core.intake.ingest import ingest_report
from koku_core.settings import Settings
from koku_core.sources.model import Source
from koku_ocp.datasets import ALL, NODE_LABEL_DAYS
from koku_ocp.reports import NODE_LABELS, POD

MEDIA_TYPE = "application/vnd.redhat.hccm.tar+tgz"
CPU = "pod_usage_cpu_core_seconds"
MONTH = (date(2026, 10, 1), date(2026, 12, 31))


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings, tenant="acme") as koku:
        yield koku


@pytest.fixture
def source(koku: Koku) -> Source:
    return koku.sources.add("ocp", name="c", cluster_id=CLUSTER)


def made(folder: Path, number: int, hours: Sequence[int], value: int, **changes: Any) -> Path:
    """A delivery with one pod's rows of these hours, each of this value; `changes` to its manifest."""
    return payload(
        folder / f"{number}.tar.gz",
        {POD: [pod(h, **{CPU: value}) for h in hours], NODE_LABELS: [at(h, node="n1") for h in hours]},
        uuid=f"0b7ad5a0-0000-4000-8000-{number:012d}",
        **changes,
    )


def lines(koku: Koku, source: Source) -> dict[date, int]:
    """Usage of each day, in the lake."""
    found = koku.services.lake.read(koku.handle.name, ALL[0], source.uuid, *MONTH)
    sums = found.group_by("usage_start").aggregate([(CPU, "sum")]).to_pylist()
    return {row["usage_start"]: int(row[f"{CPU}_sum"]) for row in sums}


def lake(koku: Koku, source: Source) -> list[str]:
    """Every line item, without the stamps that depend on the delivery's order."""
    tables = [koku.services.lake.read(koku.handle.name, d, source.uuid, *MONTH) for d in ALL]
    return sorted(
        str(sorted(row.items())) for table in tables for row in table.drop_columns(["source_uuid"]).to_pylist()
    )


DAY = date(2026, 11, 10)


def test_hours_add_up_and_the_full_day_replaces_them(koku: Koku, source: Source, tmp_path: Path) -> None:
    koku.ingest(source, made(tmp_path, 1, range(6), 1))
    koku.ingest(source, made(tmp_path, 2, range(6, 12), 10))
    assert lines(koku, source) == {DAY: 66}
    koku.ingest(source, made(tmp_path, 3, range(24), 100))
    assert lines(koku, source) == {DAY: 2400}


def test_a_correction_of_as_many_hours_wins(koku: Koku, source: Source, tmp_path: Path) -> None:
    koku.ingest(source, made(tmp_path, 1, range(48), 1))
    koku.ingest(source, made(tmp_path, 2, range(48), 2))
    assert lines(koku, source) == {DAY: 48, date(2026, 11, 11): 48}


def test_a_day_whose_deliveries_overlap_in_part_is_rebuilt(koku: Koku, source: Source, tmp_path: Path) -> None:
    koku.ingest(source, made(tmp_path, 1, range(12), 1))
    koku.ingest(source, made(tmp_path, 2, range(6, 18), 10))
    assert lines(koku, source) == {DAY: 6 * 1 + 12 * 10}
    koku.ingest(source, made(tmp_path, 3, range(4, 8), 100))
    assert lines(koku, source) == {DAY: 4 * 1 + 4 * 100 + 10 * 10}


def test_a_dataset_that_is_not_in_a_delivery_stays(koku: Koku, source: Source, tmp_path: Path) -> None:
    koku.ingest(source, made(tmp_path, 1, range(24), 1))
    koku.ingest(source, payload(tmp_path / "2.tar.gz", {NODE_LABELS: [at(0, node="other")]}))
    assert lines(koku, source) == {DAY: 24}
    labels = koku.services.lake.read(koku.handle.name, ALL[3], source.uuid, *MONTH).to_pylist()
    assert sorted((r["node"], r["label_hours"]) for r in labels) == [("n1", 23), ("other", 1)]


def test_an_upload_that_is_worked_off_late_does_not_win(koku: Koku, source: Source, tmp_path: Path) -> None:
    older, newer = made(tmp_path, 1, range(12), 1), made(tmp_path, 2, range(6, 24), 10)
    koku.receive(older, MEDIA_TYPE)
    koku.ingest(source, newer)
    koku.work()
    assert lines(koku, source) == {DAY: 6 * 1 + 18 * 10}


def test_a_payload_that_was_made_earlier_and_comes_late_does_not_win(
    koku: Koku, source: Source, tmp_path: Path
) -> None:
    koku.ingest(source, made(tmp_path, 1, range(6, 24), 10, date="2026-11-12T00:00:00Z"))
    koku.ingest(source, made(tmp_path, 2, range(12), 1, date="2026-11-11T00:00:00Z"))
    assert lines(koku, source) == {DAY: 6 * 1 + 18 * 10}


@pytest.mark.slow
def test_rows_that_a_newer_delivery_has_no_more_do_not_come_back(koku: Koku, source: Source, tmp_path: Path) -> None:
    """Its report of nodes' labels is there and has nothing of the day; an older delivery with labels is worked off late."""
    labels = [at(h, node="n1", node_labels="label_app:old") for h in range(24)]
    pods = [pod(h, **{CPU: 1}) for h in range(24)]
    old, new = (
        payload(tmp_path / f"{n}.tar.gz", {POD: pods, NODE_LABELS: rows}, uuid=f"0b7ad5a0-0000-4000-8000-{n:012d}")
        for n, rows in enumerate((labels, []))
    )
    reports = [koku.receive(path, MEDIA_TYPE).report_id for path in (old, new)]
    for report in reversed(reports):
        assert report is not None
        ingest_report(koku.services, koku.handle, report)
    found = koku.services.lake.read("acme", NODE_LABEL_DAYS, source.uuid, *MONTH)
    assert found.num_rows == 0
    assert lines(koku, source) == {date(2026, 11, 10): 24}


def test_any_order_of_working_off_gives_the_same_lake(koku: Koku, tmp_path: Path) -> None:
    """What was accepted in one order comes to the same, in whatever order it is worked off."""
    parts = [(range(0, 10), 1), (range(5, 15), 2), (range(12, 30), 3), (range(20, 26), 4)]
    files = [made(tmp_path, n, hours, value) for n, (hours, value) in enumerate(parts)]
    results = []
    for number, order in enumerate(itertools.permutations(range(len(files)))):
        if number % 5:
            continue
        tenant = koku.tenant(f"t{number}")
        source = tenant.sources.add("ocp", name="c", cluster_id=CLUSTER)
        jobs = [tenant.receive(path, MEDIA_TYPE) for path in files]
        for n in order:
            ingest_report(tenant.services, tenant.handle, jobs[n].report_id or 0)
        results.append(lake(tenant, source))
    assert all(result == results[0] for result in results)


def test_a_payload_of_several_months_reaches_all_of_them(koku: Koku, source: Source, tmp_path: Path) -> None:
    """The manifest's start and end tell of the last month alone, or nothing: the rows count."""
    hours = [-24 * 41, -24 * 20, 0]  # September, October, November
    never = "0001-01-01T00:00:00Z"
    told: list[dict[str, Any]] = [{"start": None, "end": None}, {}, {"start": never, "end": never}]
    for number, times in enumerate(told):
        path = payload(tmp_path / f"{number}.tar.gz", {POD: [pod(h, **{CPU: 3600}) for h in hours]}, **times)
        found = koku.ingest(source, path)
        assert [f"{m:%Y-%m}" for m in found.months] == ["2026-09", "2026-10", "2026-11"]
    assert all(koku.daily_summary(source, month).num_rows for month in found.months)


def test_two_processes_with_the_same_payload(settings: Settings, koku: Koku, source: Source, tmp_path: Path) -> None:
    path = made(tmp_path, 1, range(24), 1)
    script = f"""
from koku_core import Koku
from koku_core.settings import Settings
settings = Settings(database_url={settings.database_url.get_secret_value() if settings.database_url else ""!r},
                    data_dir={str(settings.data_dir)!r}, clock="2026-11-22T20:00:00Z", plugins=("ocp",))
with Koku.open(settings=settings, tenant="acme") as koku:
    koku.ingest("c", {str(path)!r})
"""
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    assert [process.wait(120) for process in running] == [0, 0]
    assert lines(koku, source) == {DAY: 24}
    coverage = koku.services.lake.coverage("acme", ALL[0], source.uuid, [DAY])
    assert coverage == {DAY: {"0b7ad5a0-0000-4000-8000-000000000001": 2**24 - 1}}


def test_a_removed_source_leaves_no_rows_and_no_files(koku: Koku, source: Source, tmp_path: Path) -> None:
    koku.ingest(source, made(tmp_path, 1, range(24), 1))
    koku.sources.remove(source)
    assert lines(koku, source) == {}
    folder = Path(koku.services.kept.url.removeprefix("file://"))
    assert [p for p in folder.rglob("*") if p.is_file()] == []


def test_refreshing_finishes_what_a_dead_process_left(koku: Koku, source: Source, tmp_path: Path) -> None:
    accepted = koku.receive(made(tmp_path, 1, range(24), 1), MEDIA_TYPE)
    with koku.handle.connection() as conn:
        conn.execute("UPDATE report SET state = 'running'")
    (found,) = koku.refresh(source)
    assert (found.report_id, found.state) == (accepted.report_id, "done")
    assert koku.refresh(source) == []
    koku.work()
    assert lines(koku, source) == {DAY: 24}
