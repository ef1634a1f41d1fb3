"""The snippets of the documentation: what the pages show is what the files hold, and the files run."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koku_core import Koku
from koku_core.errors import DatabaseUnavailable
from koku_core.plugins import Plugins
from tests.conftest import database

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


PAGES = [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []


def test_the_index_names_every_page() -> None:
    named = {(DOCS / link).resolve() for link in LINK.findall((DOCS / "index.md").read_text())}
    assert {p for p in DOCS.rglob("*.md") if p.name != "index.md"} - named == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_show_the_files(page: Path) -> None:
    for name, text in SHOWN.findall(page.read_text()):
        assert text == (DOCS / name).read_text(), f"{page.name} shows another {name}"


def test_every_snippet_is_shown() -> None:
    shown = {name for page in PAGES for name, _ in SHOWN.findall(page.read_text())}
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


@pytest.mark.slow
def test_embed(place: Path) -> None:
    from starlette.testclient import TestClient

    made = runpy.run_path(str(DOCS / "snippets" / "embed.py"))
    koku: Koku = made["koku"]
    koku.ingest(koku.sources.add("ocp", name="prod", cluster_id=CLUSTER), place / "payload.2026_10.tar.gz")
    path = "/costs/api/cost-management/v1/reports/openshift/compute/"
    question = {
        "group_by[project]": "*", "filter[time_scope_value]": "-2", "filter[time_scope_units]": "month",
        "filter[resolution]": "monthly",
    }  # fmt: skip
    with TestClient(made["app"]) as client:

        def ask(token: str) -> Any:
            return client.get(path, params=question, headers={"authorization": f"Bearer {token}"})

        assert ask("nobody").status_code == 401
        (seen,) = [month["projects"] for month in ask("token-of-the-shop").json()["data"]]
        assert {p["project"] for p in seen} == {"shop", "shop-staging"}
        everything = ask("token-of-the-controller").json()
        assert len(everything["data"][0]["projects"]) > 5
        assert everything["links"]["first"].startswith(path)
    with pytest.raises(DatabaseUnavailable, match="closed"):  # by the end of the service
        koku.report("openshift/compute")


@pytest.mark.slow
def test_price(place: Path) -> None:
    said = run(sys.executable, DOCS / "snippets" / "price.py")
    assert "cost_total_distributed [USD]" in said
    assert "tag:environment" in said
    assert "production" in said
    with Koku.open() as koku:
        (model,) = koku.cost_models
        assert model["price_lists"][0]["name"] == "winter prices"
        assert koku.jobs.count(("waiting", "failed")) == 0


@pytest.mark.slow
def test_backup_and_restore(place: Path, server_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{programs(server_dsn)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KOKU_DATA_DIR", str(place / "data"))
    run(sys.executable, DOCS / "snippets" / "price.py")
    question: dict[str, Any] = {"group_by": "project", "months": -2}
    with Koku.open() as koku:
        before = str(koku.report("openshift/costs", **question))
    run("bash", "-e", DOCS / "snippets" / "backup.sh")

    shutil.rmtree(place / "data")
    with database(server_dsn) as other:
        monkeypatch.setenv("KOKU_DATABASE_URL", other)
        run("bash", "-e", DOCS / "snippets" / "restore.sh")
        with Koku.open() as koku:
            assert str(koku.report("openshift/costs", **question)) == before
            koku.recalculate("prod")
            assert str(koku.report("openshift/costs", **question)) == before, "the lake is there, too"
            assert koku.ingest("prod", place / "payload.2026_10.tar.gz").rows


def programs(server_dsn: str) -> Path:
    """Where a `pg_dump` is that is as old as the server, or hardly newer."""
    from koku_core.embedded.binaries import candidates

    with psycopg.connect(server_dsn) as conn:
        major = conn.info.server_version // 10000
    return min((c for c in candidates() if c.major >= major), key=lambda c: c.major).folder
