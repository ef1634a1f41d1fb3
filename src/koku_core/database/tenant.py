"""A tenant: one PostgreSQL schema, reached through one handle that pins it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from koku_core.database.server import Connection, Server
from koku_core.errors import InvalidInput

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_RESERVED = ("koku", "public", "information_schema")


class Tenant:
    """The handle of one tenant. A question about one that does not exist answers empty; `ensure` makes it."""

    def __init__(self, server: Server, name: str) -> None:
        """Name a tenant: lower-case letters, digits and underscores.

        Raises:
            InvalidInput: the name cannot be a tenant's.
        """
        if not _NAME.fullmatch(name) or name in _RESERVED or name.startswith("pg_"):
            raise InvalidInput(
                {"tenant": f"{name!r} cannot be a tenant's name: use a-z, 0-9 and _, at most 51, a letter first"}
            )
        self.name = name
        self.server = server

    def __repr__(self) -> str:
        return f"Tenant({self.name!r})"

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection whose search path is the tenant's schema alone."""
        return self.server.connection(self.name)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction in the tenant's schema."""
        with self.connection() as conn, conn.transaction():
            yield conn

    def exists(self) -> bool:
        """Whether the tenant has been made."""
        with self.server.connection("koku") as conn:
            return conn.execute("SELECT 1 FROM tenant WHERE name = %s", (self.name,)).fetchone() is not None

    def ensure(self) -> Tenant:
        """Make the tenant's schema and tables if it has none; safe from several processes at once."""
        if not self.exists():
            from koku_core.database.migrate import create_tenant

            create_tenant(self)
        return self

    def note_account(self, number: str | None) -> None:
        """Keep the account number that a caller of the tenant first stated; nothing if the tenant does not exist."""
        if number:
            with self.server.connection("koku") as conn:
                conn.execute(
                    "UPDATE tenant SET account_number = %s WHERE name = %s AND account_number IS NULL",
                    (number, self.name),
                )

    def lock(self, *parts: Any) -> AbstractContextManager[None]:
        """Hold an advisory lock of this tenant."""
        return self.server.lock("tenant", self.name, *parts)


def bump(conn: Connection, name: str) -> None:
    """Raise one of the tenant's version counters (`data`, `settings`), on which answers' ETags depend."""
    conn.execute(
        "INSERT INTO version (name, value) VALUES (%s, 1) ON CONFLICT (name) DO UPDATE SET value = version.value + 1",
        (name,),
    )
