"""Pieces of SQL that the statements about costs are put together from."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import LiteralString

from psycopg import sql


def names_of(names: Iterable[str], table: str = "") -> sql.Composed:
    """`a, b`, quoted, of one table if it is named."""
    return comma(sql.Identifier(*filter(None, (table, n))) for n in names)


def sums(names: Iterable[str], given: Container[str], *, nothing: LiteralString = "NULL") -> sql.Composed:
    """`sum(a) AS a, sum(b) AS b`, with `nothing` for the sum of nulls and for what is not given."""
    total, none = sql.SQL("coalesce(sum({0}), {1}) AS {0}"), sql.SQL("{1}::numeric AS {0}")
    return comma((total if n in given else none).format(sql.Identifier(n), sql.SQL(nothing)) for n in names)


def each(form: LiteralString, names: Iterable[str]) -> sql.Composed:
    """The form with each name in it, one after the other; nothing for no name."""
    return sql.SQL("").join(sql.SQL(form).format(sql.Identifier(n)) for n in names)


def comma(parts: Iterable[sql.Composable]) -> sql.Composed:
    """The parts, separated by commas."""
    return sql.SQL(", ").join(parts)
