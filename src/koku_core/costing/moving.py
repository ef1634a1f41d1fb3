"""Moves cost between rows of one day, rate by rate: a provider's templates say who gives and who takes, this makes the parts.

A pool is what its givers' costs of a day are made of, rate by rate; a taker's part is its share of the takers' weight. Both are running
totals: a part is what has been reached by the taker and the rate less what had been reached before either, each rounded as stored. So
the parts add up to the pool to the last digit, for each rate over the takers and for each taker over the rates. Where nobody takes, the
cost stays where it is.
"""

from __future__ import annotations

from psycopg import sql

from koku_core.costing.pieces import comma, names_of, nothing, sums
from koku_core.database.server import Connection
from koku_core.declare.summarize import Told
from koku_core.sql import Rendered, Table
from koku_core.summarize.insert import columns_of, name_of

#: Rows of usage that give and take as one are a party, named by one of them. Which one, and the party's place, is by what they have: rows
#: come in any order, and nothing may depend on it.
PARTIES = Table("parties", "pg_temp")
#: What parties cost, by rate; raw cost is one of the rates.
OWNED = Table("owned", "pg_temp")
#: What was moved to and from parties, by rate.
PARTED = Table("parted", "pg_temp")
RATE = ("rate_name", "metric", "rate_type")

_CREATE = """
CREATE TEMPORARY TABLE {parties} ON COMMIT DROP AS
SELECT usage_row, first_value(usage_row) OVER (PARTITION BY usage_start, {by} ORDER BY {has}) AS party,
    dense_rank() OVER (ORDER BY usage_start, {by}) AS place
FROM {usage};
CREATE TEMPORARY TABLE {owned} ON COMMIT DROP AS
SELECT party, rate_name, metric, {type} AS rate_type, {kinds}, {no_raw}, {sums}
FROM {rated} AS r JOIN {parties} AS p ON p.usage_row = coalesce(r.usage_row, r.beside)
GROUP BY party, rate_name, metric, {kinds};
{of_usage}
CREATE TEMPORARY TABLE {parted} (
    party bigint, rate_name text, metric text, rate_type text, {kind_columns}, {moved} numeric(33, 15)
) ON COMMIT DROP;
ANALYZE {parties};
ANALYZE {owned};
"""
_OF_USAGE = """
INSERT INTO {owned} (party, rate_name, metric, {kinds}, {column})
SELECT party, {name}, 'raw', {kinds}, sum({column}) FROM {usage} JOIN {parties} USING (usage_row)
WHERE {column} <> 0 GROUP BY party, {kinds};
"""
_MOVE = """
INSERT INTO {parted} (party, {rate}, {named} {moved})
WITH members AS (
    SELECT p.party, min(p.place) AS place, min(u.usage_start) AS usage_start, bool_or(n.gives) AS gives, {pool} AS pool,
        sum(n.weight) AS weight {largest}
    FROM ({template}) AS n JOIN {parties} AS p USING (usage_row) JOIN {usage} AS u USING (usage_row)
    GROUP BY p.party
),
given AS (
    SELECT party, m.usage_start, m.pool, {rate} {kinds}, sum({cost}) AS cost
    FROM members AS m JOIN {owned} AS o USING (party)
    WHERE m.gives
    GROUP BY party, m.usage_start, m.pool, {rate} {kinds}
),
pools AS (
    SELECT usage_start, pool, {rate}, sum(cost) AS cost, sum(sum(cost)) OVER (PARTITION BY usage_start, pool ORDER BY {rate}) AS reached
    FROM given
    GROUP BY usage_start, pool, {rate}
),
takers AS (
    SELECT
        *,
        sum(weight) OVER (PARTITION BY usage_start, pool) AS base,
        sum(weight) OVER (PARTITION BY usage_start, pool ORDER BY place) AS reached
    FROM members
    WHERE NOT gives AND weight <> 0
),
shares AS (
    SELECT
        party, usage_start, pool {kinds},
        CAST(reached AS numeric(60, 30)) / base AS upto,
        CAST(reached - weight AS numeric(60, 30)) / base AS after
    FROM takers AS m
    WHERE base > 0
),
parts AS (
    SELECT party, {rate} {kinds},
        round(p.reached * upto, 15) - round(p.reached * after, 15)
        - round((p.reached - p.cost) * upto, 15) + round((p.reached - p.cost) * after, 15) AS part
    FROM pools AS p JOIN shares AS m USING (usage_start, pool)
    UNION ALL
    SELECT party, {rate} {kinds}, -cost
    FROM given AS m JOIN (SELECT DISTINCT usage_start, pool FROM shares) AS taken USING (usage_start, pool)
)
SELECT party, {rate}, {named} part FROM parts WHERE part <> 0
"""
_ADD_UP = """
INSERT INTO {costs} (source_uuid, layer, {has}, {kinds}, {moved})
SELECT {source}::uuid, 2, {own}, {told}, r.moved FROM (
    SELECT party, {kinds}, sum({moved}) AS moved FROM {parted} GROUP BY party, {kinds} HAVING sum({moved}) <> 0
) AS r JOIN {usage} AS u ON u.usage_row = r.party
"""


def make_tables(conn: Connection, told: Told, usage: Table, rated: Table) -> None:
    """Make the tables of parties, of what they cost by rate, and of what is moved, which is nothing yet.

    Args:
        conn: in the publishing transaction.
        told: how the provider tells costs by rate.
        usage: the summarized rows.
        rated: what they cost, by rate.
    """
    for table in (PARTIES, OWNED, PARTED):
        conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name_of(table)))
    parts = {
        "parties": name_of(PARTIES), "owned": name_of(OWNED), "parted": name_of(PARTED), "usage": name_of(usage),
        "rated": name_of(rated), "by": names_of(told.moved_by), "has": names_of(told.moved_has), "type": sql.Identifier(told.type),
        "kinds": names_of(told.kinds), "kind_columns": comma(sql.SQL("{} text").format(sql.Identifier(k)) for k in told.kinds),
        "no_raw": nothing(told.raw), "sums": sums(told.figures), "moved": sql.Identifier(told.moved),
    }  # fmt: skip
    of_usage = sql.SQL("").join(
        sql.SQL(_OF_USAGE).format(**parts, column=sql.Identifier(column), name=sql.Literal(name))
        for column, name in told.raw.items()
    )
    conn.execute(sql.SQL(_CREATE).format(**parts, of_usage=of_usage))


def move(conn: Connection, told: Told, template: Rendered, usage: Table) -> None:
    """Move the cost of one distribution.

    Args:
        conn: in the publishing transaction, after `make_tables`.
        told: how the provider tells costs by rate.
        template: the distribution's, rendered: `usage_row`, `gives`, `weight`, perhaps `pool`, and kinds.
        usage: the summarized rows.
    """
    columns = columns_of(conn, template)
    kinds = [k for k in told.kinds if k in columns]
    text, values = template.psycopg()
    statement = sql.SQL(_MOVE).format(
        parted=name_of(PARTED), parties=name_of(PARTIES), owned=name_of(OWNED), usage=name_of(usage),
        template=sql.SQL(text.decode()), rate=names_of(RATE), moved=sql.Identifier(told.moved),
        kinds=_each(", m.{}", kinds), named=_each("{}, ", kinds), largest=_each(", max(n.{0}) AS {0}", kinds),
        pool=sql.SQL("coalesce(max(n.pool), '')" if "pool" in columns else "''"),
        cost=sql.SQL(" + ").join(sql.SQL("coalesce(o.{}, 0)").format(sql.Identifier(n)) for n in (*told.raw, *told.given)),
    )  # fmt: skip
    conn.execute(statement, values)


def add_up(conn: Connection, told: Told, source_uuid: str, usage: Table, costs: Table) -> None:
    """Make the rows of the fact from what was moved."""
    statement = sql.SQL(_ADD_UP).format(
        costs=name_of(costs), parted=name_of(PARTED), usage=name_of(usage), source=sql.Literal(source_uuid),
        has=names_of(told.moved_has), own=names_of(told.moved_has, "u"), kinds=names_of(told.kinds),
        told=names_of(told.kinds, "r"), moved=sql.Identifier(told.moved),
    )  # fmt: skip
    conn.execute(statement)


def _each(form: str, names: list[str]) -> sql.Composed:
    return sql.SQL("").join(sql.SQL(form).format(sql.Identifier(n)) for n in names)
