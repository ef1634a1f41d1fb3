"""`koku serve` for real: two ports, a worker beside it, and a clean end however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from koku_core.embedded.postmaster import Postmaster
from koku_core.plugins import Plugins

pytestmark = pytest.mark.slow
WORKER = "koku_core.cli"
BOUNDARY = "b0undary"


def identity() -> str:
    """Whose header the API trusts: an organization's admin."""
    user = {"username": "ann", "email": "ann@example.com", "is_org_admin": True}
    stated = {"org_id": "1", "account_number": "1", "type": "User", "user": user}
    return b64encode(
        json.dumps({"identity": stated, "entitlements": {"cost_management": {"is_entitled": True}}}).encode()
    ).decode()


class Served:
    """A server that runs, and the addresses that it wrote."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr
        lines = list(
            takewhile(lambda line: line not in ("", "Stop with Ctrl-C.\n"), iter(process.stderr.readline, None))
        )
        assert len(lines) >= 3, "".join(lines)
        self.api, self.upload, self.admin = (line.split()[1] for line in lines[-3:])

    def call(self, url: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        request = urllib.request.Request(url, body, {"x-rh-identity": identity(), **headers})  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
            return answer.status, json.load(answer)

    def workers(self) -> list[int]:
        return [pid for pid, parent in processes() if parent == self.process.pid]


def processes() -> Iterator[tuple[int, int]]:
    """All processes that live, with their parents."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            yield int(stat.parent.name), int(parent)


def until(condition: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)


@contextmanager
def serve(dsn: str, place: Path, *more: str, command: str = "serve") -> Iterator[Served]:
    settings = {"DATABASE_URL": dsn, "DATA_DIR": str(place / "data"), "CLOCK": "2026-11-22T20:00:00", "PLUGINS": "ocp"}
    process = subprocess.Popen(
        [sys.executable, "-m", "koku_core.cli", command, "--port", "0", "--admin-port", "0", *more],
        env=os.environ | {f"KOKU_{name}": value for name, value in settings.items()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Served(process)
    finally:
        process.kill()
        process.communicate()


def form(payload: Path) -> bytes:
    """A payload as the operator uploads it."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="tmp/{payload.name}"\r\n'
        "Content-Type: application/vnd.redhat.hccm.tar+tgz\r\n\r\n"
    )
    return head.encode() + payload.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()


def test_an_upload_is_ingested_by_the_worker_and_reported(dsn: str, tmp_path: Path) -> None:
    sample = Plugins(["ocp"]).provider("ocp").call("koku_sample", folder=tmp_path, today=date(2026, 11, 22))
    with serve(dsn, tmp_path) as served:
        assert served.call(f"{served.admin}status/")[0] == 200
        source = {"name": "prod", "source_type": "OCP", "authentication": {"credentials": dict(sample.credentials)}}
        assert (
            served.call(f"{served.api}sources/", json.dumps(source).encode(), **{"Content-Type": "application/json"})[0]
            == 201
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        assert served.call(served.upload, form(sample.payloads[0]), **kind)[0] == 202

        def states() -> set[str]:
            return {job["state"] for job in served.call(f"{served.api}jobs/")[1]["data"]}

        until(lambda: states() == {"done"}, "the worker has ingested it", 60)
        months = "filter[time_scope_value]=-2&filter[time_scope_units]=month&filter[resolution]=monthly"
        _, report = served.call(f"{served.api}reports/openshift/compute/?{months}")
        assert report["meta"]["total"]["usage"]["value"] > 0

        served.process.send_signal(signal.SIGTERM)
        until(lambda: served.process.poll() is not None, "it ends after SIGTERM")
        assert served.process.returncode == 0


def test_the_worker_ends_with_a_server_that_is_killed(dsn: str, tmp_path: Path) -> None:
    with serve(dsn, tmp_path) as served:
        (worker,) = served.workers()
        served.process.kill()
        served.process.wait()
        until(lambda: worker not in {pid for pid, _ in processes()}, "the worker has ended")


def test_a_worker_that_is_killed_is_started_again(dsn: str, tmp_path: Path) -> None:
    with serve(dsn, tmp_path) as served:
        (worker,) = served.workers()
        os.kill(worker, signal.SIGKILL)
        until(lambda: served.workers() not in ([], [worker]), "another worker runs")


def test_without_jobs_there_is_no_worker_and_a_taken_port_is_a_message(dsn: str, tmp_path: Path) -> None:
    with serve(dsn, tmp_path, "--no-jobs") as served:
        assert served.workers() == []
        port = served.api.split(":")[2].split("/")[0]
        command = [sys.executable, "-m", "koku_core.cli", "serve", "--port", port, "--admin-port", "0"]
        settings = {"KOKU_DATABASE_URL": dsn, "KOKU_DATA_DIR": str(tmp_path / "data"), "KOKU_PLUGINS": "ocp"}
        second = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert "Choose another port" in second.stderr
        assert "Traceback" not in second.stderr
        served.process.send_signal(signal.SIGINT)
        until(lambda: served.process.poll() is not None, "it ends after Ctrl-C")
        assert served.process.returncode == 0


def test_the_embedded_postgresql_ends_with_a_server_that_is_killed(open_folder: Path) -> None:
    def postmaster() -> Postmaster | None:
        return Postmaster.of((open_folder / "data" / "postgres" / "data").resolve())

    with serve("", open_folder) as served:
        served.call(f"{served.admin}status/")
        assert postmaster() is not None
        served.process.kill()
        served.process.wait()
        until(lambda: postmaster() is None, "the worker was its last user, and stopped it")


def test_the_demonstration_serves_whoever_asks(dsn: str, tmp_path: Path) -> None:
    with serve(dsn, tmp_path, command="demo") as served:
        months = "filter[time_scope_value]=-2&filter[time_scope_units]=month&filter[resolution]=monthly"
        with urllib.request.urlopen(f"{served.api}reports/openshift/costs/?{months}", timeout=30) as answer:  # noqa: S310 - our own server
            assert json.load(answer)["meta"]["total"]["cost"]["total"]["value"] > 0
