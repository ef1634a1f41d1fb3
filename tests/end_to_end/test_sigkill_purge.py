"""SIGKILL at every step of a purge, a removal and a deletion: doing it again, or the next purge, finishes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from plugins.koku_ocp.tests.payloads import CLUSTER

from koku_core import Koku
from koku_core.settings import Settings
from koku_core.sources.model import Source
from tests.end_to_end.test_retention import count, files_with, kept, loaded, months, occurrences

pytestmark = pytest.mark.slow
DAYS = (date(2026, 7, 1), date(2026, 8, 31), date(2026, 9, 1), date(2026, 11, 1))
PURGE = [
    ("koku_core.retention:_drop_month", "after"),
    ("koku_core.retention:_drop_jobs", "before"),
    ("koku_core.retention:_drop_rows", "after"),
    ("koku_core.intake.kept:KeptFiles.delete", "after"),
    ("koku_core.lake.commit:swap", "after"),
    ("koku_core.lake.commit:forget_history", "after"),
    ("koku_core.lake.sweep:_drop_empty_folders", "after"),
]
REMOVAL = [
    ("koku_core.sources.removal:wait_for", "before"),
    ("koku_core.lake:Lake.drop_source", "after"),
    ("koku_core.intake.kept:KeptFiles.delete", "after"),
]
DELETION = [
    ("koku_core.tenants:wait_for", "before"),
    ("koku_core.lake:Lake.drop_tenant", "after"),
    ("koku_core.intake.kept:KeptFiles.delete", "after"),
]


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=dsn, data_dir=tmp_path / "data", clock="2026-11-22T20:00:00Z", plugins=("ocp",), retain_months=2,
        backup_days=0,
    )  # fmt: skip


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings, tenant="acme") as koku:
        yield koku


@pytest.fixture
def source(koku: Koku, tmp_path: Path) -> Source:
    source = koku.sources.add("ocp", name="prod", cluster_id=CLUSTER)
    loaded(koku, source, tmp_path, *DAYS)
    return source


def die(settings: Settings, step: tuple[str, str], do: str) -> None:
    """Do something in a process that kills itself at the first call of a function."""
    script = f"""
        import functools, importlib, os, signal
        from koku_core import Koku
        from koku_core.settings import Settings
        where, when = {step!r}
        module, path = where.split(":")
        owner = importlib.import_module(module)
        *names, last = path.split(".")
        for name in names:
            owner = getattr(owner, name)
        real = getattr(owner, last)
        @functools.wraps(real)
        def fatal(*args, **kwargs):
            if when == "after":
                real(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        setattr(owner, last, fatal)
        settings = Settings(database_url={settings.database_url.get_secret_value() if settings.database_url else ""!r},
                            data_dir={str(settings.data_dir)!r}, clock="2026-11-22T20:00:00Z", plugins=("ocp",),
                            retain_months=2, backup_days=0)
        with Koku.open(settings=settings, tenant="acme") as koku:
            {do}
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", PURGE, ids=lambda s: f"{s[1]} {s[0].split(':')[1]}")
def test_a_killed_purge_is_finished_by_the_next(
    settings: Settings, koku: Koku, source: Source, step: tuple[str, str]
) -> None:
    figures = {m: koku.daily_summary(source, m).to_pylist() for m in (date(2026, 9, 1), date(2026, 11, 1))}
    die(settings, step, "koku.purge()")
    for path in kept(koku):  # what nothing refers to goes when it is a day old
        os.utime(path, (0, 0))
    koku.purge()
    assert {m: koku.daily_summary(source, m).to_pylist() for m in figures} == figures
    assert [koku.daily_summary(source, day).num_rows for day in DAYS[:2]] == [0, 0]
    assert months(koku, source) == list(figures)
    assert (count(koku, "report"), len(kept(koku))) == (2, 2)
    assert koku.services.lake.missing_files("acme") == []
    assert files_with(Path(koku.services.lake.url.removeprefix("file://")), "usage_start=2026-07") == []


@pytest.mark.parametrize("step", REMOVAL, ids=lambda s: f"{s[1]} {s[0].split(':')[1]}")
def test_a_killed_removal_is_finished_by_the_next_purge(
    settings: Settings, koku: Koku, source: Source, dsn: str, step: tuple[str, str]
) -> None:
    die(settings, step, "koku.sources.remove(koku.sources.get('prod'))")
    assert koku.sources.list() == []
    for path in kept(koku):
        os.utime(path, (0, 0))
    koku.purge()
    assert kept(koku) == []
    assert occurrences(dsn, source.uuid) == []
    assert files_with(Path(koku.services.lake.url.removeprefix("file://")), source.uuid) == []


@pytest.mark.parametrize("step", DELETION, ids=lambda s: f"{s[1]} {s[0].split(':')[1]}")
def test_a_killed_deletion_is_finished_by_doing_it_again(
    settings: Settings, koku: Koku, source: Source, dsn: str, tmp_path: Path, step: tuple[str, str]
) -> None:
    die(settings, step, "koku.delete_tenant()")
    assert not koku.handle.exists()
    koku.delete_tenant()
    assert occurrences(dsn, "acme") == []
    assert occurrences(dsn, source.uuid) == []
    assert files_with(tmp_path / "data", "acme") == []
