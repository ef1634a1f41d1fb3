"""Pieces of SQL that the statements about costs are put together from."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql


def names_of(names: Iterable[str], table: str = "") -> sql.Composed:
    """`a, b`, quoted, of one table if it is named."""
    return comma(sql.Identifier(*filter(None, (table, n))) for n in names)


def sums(names: Iterable[str]) -> sql.Composed:
    """`sum(a) AS a, sum(b) AS b`."""
    return comma(sql.SQL("sum({0}) AS {0}").format(sql.Identifier(n)) for n in names)


def nothing(names: Iterable[str]) -> sql.Composed:
    """No money under these names."""
    return comma(sql.SQL("NULL::numeric AS {}").format(sql.Identifier(n)) for n in names)


def comma(parts: Iterable[sql.Composable]) -> sql.Composed:
    """The parts, separated by commas."""
    return sql.SQL(", ").join(parts)
