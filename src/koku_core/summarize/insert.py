"""Puts the rows of a rendered SELECT into a table, by the names of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.sql import Rendered, Table


def insert_select(conn: Connection, into: Table, select: Rendered) -> int:
    """Append the rows of a SELECT to `into`; columns that it does not name stay null.

    Returns:
        How many rows were added.
    """
    return insert_columns(conn, into, select, columns_of(conn, select))


def insert_columns(
    conn: Connection, into: Table, select: Rendered, names: Sequence[str], constants: Mapping[str, Any] | None = None
) -> int:
    """The same of a SELECT whose columns are known; `constants` fill further ones."""
    text, values = select.psycopg()
    fixed = dict(constants or {})
    statement = sql.SQL("INSERT INTO {} ({}) SELECT rows.*{} FROM ({}) AS rows").format(
        name_of(into),
        sql.SQL(", ").join(map(sql.Identifier, [*names, *fixed])),
        sql.SQL("").join(sql.SQL(", {}").format(sql.Literal(v)) for v in fixed.values()),
        sql.SQL(text.decode()),
    )
    return conn.execute(statement, values).rowcount


def columns_of(conn: Connection, select: Rendered) -> list[str]:
    """The names of a SELECT's columns."""
    text, values = select.psycopg()
    probe = conn.execute(sql.SQL("SELECT * FROM ({}) AS rows LIMIT 0").format(sql.SQL(text.decode())), values)
    return [column.name for column in probe.description or ()]


def name_of(table: Table) -> sql.Identifier:
    """A table's name for a statement."""
    return sql.Identifier(*filter(None, (table.schema, table.name)))
