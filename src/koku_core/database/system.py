"""What all tenants share: the list of tenants, the jobs, exchange rates and the lake's catalogue, in the schema `koku`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from psycopg import sql

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

    def delete_tenant(self, name: str) -> list[int]:
        """Delete a tenant's schema, jobs and schedule; its line items and files are `koku_core.tenants.delete_tenant`'s to remove.

        Returns:
            The ids of the reports that may be at work at this moment.
        """
        with self.transaction() as conn:
            at_work: list[int] = []
            if conn.execute("SELECT to_regnamespace(quote_ident(%s))", (name,)).fetchone() != (None,):
                query = sql.SQL("SELECT id FROM {} WHERE state IN ('ready', 'running')")
                at_work = [r for (r,) in conn.execute(query.format(sql.Identifier(name, "report")))]
                conn.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
            conn.execute("DELETE FROM job WHERE tenant = %s AND state <> 'running'", (name,))
            conn.execute("UPDATE job SET cancel_asked = true, forget = true WHERE tenant = %s", (name,))
            conn.execute("DELETE FROM schedule WHERE tenant = %s", (name,))
            conn.execute("DELETE FROM tenant WHERE name = %s", (name,))
        return at_work
