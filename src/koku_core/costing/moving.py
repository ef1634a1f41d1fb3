"""Moves cost between rows of one day, rate by rate: a provider's templates say who gives and who takes, this makes the parts.

A pool is what its givers' costs of a day are made of, rate by rate; a taker's part is its share of the takers' weight. Both are running
totals: a part is what has been reached by the taker and the rate less what had been reached before either, each rounded as stored. So
the parts add up to the pool to the last digit, for each rate over the takers and for each taker over the rates. Where nobody takes, the
cost stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.declare.summarize import Told
from koku_core.sql import Rendered, Table
from koku_core.summarize.insert import columns_of, name_of

#: What was moved, by the row of usage that stands for a giver or taker, and by rate.
PARTED = Table("parted", "pg_temp")
RATE = ("rate_name", "metric", "rate_type")

_CREATE = """
CREATE TEMPORARY TABLE {parted} (
    usage_row bigint, rate_name text, metric text, rate_type text, {kinds}, {moved} numeric(33, 15)
) ON COMMIT DROP
"""
_MOVE = """
INSERT INTO {parted} (usage_row, {rate}, {named_kinds} {moved})
WITH named AS ({template}),
members AS (
    SELECT n.usage_row, n.gives, {pool} AS pool, n.weight, u.usage_start, min(n.usage_row) OVER party AS party {max_kinds}
    FROM named AS n JOIN {usage} AS u USING (usage_row)
    WINDOW party AS (PARTITION BY n.gives, {pool}, u.usage_start, {by})
),
costs AS (
    {raw}
    SELECT coalesce(usage_row, beside) AS usage_row, rate_name, metric, {type} AS rate_type, {cost} AS cost FROM {rated}
),
given AS (
    SELECT party, usage_start, pool, {rate} {kinds}, sum(cost) AS cost
    FROM members JOIN costs USING (usage_row)
    WHERE gives
    GROUP BY party, usage_start, pool, {rate} {kinds}
    HAVING sum(cost) <> 0
),
pools AS (
    SELECT usage_start, pool, {rate}, sum(cost) AS cost, sum(sum(cost)) OVER (PARTITION BY usage_start, pool ORDER BY {rate}) AS reached
    FROM given
    GROUP BY usage_start, pool, {rate}
),
takers AS (
    SELECT party, usage_start, pool {kinds}, sum(weight) AS weight
    FROM members
    WHERE NOT gives
    GROUP BY party, usage_start, pool {kinds}
    HAVING sum(weight) <> 0
),
reached AS (
    SELECT
        *,
        sum(weight) OVER (PARTITION BY usage_start, pool) AS base,
        sum(weight) OVER (PARTITION BY usage_start, pool ORDER BY party) AS reached
    FROM takers
),
shares AS (
    SELECT
        party, usage_start, pool {kinds},
        CAST(reached AS numeric(60, 30)) / base AS upto,
        CAST(reached - weight AS numeric(60, 30)) / base AS after
    FROM reached
    WHERE base > 0
),
parts AS (
    SELECT party, {rate} {kinds},
        round(p.reached * upto, 15) - round(p.reached * after, 15)
        - round((p.reached - p.cost) * upto, 15) + round((p.reached - p.cost) * after, 15) AS part
    FROM pools AS p JOIN shares USING (usage_start, pool)
    UNION ALL
    SELECT party, {rate} {kinds}, -cost
    FROM given JOIN (SELECT DISTINCT usage_start, pool FROM shares) AS taken USING (usage_start, pool)
)
SELECT party, {rate}, {named_kinds} part FROM parts WHERE part <> 0
"""
_RAW = """
    SELECT usage_row, {name} AS rate_name, 'raw' AS metric, NULL AS rate_type, {column} AS cost
    FROM {usage} WHERE {column} <> 0 UNION ALL
"""
_ADD_UP = """
INSERT INTO {costs} (source_uuid, layer, {has}, {kinds}, {moved})
SELECT {source}::uuid, 2, {own}, {told}, r.moved FROM (
    SELECT usage_row, {kinds}, sum({moved}) AS moved FROM {parted} GROUP BY usage_row, {kinds} HAVING sum({moved}) <> 0
) AS r JOIN {usage} AS u USING (usage_row)
"""


def make_parted(conn: Connection, told: Told) -> None:
    """Make the table of what distributions move."""
    kinds = _comma(sql.SQL("{} text").format(sql.Identifier(k)) for k in told.kinds)
    conn.execute(sql.SQL(_CREATE).format(parted=name_of(PARTED), kinds=kinds, moved=sql.Identifier(told.moved)))


def move(conn: Connection, told: Told, template: Rendered, usage: Table, rated: Table) -> None:
    """Move the cost of one distribution.

    Args:
        conn: in the publishing transaction.
        told: how the provider tells costs by rate.
        template: the distribution's, rendered: `usage_row`, `gives`, `weight`, perhaps `pool`, and kinds.
        usage: the summarized rows.
        rated: what they cost, by rate.
    """
    names = columns_of(conn, template)
    kinds = [k for k in told.kinds if k in names]
    text, values = template.psycopg()
    prefixed = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(k)) for k in kinds)
    largest = sql.SQL(", max(n.{0}) OVER party AS {0}")
    statement = sql.SQL(_MOVE).format(
        parted=name_of(PARTED), usage=name_of(usage), rated=name_of(rated), template=sql.SQL(text.decode()),
        rate=_names(RATE), kinds=prefixed, named_kinds=sql.SQL("").join(sql.SQL("{}, ").format(sql.Identifier(k)) for k in kinds),
        max_kinds=sql.SQL("").join(largest.format(sql.Identifier(k)) for k in kinds),
        pool=sql.SQL("coalesce(n.pool, '')" if "pool" in names else "''"), by=_names(told.moved_by, "u"),
        raw=_raw(told.raw, usage), type=sql.Identifier(told.type), moved=sql.Identifier(told.moved),
        cost=sql.SQL(" + ").join(sql.SQL("coalesce({}, 0)").format(sql.Identifier(n)) for n in told.given),
    )  # fmt: skip
    conn.execute(statement, values)


def _raw(raw: Mapping[str, str], usage: Table) -> sql.Composed:
    """The costs that rows of usage have of their own."""
    return sql.SQL(" ").join(
        sql.SQL(_RAW).format(name=sql.Literal(name), column=sql.Identifier(column), usage=name_of(usage))
        for column, name in raw.items()
    )


def add_up(conn: Connection, told: Told, source_uuid: str, usage: Table, costs: Table) -> None:
    """Make the rows of the fact from what was moved."""
    statement = sql.SQL(_ADD_UP).format(
        costs=name_of(costs), parted=name_of(PARTED), usage=name_of(usage), source=sql.Literal(source_uuid),
        has=_names(told.moved_has), own=_names(told.moved_has, "u"), kinds=_names(told.kinds), told=_names(told.kinds, "r"),
        moved=sql.Identifier(told.moved),
    )  # fmt: skip
    conn.execute(statement)


def _names(names: Iterable[str], table: str = "") -> sql.Composed:
    return _comma(sql.Identifier(*filter(None, (table, n))) for n in names)


def _comma(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
