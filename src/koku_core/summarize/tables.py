"""The tables of a plugin's facts: made, extended and partitioned as their declarations say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, LiteralString

from psycopg import sql

from koku_core.clock import add_months
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant
from koku_core.declare.columns import Column, Kind
from koku_core.declare.facts import CONTEXT, Fact, Rollup
from koku_core.sql import Table

_KEYS = CONTEXT[:2]


def made(fact: Fact) -> Table:
    """The temporary table of a publication with the rows that the summarize steps make for one of `Summary.details`."""
    return Table(f"made_{fact.name}", "pg_temp")


def tables_of(fact: Fact) -> list[str]:
    """The names of all tables that a fact has in a tenant's schema, but for its tags."""
    return [fact.name, *(rollup.name for rollup in fact.rollups)]


def rollup_columns(fact: Fact, rollup: Rollup) -> tuple[Column, ...]:
    """The columns of a rollup's table: source, day, dims, sums, maxes, texts."""
    texts = tuple(Column(name, Kind.TEXTS) for name in rollup.texts)
    return _KEYS + tuple(fact.column(n) for n in (*rollup.dims, *rollup.sums, *rollup.maxes)) + texts


def tag_table(fact: Fact) -> str:
    """The name of the table with the keys and values of a fact's tags."""
    return f"{fact.name}_tag"


def tag_columns(fact: Fact) -> tuple[Column, ...]:
    """The columns of the tag table: source, month, kind, key, value, and the dims of every tag declaration."""
    dims = dict.fromkeys(name for tags in fact.tags for name in tags.dims)
    fixed = (
        _KEYS[0],
        Column("month", Kind.DATE),
        Column("kind", Kind.TEXT),
        Column("key", Kind.TEXT),
        Column("value", Kind.TEXT),
    )
    return fixed + tuple(fact.column(name) for name in dims)


def ensure_tables(tenant: Tenant, fact: Fact, months: list[date]) -> None:
    """Make what a fact needs in a tenant's schema: its tables, new columns, and the partitions of `months`.

    Runs in a short transaction of its own under a lock, since a new partition locks its parent.
    """
    wanted = {fact.name: fact.all_columns, **{r.name: rollup_columns(fact, r) for r in fact.rollups}}
    with tenant.connection() as conn:
        if _complete(conn, fact, wanted, months):
            return
    with tenant.lock("tables", fact.name), tenant.transaction() as conn:
        for name, columns in wanted.items():
            _ensure_table(conn, name, columns, "PARTITION BY RANGE (usage_start)")
            for month in months:
                _ensure_partition(conn, name, month)
        if fact.tags:
            _ensure_table(conn, tag_table(fact), tag_columns(fact), "")


def _complete(conn: Connection, fact: Fact, wanted: dict[str, tuple[Column, ...]], months: list[date]) -> bool:
    names = [f"{n}_{m:%Y_%m}" for n in wanted for m in months] + ([tag_table(fact)] if fact.tags else [])
    there = conn.execute(
        "SELECT count(*) FROM unnest(%s::text[]) n WHERE to_regclass(quote_ident(n)) IS NOT NULL", (names,)
    ).fetchone()
    if there is None or there[0] < len(names):
        return False
    known = _columns(conn, *wanted)
    return all({c.name for c in columns} <= known[name] for name, columns in wanted.items())


def _columns(conn: Connection, *tables: str) -> dict[str, set[str]]:
    """The columns that some tables have; none of a table that is not there."""
    found: dict[str, set[str]] = {name: set() for name in tables}
    for table, column in conn.execute(
        """SELECT name, attname FROM unnest(%s::text[]) AS name
           JOIN pg_attribute ON attrelid = to_regclass(quote_ident(name)) AND attnum > 0 AND NOT attisdropped""",
        (list(tables),),
    ):
        found[table].add(column)
    return found


def column_list(columns: tuple[Column, ...], of_texts: LiteralString = "") -> sql.Composed:
    """`name type, …` for a CREATE TABLE, with something added to the columns of texts."""
    return sql.SQL(", ").join(
        sql.SQL("{} {} {}").format(
            sql.Identifier(c.name), sql.SQL(c.kind.value), sql.SQL(of_texts if c.kind is Kind.TEXT else "")
        )
        for c in columns
    )


def _ensure_table(conn: Connection, name: str, columns: tuple[Column, ...], clause: str) -> None:
    table = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({}) {}").format(table, column_list(columns), sql.SQL(clause)))
    known = _columns(conn, name)[name]
    for column in columns:
        if column.name not in known:
            conn.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(table, column_list((column,))))
    key = "usage_start" if clause else "month"
    conn.execute(
        sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} (source_uuid, {})").format(
            sql.Identifier(f"{name}_source"), table, sql.Identifier(key)
        )
    )


def _ensure_partition(conn: Connection, table: str, month: date) -> None:
    conn.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(f"{table}_{month:%Y_%m}"),
            sql.Identifier(table),
            sql.Literal(month),
            sql.Literal(add_months(month, 1)),
        )
    )


def temporary(
    conn: Connection,
    name: str,
    columns: tuple[Column, ...],
    defaults: Mapping[str, Any] | None = None,
    *,
    numbered: str = "",
    by_bytes: bool = False,
) -> None:
    """Make a table that only this transaction sees.

    Args:
        conn: in the transaction.
        name: of the table.
        columns: what it has.
        defaults: what columns hold that an insert does not name.
        numbered: a further column that numbers the rows.
        by_bytes: order texts by their bytes, whatever the database's own order is.
    """
    table = sql.Identifier(name)
    number = (
        sql.SQL(", {} bigint GENERATED BY DEFAULT AS IDENTITY").format(sql.Identifier(numbered))
        if numbered
        else sql.SQL("")
    )
    listed = column_list(columns, 'COLLATE "C"' if by_bytes else "")
    conn.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({}{}) ON COMMIT DROP").format(table, listed, number))
    for column, value in (defaults or {}).items():
        conn.execute(
            sql.SQL("ALTER TABLE pg_temp.{} ALTER {} SET DEFAULT {}").format(
                table, sql.Identifier(column), sql.Literal(value)
            )
        )
