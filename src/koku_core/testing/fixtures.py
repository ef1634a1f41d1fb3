"""Fixtures for a provider's tests: a PostgreSQL server, a database of the test's own on it, a `Koku` on that.

Import them in `conftest.py`. The server is that of `KOKU_TEST_DATABASE_URL` (of an account that may create databases), or an embedded one.
Those of `koku_core.testing.engines`, for tests on Trino, are among them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from koku_core.koku import Koku
from koku_core.settings import Settings
from koku_core.testing.engines import lake_url, object_store, trino, trino_koku, trino_settings

__all__ = [
    "dsn", "koku", "lake_url", "object_store", "server_dsn", "settings", "trino", "trino_koku", "trino_settings",
]  # fmt: skip

#: The business time of tests; the day's date is what samples are made for.
NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)


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


@contextmanager
def database(server_dsn: str) -> Iterator[str]:
    """A database that is there for a while."""
    import psycopg

    name = f"koku_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    try:
        yield psycopg.conninfo.make_conninfo(server_dsn, dbname=name)
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as conn:
            conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def dsn(server_dsn: str) -> Iterator[str]:
    """A database of the test's own."""
    with database(server_dsn) as made:
        yield made


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Settings for a database and a data folder of the test's own, at `NOW`; local sources may read the test's folder."""
    return settings_for(dsn, tmp_path)


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    """The library with the plugins that are installed."""
    with Koku.open(settings=settings) as made:
        yield made


def settings_for(dsn: str, folder: Path) -> Settings:
    """Settings for a database and a folder that tests use."""
    from pydantic import SecretStr

    return Settings(database_url=SecretStr(dsn), data_dir=folder / "data", clock=NOW, local_sources=folder)
