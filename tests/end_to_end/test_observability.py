"""Who runs the library can follow a request to its job and its log, see how long each step took, and count."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from plugins.koku_ocp.tests.payloads import CLUSTER, payload, pod
from prometheus_client.parser import text_string_to_metric_families

from koku_core import Koku
from koku_core.errors import DatabaseUnavailable
from koku_core.observability import scope
from koku_core.observability.logs import JsonFormatter, TextFormatter
from koku_core.settings import Settings
from koku_ocp.reports import POD
from tests.end_to_end.conftest import Api

MEDIA_TYPE = "application/vnd.redhat.hccm.tar+tgz"
UPLOAD = "/api/ingress/v1/upload"
STEPS = {"normalize", "lake", "summarize", "price", "rollups"}
SECRET = "s3cr3t-passw0rd"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return payload(tmp_path / "p.tar.gz", {POD: [pod(h, pod_usage_cpu_core_seconds=3600) for h in range(3)]})


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "koku")
    return caplog


def upload(api: Api, path: Path, **headers: str) -> Any:
    url = f"http://testserver{UPLOAD}"
    answer = api.post(url, files={"file": ("p.tar.gz", path.read_bytes(), MEDIA_TYPE)}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer


@pytest.mark.parametrize("given", ["req-42", None])
def test_a_request_is_followed_from_its_answer_to_its_job_and_log(
    api: Api, org: Koku, path: Path, log: pytest.LogCaptureFixture, given: str | None
) -> None:
    org.sources.add("ocp", name="c", cluster_id=CLUSTER)
    answer = upload(api, path, **({"x-rh-insights-request-id": given} if given else {}))
    request = answer.headers["x-rh-insights-request-id"]
    assert given in (None, request)
    assert answer.json()["request_id"] == request
    log.clear()
    org.work()
    (job,) = org.jobs.list()
    assert (job.state, job.request_id) == ("done", request)
    told = [r for r in log.records if r.name in ("koku.jobs", "koku.timings")]
    assert {r.fields["request_id"] for r in told} == {request}  # type: ignore[attr-defined]  # a field of ours in the record
    assert {r.job for r in told} == {job.id}  # type: ignore[attr-defined]  # a field of ours in the record


def test_what_a_request_sets_off_carries_its_id(api: Api, org: Koku) -> None:
    source = org.sources.add("ocp", name="c", cluster_id=CLUSTER)
    with org.handle.connection() as conn:
        conn.execute("INSERT INTO published_month VALUES (%s, '2026-11-01')", (source.uuid,))
    answer = api.patch(f"sources/{source.uuid}/", json={"name": "d"}, headers={"x-rh-insights-request-id": "rename"})
    assert answer.status_code == 200, answer.text
    assert [j.request_id for j in org.jobs.list()] == ["rename"]


def test_an_answer_is_logged_with_its_status_and_time(api: Api, log: pytest.LogCaptureFixture) -> None:
    api.get("sources/")
    api.get("sources/nowhere/")
    told = [r.fields for r in log.records if r.name == "koku.api" and r.message == "answered"]  # type: ignore[attr-defined]  # a field of ours in the record
    assert [(t["method"], t["path"], t["status"]) for t in told] == [
        ("GET", "/api/cost-management/v1/sources/", 200),
        ("GET", "/api/cost-management/v1/sources/nowhere/", 404),
    ]
    assert all(t["request_id"] and 0 < t["seconds"] < 60 and t["tenant"] == "org1234567" for t in told)


def test_a_job_tells_how_long_its_steps_took(org: Koku, path: Path) -> None:
    source = org.sources.add("ocp", name="c", cluster_id=CLUSTER)
    org.receive(path, MEDIA_TYPE)
    org.work()
    (job,) = org.jobs.list()
    assert set(job.timings) == STEPS
    assert job.started
    assert job.finished
    assert 0 < sum(job.timings.values()) <= (job.finished - job.started).total_seconds()
    (again,) = org.recalculate(source)
    org.work()
    assert set(org.jobs.get(again).timings) == {"summarize", "price", "rollups"}


def figures(admin: Api) -> dict[tuple[str, str], float]:
    """Every sample of `/metrics`, by name and labels."""
    answer = admin.get("http://testserver/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {
        (s.name, " ".join(f"{k}={v}" for k, v in sorted(s.labels.items()))): s.value
        for f in families
        for s in f.samples
    }


def test_prometheus_counts_jobs_rows_and_latencies(admin: Api, api: Api, org: Koku, path: Path) -> None:
    assert not any(name == "koku_jobs" for name, _ in figures(admin))
    org.sources.add("ocp", name="c", cluster_id=CLUSTER)
    org.receive(path, MEDIA_TYPE)
    assert figures(admin)["koku_jobs", "kind=ingest state=waiting"] == 1
    org.work()
    (tmp := path.with_name("broken")).write_bytes(b"no archive")
    org.receive(tmp, MEDIA_TYPE)
    before = figures(admin)
    assert before["koku_jobs", "kind=ingest state=done"] == 1
    assert before["koku_jobs", "kind=ingest state=failed"] == 1
    assert before["koku_job_duration_seconds_count", "kind=ingest state=done"] == 1
    assert before["koku_job_duration_seconds_bucket", "kind=ingest le=+Inf state=done"] == 1
    assert before["koku_rows_ingested_total", "provider=ocp"] == 3
    assert before["koku_report_latency_seconds_count", "provider=ocp"] == 1
    assert 0 < before["koku_step_seconds_total", "kind=ingest step=normalize"] < 60
    api.get("sources/")
    after, labels = figures(admin), "method=GET resource=sources/ status=200"
    name = "koku_request_duration_seconds_count"
    assert after[name, labels] == before.get((name, labels), 0) + 1


def test_a_database_that_is_away_is_no_crash_of_metrics(admin: Api, koku: Koku) -> None:
    koku.services.system.server.close()
    answer = admin.get("http://testserver/metrics")
    assert (answer.status_code, answer.text[:30]) == (503, "The database is not available: "[:30])


def test_no_secret_is_logged_or_told(
    api: Api, org: Koku, dsn: str, log: pytest.LogCaptureFixture, settings: Settings
) -> None:
    log.set_level(logging.DEBUG)
    api.get(f"sources/?name={SECRET}", headers={"authorization": f"Basic {SECRET}"})
    api.post(
        "sources/", json={"name": "x", "source_type": "OCP", "authentication": {"credentials": {"secret": SECRET}}}
    )
    wrong = psycopg.conninfo.make_conninfo(dsn, password=SECRET, host="127.0.0.1", port=1)
    with pytest.raises(DatabaseUnavailable) as raised:
        Koku.open(wrong, settings=settings)
    assert SECRET not in str(raised.value)
    told = "\n".join(JsonFormatter().format(r) + TextFormatter().format(r) for r in log.records if r.name != "httpx2")
    assert "answered" in told
    assert SECRET not in told
    assert "x-rh-identity" not in told
    assert all(SECRET not in str(j) for j in org.jobs.list())


def test_the_library_leaves_logging_to_its_host() -> None:
    code = (
        "import logging, koku_core.koku, koku_core.jobs.handlers\n"
        "print(logging.getLogger().handlers, logging.getLogger('koku').handlers)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"


def record(**fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("koku.jobs", logging.INFO, "file", 1, "it took %s", ("long",), None)
    made.fields = fields
    return made


def test_a_line_of_the_log_as_text_and_as_json() -> None:
    assert TextFormatter().format(record(job=3)).endswith(" INFO koku.jobs it took long job=3")
    line = json.loads(JsonFormatter().format(record(job=3, timings={"lake": 0.5})))
    assert {k: v for k, v in line.items() if k != "time"} == {
        "level": "INFO", "logger": "koku.jobs", "message": "it took long", "job": 3, "timings": {"lake": 0.5},
    }  # fmt: skip


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    assert settings.database_url
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("KOKU_", "ARROW_"))},
        "KOKU_DATABASE_URL": settings.database_url.get_secret_value(), "KOKU_DATA_DIR": str(settings.data_dir),
        "KOKU_CLOCK": "2026-11-22T20:00:00", "KOKU_PLUGINS": "ocp",
    }  # fmt: skip


@pytest.mark.slow
def test_a_worker_logs_json_lines_that_say_on_whose_behalf(org: Koku, path: Path, environment: dict[str, str]) -> None:
    org.sources.add("ocp", name="c", cluster_id=CLUSTER)
    with scope(request_id="req-7"):
        org.receive(path, MEDIA_TYPE)
    command = [sys.executable, "-m", "koku_core.cli", "worker", "--log-format", "json"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as worker:
        assert org.wait(60) == []
        worker.terminate()
        assert worker.stderr
        lines = [json.loads(line) for line in worker.stderr if line.startswith("{")]
    begun, done = (line for line in lines if line["logger"] == "koku.jobs")
    assert {line["request_id"] for line in (begun, done)} == {"req-7"}
    assert {line["tenant"] for line in (begun, done)} == {"org1234567"}
    assert set(done["timings"]) == STEPS


def test_a_worker_takes_memory_from_the_system_unless_told_otherwise(environment: dict[str, str]) -> None:
    code = (
        "from koku_core.cli.processes import prepare_worker; prepare_worker()\n"
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    for told, backend in ({}, "system"), ({"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}, "mimalloc"):
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment | told, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == backend


def test_an_unknown_log_format_is_told(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "koku_core.cli", "worker", "--log-format", "xml"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "koku: There is no log format 'xml'. Known: json, text.\n")
