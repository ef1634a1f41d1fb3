"""What all tenants share: the list of tenants, the jobs, exchange rates and the lake's catalogue, in the schema `koku`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from koku_core.database.server import Connection, Server
from koku_core.database.tenant import Tenant

SCHEMA = "koku"


class System:
    """The one handle to what is shared; gives out the tenants."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection pinned to the shared schema."""
        return self.server.connection(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction in the shared schema."""
        with self.connection() as conn, conn.transaction():
            yield conn

    def migrate(self) -> list[str]:
        """Bring the shared schema and every tenant's to this version; safe from several processes at once.

        Returns:
            The schemas that were changed.
        """
        from koku_core.database.migrate import migrate_all

        return migrate_all(self)

    def tenant(self, name: str) -> Tenant:
        """The handle of a tenant, whether it exists or not."""
        return Tenant(self.server, name)

    def tenants(self) -> list[Tenant]:
        """Every tenant that exists, by name."""
        with self.connection() as conn:
            return [Tenant(self.server, row[0]) for row in conn.execute("SELECT name FROM tenant ORDER BY name")]
