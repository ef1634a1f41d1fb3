"""Lake and kept files on a real object store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from plugins.koku_ocp.tests.payloads import CLUSTER, payload, pod
from pyarrow.fs import FileSelector, FileType

from koku_core import Koku
from koku_core.devtools.network import free_ports
from koku_core.errors import InvalidInput, LakeError, UnknownName
from koku_core.intake.inbox import ingest_named
from koku_core.lake.places import filesystem
from koku_core.settings import Settings
from koku_core.settings_store import RETENTION, write
from koku_ocp.datasets import ALL, POD_DAYS
from koku_ocp.reports import POD

pytestmark = pytest.mark.slow
CPU = "pod_usage_cpu_core_seconds"


@pytest.fixture
def koku(lake_url: str, settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings.model_copy(update={"lake_url": lake_url}), tenant="acme") as koku:
        yield koku


def usage(koku: Koku) -> int:
    (source,) = koku.sources
    found = koku.services.lake.read("acme", POD_DAYS, source.uuid, date(2026, 11, 1), date(2026, 11, 30))
    return sum(found[CPU].to_pylist())


def test_the_whole_way_on_an_object_store(koku: Koku, tmp_path: Path) -> None:
    source = koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    lake, kept = koku.services.lake, koku.services.kept
    for number, hours in enumerate((range(12), range(6, 24))):
        path = payload(tmp_path / f"{number}.tar.gz", {POD: [pod(h, **{CPU: 10**number}) for h in hours]})
        koku.receive(path, "application/vnd.redhat.hccm.tar+tgz")
        koku.work()
    assert koku.jobs.list(("failed",)) == []
    assert usage(koku) == 6 + 180  # six hours of the first, folded again from its kept file
    assert lake.missing_files("acme") == []
    place, root = filesystem(lake.url)
    with place.open_output_stream(
        f"{root}/acme/{POD_DAYS.name}/data/torn.parquet"
    ) as out:  # what a killed writer leaves
        out.write(b"half a file")
    assert lake.sweep(timedelta(days=1)) == 0
    assert lake.sweep(timedelta(0)) == 1
    assert lake.missing_files("acme") == []
    assert usage(koku) == 186
    with koku.handle.connection() as conn:
        keys = [key for (key,) in conn.execute("SELECT kept FROM report_file").fetchall()]
    with kept.fetch(keys[0]) as path:
        assert path.stat().st_size > 0
    koku.sources.remove(source)
    assert not any(kept.exists(key) for key in keys)
    lake.drop_tenant("acme")
    assert lake.tables("acme") == []


def test_a_store_that_is_down_is_an_error_that_says_so(
    koku: Koku, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_ports(1)[0]}")
    path = payload(tmp_path / "p.tar.gz", {POD: [pod(0)]})
    with pytest.raises(LakeError, match="could not be kept"):
        koku.receive(path, "application/vnd.redhat.hccm.tar+tgz")
    assert koku.jobs.list() == []


def names(koku: Koku) -> list[str]:
    """Every object of the lake, line items and kept files."""
    place, root = filesystem(koku.services.lake.url)
    found = place.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    return [info.path for info in found if info.type == FileType.File]


def test_old_months_lost_files_and_a_deleted_tenant_leave_the_object_store(koku: Koku, tmp_path: Path) -> None:
    source = koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    for number, hour in enumerate((-24 * 130, 0)):  # in July, in November
        path = payload(tmp_path / f"{number}.tar.gz", {POD: [pod(hour, **{CPU: 1})]})
        koku.ingest(source, path)
    lost = koku.services.kept.keep("acme", payload(tmp_path / "lost.tar.gz", {}))
    with koku.handle.transaction() as conn:
        write(conn, RETENTION, 3)
    koku.purge()
    assert koku.services.lake.months("acme", ALL, source.uuid) == [date(2026, 11, 1)]
    assert any("2026-07" in name for name in names(koku))  # until no backup names it
    koku.services.lake.sweep(timedelta(0), "acme")
    assert not any("2026-07" in name for name in names(koku))
    assert koku.services.kept.exists(lost)  # its report may not have been written down yet
    with koku.handle.connection() as conn:
        (used,) = [key for (key,) in conn.execute("SELECT kept FROM report_file").fetchall()]
    assert koku.services.kept.sweep("acme", lambda: [used], timedelta(0)) == 1
    assert koku.services.kept.exists(used)
    koku.delete_tenant()
    assert not any("acme" in name for name in names(koku))


def test_payloads_are_ingested_from_an_inbox_that_is_a_bucket(koku: Koku, settings: Settings, tmp_path: Path) -> None:
    services = replace(
        koku.services, settings=settings.model_copy(update={"inbox_url": f"s3://lake/{tmp_path.name}-in"})
    )
    koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    plugin = services.plugins.provider("ocp")
    place, root = filesystem(f"s3://lake/{tmp_path.name}-in")
    with pytest.raises(UnknownName, match="payload"):
        ingest_named(services, koku.handle, plugin, "mine")
    made = payload(tmp_path / "p.tar.gz", {POD: [pod(h, **{CPU: 1}) for h in range(24)]})
    with place.open_output_stream(f"{root}/mine.tar.gz") as out:
        out.write(made.read_bytes())
    with pytest.raises(InvalidInput):
        ingest_named(services, koku.handle, plugin, f"../{tmp_path.name}-in/mine.tar.gz")
    [accepted] = ingest_named(services, koku.handle, plugin, "mine")
    assert accepted.job_id is not None
    koku.work()
    assert usage(koku) == 24
    assert place.get_file_info(f"{root}/mine.tar.gz").type is FileType.File
