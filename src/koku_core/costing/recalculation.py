"""A change of prices reaches every published month that it touches, as one job per source and month."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from koku_core.clock import month_of
from koku_core.database.server import Connection
from koku_core.jobs.months import enqueue_months


def reprice(
    conn: Connection, tenant: str, sources: Iterable[str], first: date | None = None, last: date | None = None
) -> list[int]:
    """Enqueue a `price` job for every published month of some sources, in the transaction that changes their prices.

    Args:
        conn: a transaction in the tenant's schema.
        tenant: its name.
        sources: uuids.
        first: only months that have a day from here on; None: no bound.
        last: only months that have a day up to here; None: no bound.

    Returns:
        The ids of the jobs.
    """
    found = conn.execute(
        """SELECT source_uuid::text, month FROM published_month
           WHERE source_uuid = ANY(%s::uuid[]) AND month >= coalesce(%s, month) AND month <= coalesce(%s, month)
           ORDER BY month DESC, source_uuid""",
        (sorted(set(sources)), first and month_of(first), last),
    ).fetchall()
    return enqueue_months(conn, tenant, "price", found)
