"""Fills rollups and tag tables from the rows of one source and month, as their declarations say."""

from __future__ import annotations

from datetime import date
from itertools import chain

from psycopg import sql

from koku_core.clock import add_months
from koku_core.database.server import Connection
from koku_core.declare.facts import Fact, Rollup, TagTable
from koku_core.summarize.tables import rollup_columns, tag_columns, tag_table


def fill_rollups(conn: Connection, fact: Fact, source_uuid: str, month: date, rows: sql.Composable) -> None:
    """Replace every rollup's rows of one source and month by the aggregate of `rows` (all rows of the fact for them).

    The rows are added up once by all that any rollup keeps, and rollups are made from that; one that a finer rollup holds, from it.
    """
    if not fact.rollups:
        return
    conn.execute(_add_up(fact, rows))
    done: list[Rollup] = []
    for rollup in sorted(fact.rollups, key=lambda r: -len(r.dims)):
        finer = min((r for r in done if _holds(r, rollup)), key=lambda r: len(r.dims), default=None)
        forget(conn, rollup.name, "usage_start", source_uuid, month)
        if finer is None:
            conn.execute(
                _aggregate(fact, rollup, sql.SQL("pg_temp.rolled"), sql.SQL(rollup.where or "true"), _SUM, _MAX)
            )
        else:
            of_month = sql.SQL("source_uuid = %s AND usage_start >= %s AND usage_start < %s")
            statement = _aggregate(fact, rollup, sql.Identifier(finer.name), of_month)
            conn.execute(statement, (source_uuid, month, add_months(month, 1)))
        done.append(rollup)
    conn.execute("DROP TABLE pg_temp.rolled")


#: What a column is called when it is added up, since others may group by it; and where its largest value is kept.
_SUM, _MAX = "sum of {}", "max of {}"


def _add_up(fact: Fact, rows: sql.Composable) -> sql.Composed:
    """Make the table that rollups are made from."""
    rollups = fact.rollups
    asked = {n for r in rollups for n in (*r.dims, *r.texts)}
    dims = [c.name for c in fact.columns if c.name in asked or any(c.name in r.where for r in rollups)]
    keys = _names("source_uuid", "usage_start", *dims)
    figures = [
        sql.SQL("{0}({1}) FILTER (WHERE {1} IS NOT NULL) AS {2}").format(
            sql.SQL(how), sql.Identifier(n), sql.Identifier(form.format(n))
        )
        for how, form, names in (("sum", _SUM, (r.sums for r in rollups)), ("max", _MAX, (r.maxes for r in rollups)))
        for n in dict.fromkeys(chain.from_iterable(names))
    ]
    return sql.SQL("CREATE TEMPORARY TABLE rolled ON COMMIT DROP AS SELECT {} FROM {} AS fact GROUP BY {}").format(
        sql.SQL(", ").join([keys, *figures]), rows, keys
    )


def _names(*names: str) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _holds(finer: Rollup, coarser: Rollup) -> bool:
    """Whether one rollup can be made from another: the same rows, in more groups, with all that is aggregated."""
    return (
        not coarser.texts
        and finer.where == coarser.where
        and set(coarser.dims) <= set(finer.dims)
        and set(coarser.sums) <= set(finer.sums)
        and set(coarser.maxes) <= set(finer.maxes)
    )


def _aggregate(
    fact: Fact, rollup: Rollup, rows: sql.Composable, where: sql.Composable, summed: str = "{}", largest: str = "{}"
) -> sql.Composed:
    """Fill a rollup from rows that hold it, in which sums and largest values are called so."""
    keys = _names("source_uuid", "usage_start", *rollup.dims)
    distinct = sql.SQL("array_agg(DISTINCT {0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL)")
    aggregates = [
        *(sql.SQL("sum({})").format(sql.Identifier(summed.format(n))) for n in rollup.sums),
        *(sql.SQL("max({})").format(sql.Identifier(largest.format(n))) for n in rollup.maxes),
        *(distinct.format(sql.Identifier(n)) for n in rollup.texts),
    ]
    return sql.SQL(
        "INSERT INTO {into} ({names}) SELECT {selected} FROM {rows} AS fact WHERE {where} GROUP BY {keys}"
    ).format(
        into=sql.Identifier(rollup.name),
        names=_names(*(c.name for c in rollup_columns(fact, rollup))),
        selected=sql.SQL(", ").join([keys, *aggregates]),
        rows=rows,
        where=where,
        keys=keys,
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
