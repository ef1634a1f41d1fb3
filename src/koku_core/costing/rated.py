"""What rows of usage cost, rate by rate, as pricing and markup say it; and the rows of the fact that are made from it."""

from __future__ import annotations

from collections.abc import Set

from psycopg import sql

from koku_core.costing.pieces import names_of, sums
from koku_core.database.server import Connection
from koku_core.declare.columns import Column, Kind
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Told
from koku_core.sql import Table
from koku_core.summarize.insert import name_of
from koku_core.summarize.tables import temporary

#: What templates add their rows to.
RATED = Table("rated", "pg_temp")
#: What of it tells costs apart.
_APART = (
    Column("usage_row", Kind.INTEGER),
    Column("beside", Kind.INTEGER),
    Column("rate_name", Kind.TEXT),
    Column("metric", Kind.TEXT),
)

#: Rows of usage are numbered, so that grouping by their keys need not look at them. Put in order, many small groups are added up faster
#: than by hash.
_OF_USAGE = """
    SELECT {source}::uuid, {layer}, {own_keys}, {of_costs} FROM (
        SELECT {apart}, {sums} FROM (SELECT * FROM {rated} WHERE usage_row IS NOT NULL ORDER BY {apart}) AS r GROUP BY {apart}
    ) AS r JOIN {usage} AS u USING (usage_row)
"""
_OF_THEIR_OWN = """
    UNION ALL SELECT {source}::uuid, {layer}, {kept}, {sums} FROM {rated} WHERE usage_row IS NULL GROUP BY {kept}
"""


def make_rated(conn: Connection, told: Told, fact: Fact) -> None:
    """Make the table, empty."""
    conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name_of(RATED)))
    temporary(conn, RATED.name, (*_APART, *(fact.column(n) for n in (*told.kinds, *told.figures, *told.keys))))


def analyze_rated(conn: Connection, told: Told) -> None:
    """Let the planner know what costs are grouped by."""
    apart = names_of((*(c.name for c in _APART), *told.kinds))
    conn.execute(sql.SQL("ANALYZE {} ({})").format(name_of(RATED), apart))


def add_up(conn: Connection, told: Told, given: Set[str], source_uuid: str, usage: Table, costs: Table) -> None:
    """Make the rows of the fact.

    Args:
        conn: in the publishing transaction.
        told: how the provider tells costs by rate.
        given: the columns that templates gave.
        source_uuid: the source.
        usage: the summarized rows.
        costs: where the rows go.
    """
    names = (*told.keys, *told.kinds, *told.figures)
    statement = _OF_USAGE if given.isdisjoint(told.keys) else _OF_USAGE + _OF_THEIR_OWN
    parts = {
        "source": sql.Literal(source_uuid), "layer": sql.Literal(1), "usage": name_of(usage), "rated": name_of(RATED),
        "own_keys": names_of(told.keys, "u"), "of_costs": names_of((*told.kinds, *told.figures), "r"),
        "apart": names_of(("usage_row", *told.kinds)), "kept": names_of((*told.keys, *told.kinds)),
        "sums": sums(told.figures, given, nothing="0"),
    }  # fmt: skip
    insert = sql.SQL("INSERT INTO {} (source_uuid, layer, {})").format(name_of(costs), names_of(names))
    conn.execute(insert + sql.SQL(statement).format(**parts))
