"""One PostgreSQL server: a pool of connections, each handed out with its schema pinned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from koku_core.cancellation import interruptible
from koku_core.errors import DatabaseUnavailable, SettingError

Connection = psycopg.Connection[TupleRow]
MINIMUM_VERSION = 15


class Server:
    """A pool of connections to one server. Only `System` and `Tenant` take connections from it."""

    def __init__(self, dsn: str, *, pool_size: int = 10) -> None:
        self.dsn = dsn
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn,
            min_size=1,
            max_size=pool_size,
            open=False,
            timeout=30,
            check=ConnectionPool.check_connection,  # one that broke while it lay idle must not spoil the next request
            kwargs={"autocommit": True, "application_name": "koku"},
        )

    def open(self) -> None:
        """Open the pool and check the server's version.

        Raises:
            DatabaseUnavailable: nobody answers.
            SettingError: the server is older than PostgreSQL 15.
        """
        try:
            with psycopg.connect(self.dsn, connect_timeout=10) as probe:
                version = probe.info.server_version // 10000
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(str(error).strip()) from error
        if version < MINIMUM_VERSION:
            raise SettingError(
                "KOKU_DATABASE_URL",
                f"the server is PostgreSQL {version}, at least {MINIMUM_VERSION} is needed",
            )
        self._pool.open()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    @contextmanager
    def connection(self, schema: str) -> Iterator[Connection]:
        """A connection whose search path is `schema` alone; in autocommit, so open a transaction where one is needed."""
        try:
            with self._pool.connection() as conn:
                conn.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
                yield conn
        except PoolTimeout as error:
            raise DatabaseUnavailable(f"no free connection after {self._pool.timeout:.0f} s") from error
        except psycopg.OperationalError as error:
            if isinstance(error, psycopg.errors.QueryCanceled):
                raise
            raise DatabaseUnavailable(str(error).strip()) from error

    @contextmanager
    def lock(self, *parts: object) -> Iterator[None]:
        """Hold a named advisory lock on a connection of its own, until the block ends or the process dies."""
        key = lock_key(*parts)
        with psycopg.connect(self.dsn, autocommit=True, application_name="koku lock") as conn:
            with interruptible(conn.cancel_safe):
                conn.execute("SELECT pg_advisory_lock(%s)", (key,))
            try:
                yield
            finally:
                _unlock(conn, key)

    @contextmanager
    def try_lock(self, *parts: object) -> Iterator[bool]:
        """As `lock`, but give False at once if somebody else holds it."""
        key = lock_key(*parts)
        with psycopg.connect(self.dsn, autocommit=True, application_name="koku lock") as conn:
            row = conn.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
            ours = bool(row and row[0])
            try:
                yield ours
            finally:
                if ours:
                    _unlock(conn, key)


def _unlock(conn: Connection, key: int) -> None:
    """Let go of a lock now: a server notices the end of a connection a little later."""
    with suppress(psycopg.OperationalError):  # a connection that broke holds none
        conn.execute("SELECT pg_advisory_unlock(%s)", (key,))


def lock_key(*parts: object) -> int:
    """The 64-bit key of an advisory lock with this name."""
    text = "\x1f".join(str(p) for p in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def rows(conn: Connection, query: Any, params: Any = None) -> list[dict[str, Any]]:
    """Run a query and fetch its rows as dictionaries."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchall()


def one(conn: Connection, query: Any, params: Any = None) -> dict[str, Any] | None:
    """Run a query and fetch its first row, or None."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchone()
