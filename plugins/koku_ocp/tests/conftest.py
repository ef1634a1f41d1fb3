"""Fixtures for the tests of the OpenShift plugin: the shared ones, and a tenant whose transactions are rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tests.conftest import database, dsn, server_dsn, settings, shared

from koku_core.database import Server, System
from koku_core.database.server import Connection

__all__ = ["dsn", "server_dsn", "settings", "shared"]


@pytest.fixture(scope="session")
def tenant_dsn(server_dsn: str) -> Iterator[str]:
    """A database with the tenant `acme`, for all tests that roll back what they do."""
    with database(server_dsn) as made:
        server = Server(made)
        server.open()
        system = System(server)
        system.migrate()
        system.tenant("acme").ensure()
        server.close()
        yield made


@pytest.fixture
def conn(tenant_dsn: str) -> Iterator[Connection]:
    """A connection in a transaction of that tenant; nothing of it stays."""
    with psycopg.connect(tenant_dsn) as connection:
        connection.execute("SET search_path TO acme")
        yield connection
        connection.rollback()
