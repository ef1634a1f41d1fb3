"""Moves cost between rows of one day, rate by rate: a provider's templates say who gives and who takes, this makes the parts.

A pool is what its givers' costs of a day are made of, rate by rate; a taker's part is its share of the takers' weight. Both are running
totals: a part is what has been reached by the taker and the rate less what had been reached before either, each rounded as stored. So
the parts add up to the pool to the last digit, for each rate over the takers and for each taker over the rates. Where nobody takes, the
cost stays where it is.
"""

from __future__ import annotations

from collections.abc import Set

from psycopg import sql

from koku_core.costing.pieces import each, names_of, sums
from koku_core.costing.rated import RATED
from koku_core.database.server import Connection
from koku_core.declare.summarize import Told
from koku_core.sql import Rendered, Table
from koku_core.summarize.insert import columns_of, name_of

#: Rows of usage that give and take as one are a party. Parties are numbered by what they have: rows come in any order, and nothing may
#: depend on it.
PARTIES = Table("parties", "pg_temp")
#: Which rows of usage a party is of.
MEMBERS = Table("members", "pg_temp")
#: What parties cost, by rate; raw cost is one of the rates.
OWNED = Table("owned", "pg_temp")
#: What was moved to and from parties, by rate.
PARTED = Table("parted", "pg_temp")
RATE = ("rate_name", "metric", "rate_type")

_PARTIES = """
CREATE TEMPORARY TABLE {parties} ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY {groups}) AS party, *
FROM (SELECT {groups}, {others} array_agg(usage_row) AS usage_rows FROM {usage} GROUP BY {groups}) AS u
"""
_MEMBERS = """
CREATE TEMPORARY TABLE {members} ON COMMIT DROP AS SELECT unnest(usage_rows) AS usage_row, party, usage_start FROM {parties}
"""
_OWNED = """
CREATE TEMPORARY TABLE {owned} ON COMMIT DROP AS
SELECT party, rate_name, metric, {type} AS rate_type, {kinds} {no_raw} {sums}
FROM {rated} AS r JOIN {members} AS m ON m.usage_row = coalesce(r.usage_row, r.beside)
GROUP BY party, rate_name, metric, {kinds} rate_type
"""
_OWNED_RAW = """
INSERT INTO {owned} (party, rate_name, metric, {kinds} {column})
SELECT party, {name}, 'raw', {kinds} sum({column}) FROM {usage} JOIN {members} USING (usage_row)
WHERE {column} <> 0 GROUP BY {kinds} party
"""
_PARTED = """
CREATE TEMPORARY TABLE {parted} (
    party bigint, rate_name text, metric text, rate_type text, {kind_columns} {moved} numeric(33, 15)
) ON COMMIT DROP
"""
_MOVE = """
INSERT INTO {parted} (party, {rate}, {named} {moved})
WITH sides AS (
    SELECT party, min(m.usage_start) AS usage_start, bool_or(n.gives) AS gives, {pool} AS pool, sum(n.weight) AS weight {largest}
    FROM ({template}) AS n JOIN {members} AS m USING (usage_row)
    GROUP BY party
),
given AS (
    SELECT party, m.usage_start, m.pool, {rate} {kinds}, sum({cost}) AS cost
    FROM sides AS m JOIN {owned} AS o USING (party)
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
        sum(weight) OVER (PARTITION BY usage_start, pool ORDER BY party) AS reached
    FROM sides
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
INSERT INTO {costs} (source_uuid, layer, {has}, {kinds} {moved})
SELECT {source}::uuid, 2, {own}, {of_part} r.moved FROM (
    SELECT party, {kinds} sum({moved}) AS moved FROM {parted} GROUP BY {kinds} party HAVING sum({moved}) <> 0
) AS r JOIN {parties} AS u USING (party)
"""


def make_parties(conn: Connection, told: Told, given: Set[str], usage: Table) -> None:
    """Make the tables of parties, of what they cost by rate, and of what is moved, which is nothing yet.

    Args:
        conn: in the publishing transaction, after what is rated.
        told: how the provider tells costs by rate.
        given: the columns that pricing templates gave.
        usage: the summarized rows.
    """
    for table in (PARTIES, MEMBERS, OWNED, PARTED):
        conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name_of(table)))
    groups = dict.fromkeys(("usage_start", *told.groups))
    parts = {
        "parties": name_of(PARTIES), "members": name_of(MEMBERS), "owned": name_of(OWNED), "parted": name_of(PARTED),
        "usage": name_of(usage), "rated": name_of(RATED), "groups": names_of(groups),
        "others": each("min({0}) AS {0}, ", (n for n in told.shared if n not in groups)),
        "type": sql.Identifier(told.type) if told.type else sql.SQL("NULL::text"), "kinds": each("{}, ", told.kinds),
        "kind_columns": each("{} text, ", told.kinds), "no_raw": each("NULL::numeric AS {}, ", told.raw),
        "sums": sums(told.figures, given), "moved": sql.Identifier(told.moved),
    }  # fmt: skip
    for statement in (_PARTIES, _MEMBERS, "ANALYZE {members}", _OWNED):
        conn.execute(sql.SQL(statement).format(**parts))
    for column, name in told.raw.items():
        conn.execute(sql.SQL(_OWNED_RAW).format(**parts, column=sql.Identifier(column), name=sql.Literal(name)))
    for statement in ("ANALYZE {owned}", _PARTED):
        conn.execute(sql.SQL(statement).format(**parts))


def move(conn: Connection, told: Told, template: Rendered) -> None:
    """Move the cost of one distribution.

    Args:
        conn: in the publishing transaction, after `make_parties`.
        told: how the provider tells costs by rate.
        template: the distribution's, rendered: `usage_row`, `gives`, `weight`, perhaps `pool`, and kinds.
    """
    columns = columns_of(conn, template)
    kinds = [k for k in told.kinds if k in columns]
    text, values = template.psycopg()
    statement = sql.SQL(_MOVE).format(
        parted=name_of(PARTED), members=name_of(MEMBERS), owned=name_of(OWNED), template=sql.SQL(text.decode()),
        rate=names_of(RATE), moved=sql.Identifier(told.moved), kinds=each(", m.{}", kinds), named=each("{}, ", kinds),
        largest=each(", max(n.{0}) AS {0}", kinds), pool=sql.SQL("coalesce(max(n.pool), '')" if "pool" in columns else "''"),
        cost=sql.SQL("0") + each(" + coalesce(o.{}, 0)", (*told.raw, *told.given)),
    )  # fmt: skip
    conn.execute(statement, values)


def add_up_moved(conn: Connection, told: Told, source_uuid: str, costs: Table) -> None:
    """Make the rows of the fact from what was moved."""
    statement = sql.SQL(_ADD_UP).format(
        costs=name_of(costs), parted=name_of(PARTED), parties=name_of(PARTIES), source=sql.Literal(source_uuid),
        has=names_of(told.shared), own=names_of(told.shared, "u"), kinds=each("{}, ", told.kinds),
        of_part=each("r.{}, ", told.kinds), moved=sql.Identifier(told.moved),
    )  # fmt: skip
    conn.execute(statement)
