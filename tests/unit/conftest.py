"""A server's shared schema, brought to head, for tests below the library's façade."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from koku_core.database import Server, System


@pytest.fixture
def system(dsn: str) -> Iterator[System]:
    """The handle of what all tenants share."""
    server = Server(dsn)
    server.open()
    system = System(server)
    system.migrate()
    yield system
    server.close()
