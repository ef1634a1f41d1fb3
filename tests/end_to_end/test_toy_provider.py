"""A provider and an executor of somebody else, as their users get them: wheels beside koku-core, and all follows from declarations."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import koku_acme
from tests.end_to_end.conftest import header, identity

ROOT = Path(__file__).parent.parent.parent
TOY, ENGINE = (ROOT / "tests" / name for name in ("toy_provider", "toy_executor"))

pytestmark = pytest.mark.slow
Run = Callable[..., str]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a clean environment, with wheels of koku-core, the toy provider and the toy executor."""
    place, wheels = tmp_path_factory.mktemp("clean"), tmp_path_factory.mktemp("wheels")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = place / "bin" / "pip"
    subprocess.run([pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, ROOT, TOY, ENGINE], check=True)
    core, toy, engine = (next(wheels.glob(f"{name}-*.whl")) for name in ("koku_core", "koku_acme", "koku_duckdb"))
    subprocess.run([pip, "install", "--quiet", f"{core}[testing,cli]", toy, engine], check=True)
    return place / "bin"


@pytest.fixture
def environment(dsn: str, tmp_path: Path) -> dict[str, str]:
    """Where koku runs: a database and a folder of the test's own, and nothing of this repository."""
    settings = {
        "DATABASE_URL": dsn,
        "DATA_DIR": str(tmp_path / "data"),
        "LOCAL_SOURCES": str(tmp_path),
        "CLOCK": "2026-11-22T20:00",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KOKU_", "PYTHON", "XDG_"))}
    return kept | {f"KOKU_{name}": value for name, value in settings.items()} | {"HOME": str(tmp_path)}


@pytest.fixture
def koku(programs: Path, environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs the command `koku`, and gives what it writes."""

    def run(*arguments: str) -> str:
        command = [str(programs / "koku"), "--tenant", "org1234567", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@contextmanager
def served(programs: Path, environment: dict[str, str]) -> Iterator[Callable[[str], Any]]:
    """The API while it runs, as a call by path."""
    command: list[str | Path] = [programs / "koku", "serve", "--port", "0", "--admin-port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        found = next(
            m for m in (re.search(r"http://\S+/api/cost-management/v1/", line) for line in process.stderr) if m
        )

        def call(path: str) -> Any:
            request = urllib.request.Request(found[0] + path, headers=header(identity()))  # noqa: S310 - our own server
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
                return json.load(answer)

        yield call
    finally:
        process.kill()
        process.communicate()


def test_a_wheel_is_all_it_takes(koku: Run, programs: Path, environment: dict[str, str], tmp_path: Path) -> None:
    found = {p["name"]: p["error"] for p in json.loads(koku("plugins", "--json"))}
    assert found == {"acme": "", "duckdb": ""}

    koku_acme.koku_sample(tmp_path, date(2026, 11, 22))
    (tmp_path / "token").write_text("a secret")
    assert "a secret" not in koku("sources", "add", "acme", "shop", "account=shop", "token=@token", "folder=bills")
    koku("tags", "enable", "acme", "env")
    koku("ingest", "shop", "bills/bill-2026-10.csv")
    environment["KOKU_EXECUTOR"] = "duckdb"  # from here on
    (report,) = json.loads(koku("refresh", "shop", "--json"))
    assert [f["file"] for f in report["files"]] == ["bill-2026-11.csv"]
    assert json.loads(koku("refresh", "shop", "--json")) == []

    options = ("--months", "-2", "--resolution", "monthly")
    assert "machines" in koku("report", "acme/costs", "--group-by", "service", *options)
    answer = json.loads(koku("report", "acme/costs", *options, "--json"))
    assert answer["meta"]["total"]["cost"]["total"] == {"value": pytest.approx(106.1), "units": "USD"}
    rows = list(csv.DictReader(koku("report", "acme/storage", "--group-by", "region", *options, "--csv").splitlines()))
    assert [(row["region"], row["usage_units"]) for row in rows] == [("north", "GB-Mo")]
    tagged = json.loads(koku("report", "acme/costs", "--filter", "tag:env=test", *options, "--json"))
    assert tagged["meta"]["total"]["cost"]["total"]["value"] == pytest.approx(24.8)
    assert json.loads(koku("doctor", "--json")) == []

    with served(programs, environment) as call:
        paths = call("openapi.json")["paths"]
        assert {"/reports/acme/costs/", "/reports/acme/storage/", "/tags/acme/", "/tags/acme/{key}/"} <= paths.keys()
        month = "?filter[time_scope_value]=-2&filter[time_scope_units]=month"
        served_total = call(f"reports/acme/costs/{month}&filter[resolution]=monthly")["meta"]["total"]
        assert served_total == answer["meta"]["total"]
        assert call(f"tags/acme/{month}")["data"] == [{"key": "env", "values": ["prod", "test"], "enabled": True}]
        assert "a secret" not in json.dumps(call("sources/"))


def test_its_author_can_prove_it(programs: Path, server_dsn: str, tmp_path: Path) -> None:
    shutil.copytree(TOY / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KOKU_", "PYTHON", "PYTEST"))}
    command: list[str | Path] = [
        programs / "python",
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "--rootdir",
        tmp_path,
        "tests",
    ]
    environment = kept | {"KOKU_TEST_DATABASE_URL": server_dsn}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"2\d passed", done.stdout), done.stdout


def test_the_tutorial_can_be_tried(programs: Path, environment: dict[str, str], tmp_path: Path) -> None:
    today = {k: v for k, v in environment.items() if k not in ("KOKU_CLOCK", "KOKU_LOCAL_SOURCES")}
    today["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    command: list[str | Path] = ["bash", "-e", TOY / "try.sh"]
    done = subprocess.run(command, env=today, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "machines" in done.stdout
    assert "prod" in done.stdout
