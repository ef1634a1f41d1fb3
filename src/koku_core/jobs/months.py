"""Has months of sources made anew, as one job each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from koku_core.database.server import Connection
from koku_core.jobs.queue import enqueue


def enqueue_months(conn: Connection, tenant: str, kind: str, months: Iterable[tuple[str, date]]) -> list[int]:
    """Enqueue a job for each month of a source.

    Args:
        conn: a transaction in the tenant's schema.
        tenant: its name.
        kind: `summarize` (from the lake) or `price` (costs alone).
        months: the uuids of sources, each with the first day of a month.

    Returns:
        The ids of the jobs.
    """
    return [
        enqueue(
            conn, tenant, kind, key=f"{uuid} {month:%Y-%m-%d}", source_uuid=uuid,
            arguments={"source": uuid, "month": f"{month:%Y-%m-%d}"},
        )
        for uuid, month in months
    ]  # fmt: skip


def summarize_all(conn: Connection, tenant: str, sources: Collection[str]) -> list[int]:
    """Enqueue a `summarize` job for every published month of some sources, by uuid; arguments and result as above."""
    found = conn.execute(
        "SELECT source_uuid::text, month FROM published_month WHERE source_uuid = ANY(%s::uuid[]) ORDER BY month DESC",
        (list(sources),),
    ).fetchall()
    return enqueue_months(conn, tenant, "summarize", found)
