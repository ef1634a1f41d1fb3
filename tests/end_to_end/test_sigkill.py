"""SIGKILL at every step of an ingestion: nothing is lost, nothing is doubled, and readers never see a half."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku, Rate
from koku_core.settings import Settings
from koku_ocp.datasets import ALL

MONTHS = (date(2026, 10, 1), date(2026, 11, 1))
MEDIA_TYPE = "application/vnd.redhat.hccm.tar+tgz"

#: Where the process dies: a function, which call of it, before or after.
STEPS = [
    ("koku_core.intake.kept:KeptFiles.keep", 1, "after"),
    ("koku_core.jobs.runner:Runner._work", 1, "before"),
    ("koku_core.lake:Lake.replace", 1, "before"),
    ("koku_core.lake:Lake.replace", 1, "after"),
    ("koku_core.lake:Lake.replace", 3, "after"),
    ("koku_core.intake.ingest:publish", 1, "before"),
    ("koku_core.summarize.publish:run_costs", 1, "before"),
    ("koku_core.summarize.publish:_roll_up", 1, "after"),
    ("koku_core.intake.ingest:publish", 1, "after"),
    ("koku_core.jobs.runner:end", 1, "before"),
]


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    return Settings(database_url=dsn, data_dir=tmp_path / "data", clock="2026-11-22T20:00:00Z", plugins=("ocp",))


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings, tenant="org1") as koku:
        source = koku.sources.add("ocp", name="cluster", cluster_id="my-ocp-cluster-1")
        koku.tags.enable("OCP", ["app"])
        koku.cost_models.add(
            "prices",
            sources=[source],
            rates=[Rate("node_cost_per_month", 1000), Rate("cpu_core_usage_per_hour", "0.1")],
        )
        koku.work()
        yield koku


@pytest.fixture(scope="session")
def payload(shared: Path) -> Path:
    return shared / "inputs" / "basic" / "my-ocp-cluster-1.2026_11.tar.gz"


@pytest.fixture
def expected(koku: Koku, payload: Path) -> dict[str, Any]:
    """What a run that nobody disturbs gives, for another tenant of the same server."""
    calm = koku.tenant("calm")
    source = calm.sources.add("ocp", name="cluster", cluster_id="my-ocp-cluster-1")
    calm.tags.enable("OCP", ["app"])
    calm.cost_models.add(
        "prices", sources=[source], rates=[Rate("node_cost_per_month", 1000), Rate("cpu_core_usage_per_hour", "0.1")]
    )
    calm.ingest(source, payload)
    return state(calm)


def state(koku: Koku) -> dict[str, Any]:
    """Every figure of the tenant: the daily summary, a report, and the line items."""
    source = koku.sources.get("cluster")
    rows = sorted(
        repr({k: v for k, v in row.items() if k != "source_uuid"})
        for month in MONTHS for row in koku.daily_summary(source, month).to_pylist()
    )  # fmt: skip
    lake = {d.name: koku.services.lake.read(koku.handle.name, d, source.uuid, *MONTHS).num_rows for d in ALL}
    total = koku.report("openshift/costs", months=-1, resolution="monthly").body()["meta"]["total"]["cost"]["total"][
        "value"
    ]
    return {"rows": rows, "lake": lake, "total": total}


def die(settings: Settings, payload: Path, step: tuple[str, int, str]) -> int:
    """Upload and ingest in a process that kills itself at a step; gives its exit status."""
    script = f"""
        import functools, importlib, itertools, os, signal
        from koku_core import Koku
        from koku_core.settings import Settings
        where, number, when = {step!r}
        module, path = where.split(":")
        owner = importlib.import_module(module)
        *names, last = path.split(".")
        for name in names:
            owner = getattr(owner, name)
        real, calls = getattr(owner, last), itertools.count(1)
        @functools.wraps(real)
        def fatal(*args, **kwargs):
            call = next(calls)  # the tables of the lake are written by several threads
            result = real(*args, **kwargs) if when == "after" else None
            if call == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result if when == "after" else real(*args, **kwargs)
        setattr(owner, last, fatal)
        settings = Settings(database_url={settings.database_url.get_secret_value() if settings.database_url else ""!r},
                            data_dir={str(settings.data_dir)!r}, clock="2026-11-22T20:00:00Z", plugins=("ocp",))
        with Koku.open(settings=settings, tenant="org1") as koku:
            koku.receive({str(payload)!r}, {MEDIA_TYPE!r})
            koku.work()
    """
    return subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, timeout=120).returncode


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda s: f"{s[2]} {s[0].split(':')[1]} {s[1]}")
def test_a_killed_ingestion_is_finished_by_the_next_worker(
    settings: Settings, koku: Koku, payload: Path, expected: dict[str, Any], step: tuple[str, int, str]
) -> None:
    assert die(settings, payload, step) == -signal.SIGKILL
    found = state(koku)
    assert found["rows"] in ([], expected["rows"])  # all or nothing, never a half
    koku.receive(payload, MEDIA_TYPE)  # as the operator does when it had no answer
    koku.work()
    assert koku.jobs.list(("failed", "waiting", "running")) == []
    assert state(koku) == expected


@pytest.mark.slow
def test_resending_changes_nothing(koku: Koku, payload: Path, expected: dict[str, Any]) -> None:
    for _ in range(3):
        koku.receive(payload, MEDIA_TYPE)
        koku.work()
    assert state(koku) == expected
