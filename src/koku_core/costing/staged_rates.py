"""The table of rates that pricing templates read."""

from __future__ import annotations

from collections.abc import Iterable

from koku_core.costing.effective import Price
from koku_core.database.server import Connection
from koku_core.sql import Table

RATES = Table("rates", "pg_temp")


def stage_rates(conn: Connection, prices: Iterable[Price]) -> None:
    """Make the table: a row for each day that a price is valid on."""
    conn.execute("DROP TABLE IF EXISTS pg_temp.rates")
    conn.execute(
        """CREATE TEMPORARY TABLE rates (usage_start date, metric text, cost_type text, rate_name text, tier_from numeric,
           tier_to numeric, value numeric, tag_key text, tag_value text, is_default boolean) ON COMMIT DROP"""
    )
    conn.cursor().executemany(
        """INSERT INTO pg_temp.rates SELECT cast(day AS date), %s, %s, %s, %s, %s, %s, %s, %s, %s
           FROM generate_series(cast(%s AS timestamp), cast(%s AS timestamp), interval '1 day') AS day""",
        [
            (p.metric, p.cost_type, p.rate_name, p.tier_from, p.tier_to, p.value, p.tag_key, p.tag_value, p.is_default,
             p.valid_from, p.valid_to)
            for p in prices
        ],
    )  # fmt: skip
