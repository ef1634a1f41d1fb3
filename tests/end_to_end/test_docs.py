"""The snippets of the documentation: what the pages show is what the files hold, and the files run."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import subprocess
import sys
import tarfile
from datetime import date
from pathlib import Path

import pytest

from koku_core import Koku
from koku_core.plugins import Plugins

DOCS = Path(__file__).parent.parent.parent / "docs"
SHOWN = re.compile(r"<!-- (snippets/\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
CLUSTER = "my-ocp-cluster-1"


@pytest.fixture
def place(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a payload of the cluster that the pages speak of, where koku runs with a database of its own."""
    settings = {
        "DATABASE_URL": dsn,
        "DATA_DIR": str(tmp_path / "data"),
        "CLOCK": "2026-11-22T20:00:00",
        "PLUGINS": "ocp",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"KOKU_{name}", value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    sample = Plugins(["ocp"]).provider("ocp").call("koku_sample", folder=tmp_path, today=date(2026, 11, 22))
    rename(sample.payloads[0], tmp_path / "payload.2026_10.tar.gz")
    return tmp_path


def rename(payload: Path, target: Path) -> None:
    """Copy a payload, as of the pages' cluster."""
    with tarfile.open(payload) as old, tarfile.open(target, "w:gz", compresslevel=1) as new:
        for member in old:
            content = (old.extractfile(member) or io.BytesIO()).read()
            if member.name == "manifest.json":
                content = json.dumps({**json.loads(content), "cluster_id": CLUSTER}).encode()
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda p: p.name)
def test_pages_show_the_files(page: Path) -> None:
    for name, text in SHOWN.findall(page.read_text()):
        assert text == (DOCS / name).read_text(), f"{page.name} shows another {name}"


def test_every_snippet_is_shown() -> None:
    shown = {name for page in DOCS.glob("*.md") for name, _ in SHOWN.findall(page.read_text())}
    assert shown == {f"snippets/{p.name}" for p in (DOCS / "snippets").iterdir() if p.is_file()}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_notebook(place: Path) -> None:
    said = run(sys.executable, DOCS / "snippets" / "notebook.py")
    assert "shop-staging" in said
    assert "no data have come since 2026-10-31" in said, "the doctor says what is missing"


def test_shell(place: Path) -> None:
    said = run("bash", "-e", DOCS / "snippets" / "shell.sh")
    assert "shop-staging" in said
    assert json.loads((place / "compute.json").read_text())["data"]
    assert (place / "costs.csv").exists()


def test_pipeline(place: Path) -> None:
    with Koku.open() as koku:
        koku.sources.add("ocp", name="prod", cluster_id=CLUSTER)
        koku.receive(place / "payload.2026_10.tar.gz", "application/vnd.redhat.hccm.tar+tgz")
    run(sys.executable, DOCS / "snippets" / "pipeline.py")
    with Koku.open() as koku:
        assert koku.daily_summary("prod", date(2026, 10, 1)).num_rows
        assert koku.jobs.count(("waiting", "running", "failed")) == 0


def test_service(place: Path) -> None:
    from starlette.testclient import TestClient

    made = runpy.run_path(str(DOCS / "snippets" / "service.py"))
    try:
        koku: Koku = made["koku"]
        koku.ingest(koku.sources.add("ocp", name="prod", cluster_id=CLUSTER), place / "payload.2026_10.tar.gz")
        path = "/costs/api/cost-management/v1/reports/openshift/compute/?filter[time_scope_value]=-2&filter[time_scope_units]=month"
        answer = TestClient(made["app"]).get(path)
        assert answer.status_code == 200, answer.text
        assert answer.json()["meta"]["total"]["usage"]["value"] > 0
    finally:
        made["koku"].close()
