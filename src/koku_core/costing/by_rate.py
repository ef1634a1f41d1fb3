"""Fills the fact of costs by rate: what each rate cost, and what of it was moved where, in sums of the figures of the daily summary."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from koku_core.costing.effective import InForce
from koku_core.costing.engine import Costed
from koku_core.costing.moving import OWNED, PARTED, PARTIES, RATE
from koku_core.costing.pieces import each, names_of, sums
from koku_core.costing.rated import RATED
from koku_core.database.server import Connection
from koku_core.declare.columns import Kind
from koku_core.declare.facts import CONTEXT, RATE_COLUMNS, Fact
from koku_core.declare.summarize import Told
from koku_core.sql import Table
from koku_core.summarize.insert import name_of

_FILL = """
INSERT INTO {into} (source_uuid, layer, {names}, {moved}, {rate}, price_list, price_list_version)
WITH told AS (
    SELECT 1 AS layer, {of_party} {own_kinds} {own_figures} NULL::numeric AS {moved}, {own_rate}
    FROM {owned} AS o JOIN {parties} AS u USING (party)
    UNION ALL
    SELECT 2, {of_party} {own_kinds} {no_figures} o.{moved}, {own_rate}
    FROM {parted} AS o JOIN {parties} AS u USING (party)
    {of_nobody}
)
SELECT {source}::uuid, t.*, l.uuid, l.version
FROM told AS t LEFT JOIN ({lists}) AS l ON t.usage_start BETWEEN l.first AND l.last AND t.rate_type IS NOT NULL
"""
#: What is of no row of usage.
_OF_NOBODY = """
    UNION ALL
    SELECT 1, {keys} {kinds} {no_raw} {sums}, NULL, rate_name, metric, {type}
    FROM {rated}
    WHERE usage_row IS NULL AND beside IS NULL
    GROUP BY {keys} {kinds} rate_name, metric
"""


def fill_by_rate(conn: Connection, told: Told, fact: Fact, source_uuid: str, costed: Costed, into: Table) -> None:
    """Append the costs by rate of what was priced last in this transaction.

    Args:
        conn: in the publishing transaction.
        told: how the provider tells costs by rate.
        fact: its columns are those of `into`.
        source_uuid: the source.
        costed: what it was priced by.
        into: where the rows go.
    """
    own = {c.name for c in (*CONTEXT, *RATE_COLUMNS)}
    money = [c.name for c in fact.columns if c.kind is Kind.MONEY]
    kinds = [c.name for c in fact.columns if c.name in told.kinds]
    keys = ["usage_start", *(c.name for c in fact.columns if c.name not in {*own, *money, *kinds})]
    raw = [n for n in money if n in told.raw]
    priced = [n for n in money if n in told.figures]
    none = "NULL::numeric AS {}, "
    parts = {
        "into": name_of(into), "parties": name_of(PARTIES), "owned": name_of(OWNED), "parted": name_of(PARTED), "rated": name_of(RATED),
        "source": sql.Literal(source_uuid), "type": sql.Identifier(told.type) if told.type else sql.SQL("NULL::text"),
        "moved": sql.Identifier(told.moved), "names": names_of((*keys, *kinds, *raw, *priced)),
        "keys": each("{}, ", keys), "of_party": each("u.{}, ", keys), "kinds": each("{}, ", kinds), "own_kinds": each("o.{}, ", kinds),
        "own_figures": each("o.{}, ", [*raw, *priced]), "no_figures": each(none, [*raw, *priced]), "no_raw": each(none, raw),
        "sums": sums(priced, costed.given), "rate": names_of(RATE), "own_rate": names_of(RATE, "o"), "lists": _lists(costed.model.lists),
    }  # fmt: skip
    of_nobody = sql.SQL("") if costed.given.isdisjoint(told.keys) else sql.SQL(_OF_NOBODY).format(**parts)
    conn.execute(sql.SQL(_FILL).format(**parts, of_nobody=of_nobody))


def _lists(lists: Iterable[InForce]) -> sql.Composed:
    """The price lists in force, and one of no days, so that there is always a row."""
    none = sql.SQL("SELECT NULL::date AS first, NULL::date AS last, NULL::uuid AS uuid, NULL::int AS version")
    held = sql.SQL("SELECT {}::date, {}::date, {}::uuid, {}::int")
    rows = [held.format(*map(sql.Literal, (x.first, x.last, x.uuid, x.version))) for x in lists]
    return sql.SQL(" UNION ALL ").join([none, *rows])
