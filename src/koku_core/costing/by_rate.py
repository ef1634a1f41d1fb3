"""Fills the fact of costs by rate: what each rate cost, and what of it was moved where, in sums of the figures of the daily summary."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from koku_core.costing.effective import EffectiveModel, InForce
from koku_core.costing.engine import RATED
from koku_core.costing.moving import OWNED, PARTED
from koku_core.costing.pieces import names_of, nothing, sums
from koku_core.database.server import Connection
from koku_core.declare.columns import Kind
from koku_core.declare.facts import CONTEXT, RATE_COLUMNS, Fact
from koku_core.declare.summarize import Told
from koku_core.sql import Table
from koku_core.summarize.insert import name_of

_FILL = """
INSERT INTO {into} (source_uuid, layer, usage_start, {keys}, {kinds}, {figures}, {moved}, {rate}, price_list, price_list_version)
WITH told AS (
    SELECT 1 AS layer, u.usage_start, {of_party}, {own_kinds}, {own_figures}, NULL::numeric AS {moved}, {own_rate}
    FROM {owned} AS o JOIN {usage} AS u ON u.usage_row = o.party
    UNION ALL
    SELECT 2, u.usage_start, {of_party}, {own_kinds}, {no_figures}, o.{moved}, {own_rate}
    FROM {parted} AS o JOIN {usage} AS u ON u.usage_row = o.party
    UNION ALL
    SELECT 1, usage_start, {keys}, {kinds}, {no_raw}, {sums}, NULL, rate_name, metric, {type}
    FROM {rated}
    WHERE usage_row IS NULL AND beside IS NULL
    GROUP BY usage_start, {keys}, {kinds}, rate_name, metric
)
SELECT {source}::uuid, t.*, l.uuid, l.version
FROM told AS t LEFT JOIN ({lists}) AS l ON t.usage_start BETWEEN l.first AND l.last AND t.rate_type IS NOT NULL
"""
_RATE = tuple(c.name for c in RATE_COLUMNS if c.name in ("rate_name", "metric", "rate_type"))


def fill_by_rate(
    conn: Connection, told: Told, fact: Fact, source_uuid: str, model: EffectiveModel, usage: Table, into: Table
) -> None:
    """Append the costs by rate of what was priced last in this transaction.

    Args:
        conn: in the publishing transaction.
        told: how the provider tells costs by rate.
        fact: its columns are those of `into`.
        source_uuid: the source.
        model: what it was priced by.
        usage: the summarized rows.
        into: where the rows go.
    """
    own = {c.name for c in (*CONTEXT, *RATE_COLUMNS)}
    money = [c.name for c in fact.columns if c.kind is Kind.MONEY]
    kinds = [c.name for c in fact.columns if c.name in told.kinds]
    keys = [c.name for c in fact.columns if c.name not in {*own, *money, *kinds}]
    raw = [n for n in money if n in told.raw]
    priced = [n for n in money if n in told.figures]
    statement = sql.SQL(_FILL).format(
        into=name_of(into), usage=name_of(usage), owned=name_of(OWNED), parted=name_of(PARTED), rated=name_of(RATED),
        source=sql.Literal(source_uuid), type=sql.Identifier(told.type), moved=sql.Identifier(told.moved),
        keys=names_of(keys), of_party=names_of(keys, "u"), kinds=names_of(kinds), own_kinds=names_of(kinds, "o"),
        figures=names_of([*raw, *priced]), own_figures=names_of([*raw, *priced], "o"), no_figures=nothing([*raw, *priced]),
        no_raw=nothing(raw), sums=sums(priced), rate=names_of(_RATE), own_rate=names_of(_RATE, "o"), lists=_lists(model.lists),
    )  # fmt: skip
    conn.execute(statement)


def _lists(lists: Iterable[InForce]) -> sql.Composed:
    """The price lists in force, and one of no days, so that there is always a row."""
    none = sql.SQL("SELECT NULL::date AS first, NULL::date AS last, NULL::uuid AS uuid, NULL::int AS version")
    held = sql.SQL("SELECT {}::date, {}::date, {}::uuid, {}::int")
    rows = [held.format(*map(sql.Literal, (x.first, x.last, x.uuid, x.version))) for x in lists]
    return sql.SQL(" UNION ALL ").join([none, *rows])
