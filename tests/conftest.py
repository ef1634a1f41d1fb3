"""Fixtures that every test may use: a PostgreSQL server, a database of one's own on it, a `Koku` on that."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from koku_core.settings import Settings

SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded inputs and answers; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    return SHARED


@pytest.fixture(scope="session")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for the tests: that of `KOKU_TEST_DATABASE_URL`, or an embedded one.

    `KOKU_TEST_POSTGRES` chooses whose programs the embedded one is made of: `wheel`, `debian`, or a folder; unset: as a user gets it.
    """
    given = os.environ.get("KOKU_TEST_DATABASE_URL")
    if given:
        yield given
        return
    from koku_core.embedded import EmbeddedServer

    with EmbeddedServer(tmp_path_factory.mktemp("postgres"), durable=False, programs=_programs()) as server:
        yield server.dsn


def _programs() -> Path | None:
    from koku_core.embedded.binaries import candidates

    wanted = os.environ.get("KOKU_TEST_POSTGRES", "")
    if wanted not in ("wheel", "debian"):
        return Path(wanted) if wanted else None
    found = [c.folder for c in candidates() if c.from_wheel == (wanted == "wheel")]
    if not found:
        pytest.exit(f"KOKU_TEST_POSTGRES={wanted}, but there are no such programs", returncode=2)
    return found[0]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own: root's embedded server keeps its data in there, not elsewhere."""
    place = Path(tempfile.mkdtemp(prefix="koku-test-", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@contextmanager
def database(server_dsn: str) -> Iterator[str]:
    """A database that is there for a while."""
    name = f"koku_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    yield psycopg.conninfo.make_conninfo(server_dsn, dbname=name)
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def dsn(server_dsn: str) -> Iterator[str]:
    """A database of the test's own."""
    with database(server_dsn) as made:
        yield made


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Settings for a database and a data folder of the test's own, on 2026-11-22."""
    return Settings(
        database_url=dsn, data_dir=tmp_path / "data", clock=datetime(2026, 11, 22, 20, tzinfo=UTC), plugins=("ocp",)
    )
