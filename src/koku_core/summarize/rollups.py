"""Fills rollups and tag tables from the rows of one source and month, as their declarations say."""

from __future__ import annotations

from datetime import date

from psycopg import sql

from koku_core.clock import add_months
from koku_core.database.server import Connection
from koku_core.declare.facts import Fact, Rollup, TagTable
from koku_core.summarize.tables import rollup_columns, tag_columns, tag_table


def fill_rollups(conn: Connection, fact: Fact, source_uuid: str, month: date, rows: sql.Composable) -> None:
    """Replace every rollup's rows of one source and month by the aggregate of `rows` (all rows of the fact for them).

    A rollup that a finer one holds already is made from that.
    """
    done: list[Rollup] = []
    for rollup in sorted(fact.rollups, key=lambda r: -len(r.dims)):
        finer = min((r for r in done if _holds(r, rollup)), key=lambda r: len(r.dims), default=None)
        forget(conn, rollup.name, "usage_start", source_uuid, month)
        if finer is None:
            conn.execute(_aggregate(fact, rollup, rows, sql.SQL(rollup.where or "true")))
        else:
            of_month = sql.SQL("source_uuid = %s AND usage_start >= %s AND usage_start < %s")
            statement = _aggregate(fact, rollup, sql.Identifier(finer.name), of_month)
            conn.execute(statement, (source_uuid, month, add_months(month, 1)))
        done.append(rollup)


def _holds(finer: Rollup, coarser: Rollup) -> bool:
    """Whether one rollup can be made from another: the same rows, in more groups, with all that is aggregated."""
    return (
        not coarser.texts
        and finer.where == coarser.where
        and set(coarser.dims) <= set(finer.dims)
        and set(coarser.sums) <= set(finer.sums)
        and set(coarser.maxes) <= set(finer.maxes)
    )


def _aggregate(fact: Fact, rollup: Rollup, rows: sql.Composable, where: sql.Composable) -> sql.Composed:
    keys = [sql.Identifier(n) for n in ("source_uuid", "usage_start", *rollup.dims)]
    distinct = sql.SQL("array_agg(DISTINCT {0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL)")
    aggregates = [
        *(sql.SQL("sum({})").format(sql.Identifier(n)) for n in rollup.sums),
        *(sql.SQL("max({})").format(sql.Identifier(n)) for n in rollup.maxes),
        *(distinct.format(sql.Identifier(n)) for n in rollup.texts),
    ]
    return sql.SQL(
        "INSERT INTO {into} ({names}) SELECT {selected} FROM {rows} AS fact WHERE {where} GROUP BY {keys}"
    ).format(
        into=sql.Identifier(rollup.name),
        names=sql.SQL(", ").join(sql.Identifier(c.name) for c in rollup_columns(fact, rollup)),
        selected=sql.SQL(", ").join([*keys, *aggregates]),
        rows=rows,
        where=where,
        keys=sql.SQL(", ").join(keys),
    )


def fill_tags(conn: Connection, fact: Fact, source_uuid: str, month: date, rows: sql.Composable) -> None:
    """Replace the tag table's rows of one source and month by the distinct labels of `rows`."""
    if not fact.tags:
        return
    forget(conn, tag_table(fact), "month", source_uuid, month)
    for tags in fact.tags:
        conn.execute(_tag_insert(fact, tags, rows), {"month": month})


def _tag_insert(fact: Fact, tags: TagTable, rows: sql.Composable) -> sql.Composed:
    dims = [c.name for c in tag_columns(fact)[5:]]
    chosen = [sql.Identifier(d) if d in tags.dims else sql.SQL("NULL") for d in dims]
    return sql.SQL(
        """INSERT INTO {into} (source_uuid, month, kind, key, value{names})
           SELECT DISTINCT source_uuid, %(month)s::date, {kind}, label.key, label.value{chosen}
           FROM (SELECT DISTINCT source_uuid, {column}{kept} FROM {rows} AS fact WHERE {where}) AS fact
           CROSS JOIN LATERAL jsonb_each_text({column}) AS label"""
    ).format(
        into=sql.Identifier(tag_table(fact)),
        names=sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(d)) for d in dims),
        chosen=sql.SQL("").join(sql.SQL(", {}").format(c) for c in chosen),
        kept=sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(d)) for d in tags.dims),
        kind=sql.Literal(tags.kind),
        column=sql.Identifier(tags.column),
        rows=rows,
        where=sql.SQL(tags.where or "true"),
    )


def forget(conn: Connection, table: str, day: str, source_uuid: str, month: date) -> None:
    """Delete the rows of one source and month."""
    conn.execute(
        sql.SQL("DELETE FROM {} WHERE source_uuid = %s AND {day} >= %s AND {day} < %s").format(
            sql.Identifier(table), day=sql.Identifier(day)
        ),
        (source_uuid, month, add_months(month, 1)),
    )
