"""The command line, run for real: what it writes, what it exits with, and that no error is a traceback."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from koku_core.declare.deliveries import Sample
from koku_core.plugins import Plugins
from tests.conftest import database

CLUSTER = "cluster_id=koku-sample-cluster"


@dataclass
class Done:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


def settings(dsn: str, place: Path) -> dict[str, str]:
    """An environment with these settings and no others."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KOKU_")}
    ours = {"DATABASE_URL": dsn, "DATA_DIR": str(place / "data"), "CLOCK": "2026-11-22T20:00:00", "PLUGINS": "ocp"}
    return kept | {f"KOKU_{name}": value for name, value in ours.items()} | {"NO_COLOR": "1", "COLUMNS": "200"}


def runner(environment: dict[str, str], place: Path) -> Run:
    """Runs a command, which must not end in a traceback."""

    def run(*arguments: str | Path, input: str = "", **more: str) -> Done:
        command = [sys.executable, "-m", "koku_core.cli", *map(str, arguments)]
        done = subprocess.run(
            command, env=environment | more, cwd=place, input=input, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def koku(dsn: str, tmp_path: Path) -> Run:
    """The command with a database of the test's own."""
    return runner(settings(dsn, tmp_path), tmp_path)


@pytest.fixture(scope="module")
def empty(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The command with a database that no test writes to."""
    place = tmp_path_factory.mktemp("empty")
    with database(server_dsn) as dsn:
        yield runner(settings(dsn, place), place)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    made: Sample = Plugins(["ocp"]).provider("ocp").call("koku_sample", folder=tmp_path, today=date(2026, 11, 22))
    return made


@pytest.mark.slow
def test_the_words_of_a_sample_can_be_followed(koku: Run, tmp_path: Path) -> None:
    said = koku("sample", "ocp", "my folder")
    steps = [shlex.split(line)[1:] for line in said.out.splitlines()]
    assert [step[0] for step in steps] == ["sources", "ingest", "report"]
    done = [koku(*step) for step in steps]
    assert [d.status for d in done] == [0, 0, 0], [d.err for d in done]
    assert "shop-staging" in done[-1].out


@pytest.mark.slow
def test_from_a_source_to_a_report(koku: Run, sample: Sample, tmp_path: Path) -> None:
    assert "There are no sources yet" in koku("sources", "list").out
    added = koku("sources", "add", "ocp", "prod", CLUSTER, "--json")
    assert (added.status, added.json["key"]) == (0, "koku-sample-cluster")

    came = koku("ingest", "prod", *sample.payloads)
    assert came.status == 0, came.err
    assert "2026-10-01 to 2026-10-31 (31)" in came.out
    assert "prod: done" in came.err
    again = koku("ingest", "prod", sample.payloads[0], "--json")
    assert again.json[0]["months"] == ["2026-10-01"]

    assert koku("tags", "enable", "ocp", "app").status == 0
    assert koku("refresh").status == 0
    assert {r["key"] for r in koku("tags", "list", "--json").json if r["enabled"]} == {"app"}
    assert {j["state"] for j in koku("jobs", "--json").json} == {"done"}
    assert "There are no cost models yet" in koku("cost-models", "list").out

    compute = koku("report", "openshift/compute", "--group-by", "project", "--months", "-2", "--resolution", "monthly")
    assert "shop-staging" in compute.out
    as_json = koku("report", "openshift/compute", "--group-by", "tag:app=shop", "--months", "-2", "--json").json
    assert as_json["meta"]["total"]["usage"]["value"] > 0
    as_csv = koku(
        "report", "openshift/compute", "--filter", "project=shop,ci", "--group-by", "project", "--days", "-10", "--csv"
    )
    assert {line.split(",")[3] for line in as_csv.out.splitlines()[1:]} != set()
    koku("report", "openshift/compute", "--months", "-2", "--plot", "compute.svg")
    assert "Core-Hours" in (tmp_path / "compute.svg").read_text()

    removed = koku("sources", "remove", "prod", input="n\n")
    assert removed.status == 1
    assert koku("sources", "remove", "prod", "--yes").status == 0
    assert koku("sources", "list", "--json").json == []


@pytest.mark.slow
def test_demo_prints_what_each_project_costs_and_can_be_repeated(koku: Run) -> None:
    for _ in range(2):
        shown = koku("demo", "--no-serve")
        assert shown.status == 0, shown.err
        assert "shop-staging" in shown.out
    assert koku("sources", "list", "--json").json == [], "the demonstration keeps to its own tenant"
    (model,) = koku("cost-models", "list", "--json", KOKU_TENANT="demo").json
    assert model["name"] == "sample prices"
    healthy = koku("doctor", KOKU_TENANT="demo")
    assert (healthy.status, healthy.out) == (0, "Nothing is wrong.\n")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["ingest", "nope", __file__], 1, "There is no source 'nope'"),
        (["ingest", "prod", "/no/such/file"], 2, "does not exist"),
        (["sources", "add", "azrue", "x", "a=b"], 1, "There is no source type 'azrue'. Known: OCP"),
        (["sources", "add", "ocp", "x", "cluster=b"], 1, "cluster_id"),
        (["sources", "add", "ocp", "x", "cluster_id"], 2, "not KEY=VALUE"),
        (["sources", "add", "ocp", "x", "cluster_id=@/no/such"], 2, "cannot be read"),
        (["report", "openshift/nope"], 1, "openshift/costs"),
        (["report", "openshift/costs", "--resolution", "hourly"], 1, "hourly"),
        (["report", "openshift/costs", "--filter", "project"], 2, "not KEY=VALUE"),
        (["report", "openshift/costs", "--json", "--csv"], 2, "exclude each other"),
        (["report", "openshift/costs", "--csv", "--plot", "costs.svg"], 2, "exclude each other"),
        (["report", "openshift/costs", "--plot", "costs.bmp"], 2, "There is no format of pictures '.bmp'"),
        (["jobs", "--state", "lost"], 1, "Known: cancelled, done, failed, running, waiting"),
        (["jobs", "--cancel", "77"], 1, "There is no job '77'"),
        (["tags", "enable", "gcp", "x"], 1, "There is no provider 'gcp'"),
        (["--tenant", "No Good", "sources", "list"], 1, "cannot be a tenant's name"),
        (["nope"], 2, "No such command"),
    ],
)
def test_errors_are_messages(empty: Run, arguments: list[str], status: int, said: str) -> None:
    done = empty(*arguments)
    assert (done.status, done.out) == (status, "")
    assert said in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KOKU_CLOCK", "yesterday", "Setting KOKU_CLOCK"),
        ("KOKU_PLUGINS", "nope", "There is no plugin 'nope'"),
        ("KOKU_EXECUTOR", "abacus", "There is no executor 'abacus'"),
        ("KOKU_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", "The database is not available"),
    ],
)
def test_wrong_settings_are_messages(empty: Run, name: str, value: str, said: str) -> None:
    done = empty("sources", "list", **{name: value})
    assert done.status == 1
    assert said in done.err


def test_a_payload_that_must_not_be_read_is_a_message(koku: Run, tmp_path: Path) -> None:
    koku("sources", "add", "ocp", "prod", CLUSTER)
    (tmp_path / "broken.tar.gz").write_bytes(b"not an archive")
    done = koku("ingest", "prod", tmp_path / "broken.tar.gz")
    assert done.status == 1
    assert "broken.tar.gz" in done.err


def test_plugins_and_migrate(empty: Run) -> None:
    (plugin,) = empty("plugins", "--json").json
    assert plugin["name"] == "ocp"
    assert "report_map" in empty("plugins").out
    assert "up to date" in empty("migrate").err


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    script = "import sys; sys.modules['typer'] = None; from koku_core.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], env=settings("", tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'koku-core[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_source_that_fails_does_not_stop_the_others(dsn: str, tmp_path: Path) -> None:
    from koku_aws.sample import sample

    sample(tmp_path, date(2026, 11, 22))
    (tmp_path / "empty").mkdir()
    koku = runner(settings(dsn, tmp_path) | {"KOKU_PLUGINS": "aws", "KOKU_LOCAL_SOURCES": str(tmp_path)}, tmp_path)
    for name, folder in (("lost", "empty"), ("bills", "bucket")):
        role = f"role_arn=arn:aws:iam::111111111111:role/{name}"
        assert koku("sources", "add", "AWS-local", name, role, f"bucket={folder}", "--poll-minutes", "30").status == 0
    done = koku("refresh")
    assert done.status == 1
    assert "1 of 2 sources could not be brought up to date:\n  lost: " in done.err
    assert done.out.count("bill") >= 1
    assert "2026-11" in koku("report", "aws/costs", "--months", "-1", "--resolution", "monthly").out
    assert koku("refresh", "lost").err.startswith("koku: folder ")
    changed = koku("sources", "set", "lost", "--pause", "--poll-minutes", "15", "--json").json
    assert (changed["paused"], changed["poll minutes"]) == (True, 15)
    assert koku("sources", "set", "lost", "--poll-minutes", "0").err.startswith(
        "koku: poll_minutes must be more than 0"
    )
    assert koku("refresh").status == 0
