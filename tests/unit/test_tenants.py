"""Tenants: schemas behind handles, made once however many ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from koku_core.database import Server, System
from koku_core.database.migrate import head, pending
from koku_core.errors import DatabaseUnavailable, InvalidInput


@pytest.fixture
def system(dsn: str) -> Iterator[System]:
    server = Server(dsn)
    server.open()
    yield System(server)
    server.close()


def test_many_processes_migrate_once(system: System) -> None:
    with ThreadPoolExecutor(4) as pool:
        changed = [future.result() for future in [pool.submit(system.migrate) for _ in range(4)]]
    assert sorted(changed) == [[], [], [], ["koku"]]
    assert pending(system) == []


def test_a_tenant_is_made_once_however_many_ask(system: System) -> None:
    system.migrate()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: system.tenant("org1").ensure(), range(4)))
    assert [t.name for t in system.tenants()] == ["org1"]
    with system.tenant("org1").connection() as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchone() == (head("tenant"),)


def test_a_handle_sees_its_own_schema_alone(system: System) -> None:
    system.migrate()
    one, two = system.tenant("org1").ensure(), system.tenant("org2").ensure()
    with one.transaction() as conn:
        conn.execute("INSERT INTO setting VALUES ('secret', '1')")
    with two.connection() as conn:
        assert conn.execute("SELECT count(*) FROM setting").fetchone() == (0,)
    with one.connection() as conn:
        assert conn.execute("SELECT count(*) FROM setting").fetchone() == (1,)


def test_a_tenant_that_is_behind_is_pending_and_migrated(system: System) -> None:
    system.migrate()
    tenant = system.tenant("org1").ensure()
    with tenant.transaction() as conn:
        conn.execute("DROP SCHEMA org1 CASCADE")
    assert pending(system) == ["org1"]
    with system.transaction() as conn:
        conn.execute("CREATE SCHEMA org1")
    assert system.migrate() == ["org1"]


@pytest.mark.parametrize("name", ["", "koku", "public", "pg_catalog", "Org", "a;b", 'a"b', "1a", "a" * 60, "../a"])
def test_what_cannot_be_a_tenant_is_refused(system: System, name: str) -> None:
    with pytest.raises(InvalidInput):
        system.tenant(name)


def test_nobody_there_is_a_clear_error() -> None:
    with pytest.raises(DatabaseUnavailable, match="KOKU_DATABASE_URL"):
        Server("postgresql://nobody@127.0.0.1:1/none").open()
