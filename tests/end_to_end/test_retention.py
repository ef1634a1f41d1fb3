"""What is older than retention goes, from everywhere; what is removed leaves nothing; and all else stays."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from plugins.koku_ocp.tests.payloads import CLUSTER, START, at, payload, pod
from starlette.testclient import TestClient

from koku_core import Koku
from koku_core.access import EVERYTHING, Identity
from koku_core.accounts import Accounts
from koku_core.api import create_app
from koku_core.clock import add_months
from koku_core.errors import UnknownName
from koku_core.intake.uploads import accept
from koku_core.jobs.queue import enqueue
from koku_core.retention import MONTHS, Busy
from koku_core.settings import Settings
from koku_core.settings_store import write
from koku_core.sources.model import Source
from koku_core.summarize.publish import month_lock
from koku_core.summarize.tables import tag_table
from koku_ocp.datasets import ALL
from koku_ocp.reports import NODE_LABELS, POD

MEDIA_TYPE = "application/vnd.redhat.hccm.tar+tgz"
NOVEMBER = date(2026, 11, 1)
ALWAYS = (date(2000, 1, 1), date(2100, 1, 1))


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings.model_copy(update={"retain_months": 2, "backup_days": 0}), tenant="acme") as koku:
        yield koku


@pytest.fixture
def source(koku: Koku) -> Source:
    return koku.sources.add("ocp", name="prod", cluster_id=CLUSTER)


def hour_of(day: date) -> int:
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) - START).total_seconds() // 3600)


def package(path: Path, *days: date, cluster: str = CLUSTER) -> Path:
    """A payload with one pod for an hour of each day."""
    pods = [pod(hour_of(day), pod_usage_cpu_core_seconds=3600) for day in days]
    labels = [at(hour_of(day), node="n1", node_labels="label_zone:a") for day in days]
    first, last = min(days), max(days)
    return payload(
        path, {POD: pods, NODE_LABELS: labels}, cluster_id=cluster, start=f"{first}T00:00:00Z", end=f"{last}T23:59:59Z"
    )


def loaded(koku: Koku, source: Source, folder: Path, *days: date) -> None:
    for number, day in enumerate(days):
        koku.ingest(source, package(folder / f"{source.name}{number}-{day}.tar.gz", day, cluster=source.key))


def months(koku: Koku, source: Source) -> list[date]:
    return koku.services.lake.months(koku.handle.name, ALL, source.uuid)


def kept(koku: Koku) -> list[Path]:
    folder = Path(koku.services.kept.url.removeprefix("file://"))
    return [p for p in folder.rglob("*") if p.is_file()]


def count(koku: Koku, table: str) -> int:
    with koku.handle.connection() as conn:
        row = conn.execute(f'SELECT count(*) FROM "{table}"').fetchone()
    return int(row[0]) if row else 0


def occurrences(dsn: str, text: str) -> list[str]:
    """Every table of every schema, in a row of which a text occurs."""
    with psycopg.connect(dsn) as conn:
        tables = conn.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return [
            f"{schema}.{table}"
            for schema, table in tables
            if conn.execute(
                f'SELECT 1 FROM "{schema}"."{table}" t WHERE position(%s IN t::text) > 0 LIMIT 1', (text,)
            ).fetchone()
        ]


def files_with(folder: Path, text: str) -> list[Path]:
    """Files and folders that are named after a text, or hold it."""
    found = [p for p in folder.rglob("*") if text in str(p)]
    return found + [p for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def test_the_purge_drops_whole_months_everywhere_and_nothing_else(koku: Koku, source: Source, tmp_path: Path) -> None:
    koku.tags.enable("OCP", ["zone"])
    days = [date(2026, month, 30) for month in (7, 8, 9, 10)] + [date(2026, 11, 1)]
    loaded(koku, source, tmp_path, *days)
    before = {m: koku.daily_summary(source, m).to_pylist() for m in (date(2026, 9, 1), date(2026, 10, 1), NOVEMBER)}
    tags = tag_table(koku.services.plugins.provider("ocp").summary.fact)
    assert count(koku, tags) == 5
    assert koku.purge() == date(2026, 9, 1) == koku.retained_from()
    assert months(koku, source) == [date(2026, m, 1) for m in (9, 10, 11)]
    assert {m: koku.daily_summary(source, m).to_pylist() for m in before} == before
    assert all(before.values())
    assert [t for t in tables(koku) if t.endswith(("_2026_07", "_2026_08"))] == []
    assert len([t for t in tables(koku) if t.endswith("_2026_09")]) > 1
    assert (count(koku, "published_month"), count(koku, "report"), len(kept(koku))) == (3, 3, 3)
    assert count(koku, tags) == 3
    lake = Path(koku.services.lake.url.removeprefix("file://"))
    koku.purge()  # what was found to be garbage goes when it has been for as long as a backup is old: here, at once
    assert [p for p in lake.rglob("*") if "2026-07" in p.name or "2026-08" in p.name] == []
    assert koku.services.lake.missing_files("acme") == []
    assert koku.services.lake.read("acme", ALL[0], source.uuid, *ALWAYS).num_rows == 3


def tables(koku: Koku) -> list[str]:
    with koku.handle.connection() as conn:
        found = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
    return sorted(name for (name,) in found)


def test_a_purge_changes_the_etag_of_answers_once(koku: Koku, source: Source, tmp_path: Path) -> None:
    loaded(koku, source, tmp_path, date(2026, 7, 1), NOVEMBER)
    first = koku.report("openshift/costs").etag
    koku.purge()
    second = koku.report("openshift/costs").etag
    koku.purge()
    assert first != second == koku.report("openshift/costs").etag


def test_gate_and_purge_obey_one_rule(koku: Koku, source: Source, tmp_path: Path) -> None:
    for months_kept in (None, 5):
        if months_kept:
            with koku.handle.transaction() as conn:
                write(conn, MONTHS, months_kept)
        first = add_months(NOVEMBER, -(months_kept or 2))
        assert koku.retained_from() == first
        last_too_old, oldest = first - timedelta(days=1), first
        for number, day in enumerate((last_too_old, oldest)):
            with package(tmp_path / f"{months_kept}{number}.tar.gz", day).open("rb") as stream:
                accepted = accept(koku.services, koku.handle, stream, MEDIA_TYPE, "p.tar.gz")
            assert (accepted.job_id is None) == (day == last_too_old)
        koku.work()
        loaded(koku, source, tmp_path, last_too_old)  # the library loads it all the same
        koku.purge()
        assert months(koku, source)[0] == first


def test_a_report_of_kept_and_purged_months_stays_and_is_not_loaded_again_whole(
    koku: Koku, source: Source, tmp_path: Path
) -> None:
    koku.ingest(source, package(tmp_path / "p.tar.gz", date(2026, 8, 31), date(2026, 9, 1)))
    koku.purge()
    assert (count(koku, "report"), len(kept(koku))) == (1, 1)
    assert months(koku, source) == [date(2026, 9, 1)]
    with koku.handle.connection() as conn:
        assert conn.execute("SELECT months FROM report").fetchone() == ([date(2026, 9, 1)],)


def test_payloads_that_wait_or_were_set_aside_go_when_they_are_too_old(
    koku: Koku, source: Source, tmp_path: Path
) -> None:
    del source
    for name, day, cluster in (("old", date(2026, 8, 31), "nobody"), ("new", NOVEMBER, "nobody")):
        path = package(tmp_path / f"{name}.tar.gz", day, cluster=cluster)
        with path.open("rb") as stream:
            accept(koku.services, koku.handle, stream, MEDIA_TYPE, path.name)
    (tmp_path / "broken").write_bytes(b"no archive")
    for _ in range(2):
        koku.receive(tmp_path / "broken", MEDIA_TYPE)
    with koku.handle.connection() as conn:
        conn.execute("UPDATE report SET received = received - interval '1 year' WHERE state = 'failed'")
    assert count(koku, "report") == 3
    koku.purge()
    assert count(koku, "report") == 1
    assert len(kept(koku)) == 1


def test_a_month_that_is_being_published_is_not_dropped(koku: Koku, source: Source, tmp_path: Path) -> None:
    old = date(2026, 7, 1)
    loaded(koku, source, tmp_path, old)
    with month_lock(koku.handle, source.uuid, old), pytest.raises(Busy, match="2026-07"):
        koku.purge()
    assert koku.daily_summary(source, old).num_rows
    koku.purge()
    assert not koku.daily_summary(source, old).num_rows


def test_a_purge_gives_way_to_readers(koku: Koku, source: Source, tmp_path: Path) -> None:
    loaded(koku, source, tmp_path, date(2026, 7, 1))
    fact = koku.services.plugins.provider("ocp").summary.fact.name
    with koku.handle.transaction() as reader, ThreadPoolExecutor() as pool:
        reader.execute(f'SELECT count(*) FROM "{fact}"')
        purged = pool.submit(koku.purge)
        slowest = 0.0
        while not purged.done():  # others are not kept waiting by the purge that waits
            began = time.monotonic()
            assert koku.daily_summary(source, date(2026, 7, 1)).num_rows
            slowest = max(slowest, time.monotonic() - began)
        with pytest.raises(Busy, match="reads the month 2026-07"):
            purged.result()
    assert slowest < 1
    koku.purge()
    assert koku.daily_summary(source, date(2026, 7, 1)).num_rows == 0


def test_purges_and_ingestions_at_once_disturb_each_other_not_at_all(
    koku: Koku, source: Source, tmp_path: Path
) -> None:
    days = [date(2026, month, day) for day in (1, 2, 3) for month in (7, 8, 10)]
    with ThreadPoolExecutor() as pool:
        ingested = pool.submit(loaded, koku, source, tmp_path, *days)
        while not ingested.done():
            with contextlib.suppress(Busy):  # a purge gives way to an ingest
                koku.purge()
            koku.report("openshift/costs", months=-3, resolution="monthly")
        ingested.result()
    koku.purge()
    assert months(koku, source) == [date(2026, 10, 1)]
    assert koku.daily_summary(source, date(2026, 10, 1)).num_rows
    assert sum(koku.daily_summary(source, m).num_rows for m in (date(2026, 7, 1), date(2026, 8, 1))) == 0
    assert koku.services.lake.missing_files("acme") == []


def test_work_on_purged_months_is_cancelled_and_old_jobs_are_forgotten(
    koku: Koku, source: Source, tmp_path: Path
) -> None:
    loaded(koku, source, tmp_path, date(2026, 7, 1), NOVEMBER)
    old, new = sorted(koku.recalculate(source), reverse=True)
    with koku.services.system.transaction() as conn:
        ended = enqueue(conn, "acme", "note", key="1")
        conn.execute("UPDATE job SET state = 'done', finished = now() - interval '31 days' WHERE id = %s", (ended,))
    koku.purge()
    assert koku.jobs.get(old).state == "cancelled"
    assert koku.jobs.get(new).state == "waiting"
    with pytest.raises(UnknownName):
        koku.jobs.get(ended)


def test_what_a_crash_left_of_a_removed_source_is_purged(koku: Koku, source: Source, tmp_path: Path) -> None:
    loaded(koku, source, tmp_path, NOVEMBER)
    with koku.handle.transaction() as conn:  # all that happens before the lake is touched
        conn.execute("DELETE FROM source")
    yesterday = time.time() - 2 * 86400
    for path in kept(koku):
        os.utime(path, (yesterday, yesterday))
    koku.purge()
    assert months(koku, source) == []
    assert kept(koku) == []


def test_a_removed_source_leaves_nothing_anywhere(koku: Koku, source: Source, dsn: str, tmp_path: Path) -> None:
    other = koku.sources.add("ocp", name="other", cluster_id="cluster-2")
    loaded(koku, other, tmp_path, NOVEMBER)
    loaded(koku, source, tmp_path, date(2026, 10, 31), NOVEMBER)
    koku.recalculate(source)
    koku.work()
    koku.recalculate(source)
    lake = Path(koku.services.lake.url.removeprefix("file://"))
    assert occurrences(dsn, source.uuid)
    assert files_with(lake, source.uuid)
    figures = koku.daily_summary(other, NOVEMBER).to_pylist()
    koku.sources.remove(source)
    for _ in range(2):  # the first finds the garbage, and removes it since no backup is kept
        koku.purge()
    assert occurrences(dsn, source.uuid) == []
    assert occurrences(dsn, CLUSTER) == []
    assert files_with(lake, source.uuid) == []
    assert len(kept(koku)) == 1
    assert koku.daily_summary(other, NOVEMBER).to_pylist() == figures
    assert months(koku, other) == [NOVEMBER]


def test_a_source_that_the_api_removes_is_gone_at_once_and_cleared_away_by_a_job(
    koku: Koku, source: Source, dsn: str, tmp_path: Path
) -> None:
    loaded(koku, source, tmp_path, NOVEMBER)
    identify = lambda _: Identity(koku.handle.name, "tester", EVERYTHING)  # noqa: E731 - as hosts write it
    api = TestClient(create_app(koku, identify=identify), base_url="http://testserver/api/cost-management/v1/")
    costs = "reports/openshift/compute/?group_by[cluster]=*&filter[time_scope_value]=-1&filter[time_scope_units]=month"
    assert CLUSTER in api.get(costs).text
    assert api.delete(f"sources/{source.uuid}/").status_code == 204
    assert api.get(f"sources/{source.uuid}/").status_code == 404
    assert CLUSTER not in api.get(costs).text
    [job] = api.get("jobs/").json()["data"]
    assert (job["kind"], job["state"], job["source_uuid"]) == ("remove", "waiting", None)
    assert len(job["request_id"]) >= 32
    assert len(kept(koku)) == 1
    koku.work()
    assert kept(koku) == []
    koku.purge()
    assert occurrences(dsn, source.uuid) == []
    assert files_with(Path(koku.services.lake.url.removeprefix("file://")), source.uuid) == []


def test_a_source_that_is_removed_while_it_is_ingested_leaves_nothing(
    koku: Koku, source: Source, dsn: str, tmp_path: Path
) -> None:
    koku.receive(package(tmp_path / "p.tar.gz", NOVEMBER), MEDIA_TYPE)
    removed: list[Any] = []

    class Removing:
        """Removes the source in another thread at the first word of progress."""

        def __call__(self, services: Any, tenant: Any, job: Any) -> None:
            from koku_core.intake.ingest import ingest_report

            with ThreadPoolExecutor() as pool:

                def progress(done: float, total: float, what: str) -> None:
                    if not removed:
                        removed.append(pool.submit(koku.sources.remove, source))
                        time.sleep(0.5)
                    job.progress(done, total, what)

                ingest_report(services, tenant, int(job.arguments["report"]), progress)

    from koku_core.jobs.runner import Runner

    Runner(koku.services, {"ingest": Removing()}).drain()
    removed[0].result()
    koku.purge()
    assert occurrences(dsn, source.uuid) == []
    assert kept(koku) == []
    assert files_with(Path(koku.services.lake.url.removeprefix("file://")), source.uuid) == []


def test_a_deleted_tenant_leaves_nothing_anywhere(koku: Koku, source: Source, dsn: str, tmp_path: Path) -> None:
    loaded(koku, source, tmp_path, NOVEMBER)
    koku.recalculate(source)
    accounts = Accounts(koku.services.system)
    accounts.add(koku.handle, "operator-of-acme")
    calm = koku.tenant("calm")
    loaded(calm, calm.sources.add("ocp", name="prod", cluster_id=CLUSTER), tmp_path, NOVEMBER)
    koku.delete_tenant()
    assert occurrences(dsn, "acme") == []
    assert occurrences(dsn, source.uuid) == []
    assert files_with(tmp_path / "data", "acme") == []
    with psycopg.connect(dsn) as conn:
        assert conn.execute("SELECT to_regnamespace('acme')").fetchone() == (None,)
    assert calm.daily_summary(calm.sources.get("prod"), NOVEMBER).num_rows
    with pytest.raises(UnknownName, match="calm"):
        koku.delete_tenant()
    assert koku.sources.list() == []
    koku.sources.add("ocp", name="again", cluster_id=CLUSTER)
    assert len(koku.sources.list()) == 1


def test_what_a_crash_left_of_a_deleted_tenant_can_be_deleted_again(koku: Koku, source: Source, tmp_path: Path) -> None:
    loaded(koku, source, tmp_path, NOVEMBER)
    koku.services.system.delete_tenant("acme")
    assert kept(koku)
    koku.delete_tenant()
    assert kept(koku) == []
    assert koku.services.lake.tables("acme") == []
