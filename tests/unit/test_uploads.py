"""What becomes of an upload: kept, listed, waiting, refused, or nothing to do."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from plugins.koku_ocp.tests.payloads import CLUSTER, at, payload, pod, tarball

from koku_core import Koku
from koku_core.clock import Clock
from koku_core.database.server import rows
from koku_core.errors import LakeError, PayloadRefused, PayloadTooLarge, UnknownName, UnreadableCell
from koku_core.intake.ingest import ingest_report
from koku_core.intake.uploads import Accepted, accept
from koku_core.settings import Settings
from koku_ocp.reports import NODE_LABELS, POD

MEDIA_TYPE = "application/vnd.redhat.hccm.tar+tgz"
CPU = "pod_usage_cpu_core_seconds"


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings.model_copy(update={"upload_limit_mib": 1}), tenant="acme") as koku:
        koku.handle.ensure()
        yield koku


def send(koku: Koku, path: Path, name: str = "tmp/upload/p.tar.gz") -> Accepted:
    with path.open("rb") as stream:
        return accept(koku.services, koku.handle, stream, MEDIA_TYPE, name)


def report(koku: Koku, accepted: Accepted) -> dict[str, Any]:
    with koku.handle.connection() as conn:
        (found,) = rows(conn, "SELECT * FROM report WHERE id = %s", (accepted.report_id,))
    return found


def kept(koku: Koku) -> list[Path]:
    folder = Path(koku.services.kept.url.removeprefix("file://"))
    return [p for p in folder.rglob("*") if p.is_file()]


def test_a_payload_is_kept_and_its_job_listed(koku: Koku, tmp_path: Path) -> None:
    koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    path = payload(tmp_path / "p.tar.gz", {POD: [pod(0, **{CPU: 3600})]})
    accepted = send(koku, path)
    (file,) = kept(koku)
    assert file.read_bytes() == path.read_bytes()
    assert [(j.id, j.kind, j.state) for j in koku.jobs.list()] == [(accepted.job_id, "ingest", "waiting")]
    assert koku.work() == 1
    assert report(koku, accepted)["state"] == "done"
    assert koku.tags.rows() == []


def test_the_same_bytes_again_make_no_work(koku: Koku, tmp_path: Path) -> None:
    koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    path = payload(tmp_path / "p.tar.gz", {POD: [pod(0)]})
    first = send(koku, path)
    koku.work()
    again = send(koku, path)
    assert (again.report_id, again.job_id) == (first.report_id, None)
    assert len(kept(koku)) == 1
    assert len(koku.jobs.list()) == 1


def test_a_payload_waits_for_its_source(koku: Koku, tmp_path: Path) -> None:
    accepted = send(koku, payload(tmp_path / "p.tar.gz", {POD: [pod(0)]}))
    assert accepted.job_id is None
    assert report(koku, accepted)["source_uuid"] is None
    source = koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    (job,) = koku.jobs.list()
    assert (job.kind, job.source_uuid) == ("ingest", source.uuid)
    koku.work()
    assert report(koku, accepted)["state"] == "done"


def test_a_split_package_waits_for_its_parts_in_any_order(koku: Koku, tmp_path: Path) -> None:
    koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    names = ["pod_usage.1.csv", "node_labels.2.csv"]
    one = payload(
        tmp_path / "1.tar.gz",
        {NODE_LABELS: [at(0, node="n1")]},
        uuid="0b7ad5a0-0000-4000-8000-000000000001",
        files=names,
    )
    two = payload(tmp_path / "2.tar.gz", {POD: [pod(0)]}, uuid="0b7ad5a0-0000-4000-8000-000000000001", files=names)
    first, second = send(koku, one), send(koku, two)
    assert first.report_id == second.report_id
    assert first.job_id is None
    assert second.job_id is not None
    koku.work()
    assert [c["kind"] for c in report(koku, first)["counts"]] == ["node_labels", "pod_usage"]


def test_what_must_not_be_read_is_set_aside_with_its_reason(koku: Koku, tmp_path: Path) -> None:
    accepted = send(koku, tarball(tmp_path / "bad.tar.gz", {"a.csv": b""}), "evil/../name.tar.gz")
    found = report(koku, accepted)
    assert found["state"] == "failed"
    assert "name.tar.gz: holds no manifest.json" in found["error"]
    (job,) = koku.jobs.list()
    assert (job.state, job.error) == ("failed", found["error"])
    assert len(kept(koku)) == 1
    send(koku, tmp_path / "bad.tar.gz")
    assert len(kept(koku)) == 1


def test_too_large_a_payload_leaves_nothing(koku: Koku) -> None:
    with pytest.raises(PayloadTooLarge):
        accept(koku.services, koku.handle, io.BytesIO(bytes((1 << 20) + 1)), MEDIA_TYPE, "p")
    assert kept(koku) == []
    assert koku.jobs.list() == []


def test_a_payload_that_could_not_be_listed_is_swept(koku: Koku, tmp_path: Path) -> None:
    with koku.handle.transaction() as conn:
        conn.execute("ALTER TABLE report_file ADD CHECK (size < 0)")
    with pytest.raises(psycopg.errors.CheckViolation):
        send(koku, payload(tmp_path / "p.tar.gz", {POD: [pod(0)]}))
    assert koku.jobs.list() == []
    assert len(kept(koku)) == 1, "for all that is known here it might have been listed"
    assert koku.services.kept.sweep("acme", list, timedelta(0)) == 1


def test_an_unknown_media_type_is_told(koku: Koku) -> None:
    with pytest.raises(UnknownName, match=r"hccm\.tar"):
        accept(koku.services, koku.handle, io.BytesIO(b""), "text/csv", "p")


def test_a_payload_of_another_product_is_done_at_once(koku: Koku, tmp_path: Path) -> None:
    koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    accepted = send(koku, payload(tmp_path / "p.tar.gz", {}, files=None))
    assert (report(koku, accepted)["state"], accepted.job_id, kept(koku)) == ("done", None, [])


def test_months_older_than_retention_are_for_the_library_alone(koku: Koku, tmp_path: Path) -> None:
    source = koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    later = Clock(datetime(2028, 1, 1, tzinfo=UTC))
    koku = Koku(replace(koku.services, clock=later), koku.handle)
    path = payload(tmp_path / "p.tar.gz", {POD: [pod(0)]})
    accepted = send(koku, path)
    assert report(koku, accepted)["state"] == "done"
    assert "older than retention" in report(koku, accepted)["warnings"][0]
    assert koku.jobs.list() == []
    other = payload(tmp_path / "q.tar.gz", {POD: [pod(0)]})
    assert koku.ingest(source, other).rows == 1


def test_a_failed_report_is_tried_again_when_it_is_sent_again(koku: Koku, tmp_path: Path) -> None:
    source = koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    path = payload(tmp_path / "p.tar.gz", {POD: [pod(0, **{CPU: "much"})]})
    accepted = send(koku, path)
    koku.work()
    found = report(koku, accepted)
    assert found["state"] == "failed"
    assert "row 2, column pod_usage_cpu_core_seconds: 'much' is not a number" in found["error"]
    assert koku.jobs.list()[0].error == found["error"]
    assert send(koku, path).job_id is not None
    with pytest.raises(UnreadableCell):
        koku.ingest(source, path)
    assert koku.services.lake.tables("acme") == []


def test_a_payload_of_another_cluster_is_refused_by_the_library(koku: Koku, tmp_path: Path) -> None:
    source = koku.sources.add("ocp", name="c", cluster_id="another")
    with pytest.raises(PayloadRefused, match="another"):
        koku.ingest(source, payload(tmp_path / "p.tar.gz", {POD: [pod(0)]}))
    assert kept(koku) == []


def test_ingesting_tells_what_came_in(koku: Koku, tmp_path: Path) -> None:
    source = koku.sources.add("ocp", name="prod", cluster_id=CLUSTER)
    steps: list[str] = []
    path = payload(tmp_path / "p.tar.gz", {POD: [pod(0, pod_labels="label_app:x"), pod(25)]})
    made = koku.ingest(source, path, lambda done, total, what: steps.append(what))
    assert (made.rows, made.state, [f"{m:%Y-%m}" for m in made.months]) == (2, "done", ["2026-11"])
    assert "pod_usage.1.csv  pod_usage  2026-11-10  1     0" in str(made)
    assert "<td>2026-11-11</td>" in made._repr_html_()
    assert steps[0] == "reading"
    assert steps[-1] == "done"
    with koku.handle.connection() as conn:
        assert rows(conn, "SELECT family, key, enabled FROM tag_key") == [
            {"family": "OCP", "key": "app", "enabled": False}
        ]


def test_a_lost_kept_file_fails_for_now_and_says_which(koku: Koku, tmp_path: Path) -> None:
    koku.sources.add("ocp", name="c", cluster_id=CLUSTER)
    accepted = send(koku, payload(tmp_path / "p.tar.gz", {POD: [pod(0)]}))
    kept(koku)[0].unlink()
    assert accepted.report_id is not None
    with pytest.raises(LakeError, match="is missing"):
        ingest_report(koku.services, koku.handle, accepted.report_id)
    assert report(koku, accepted)["state"] == "ready"
