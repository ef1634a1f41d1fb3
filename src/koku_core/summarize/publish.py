"""Publishes one (source, month): daily summary, costs, distribution and rollups change together, in one transaction.

A reader sees the old figures or the new ones; a crash leaves the old. One advisory lock per (source, month) is held from the first
commit to the lake until here, and by every recalculation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from psycopg import sql

from koku_core.clock import add_months, month_end
from koku_core.costing.engine import run_costs
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant, bump
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Context
from koku_core.executors.base import Work
from koku_core.observability import timed
from koku_core.plugins import ProviderPlugin
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.sql import Table
from koku_core.summarize.mapping import apply_mappings
from koku_core.summarize.rollups import fill_rollups, fill_tags, forget
from koku_core.summarize.tables import ensure_tables, temporary

if TYPE_CHECKING:
    import pyarrow as pa

USAGE, COSTS = Table("usage", "pg_temp"), Table("costs", "pg_temp")


@contextmanager
def month_lock(tenant: Tenant, source_uuid: str, month: date) -> Iterator[None]:
    """Hold the lock of one (source, month)."""
    with tenant.lock("month", source_uuid, month.isoformat()):
        yield


def publish(
    services: Services,
    tenant: Tenant,
    source: Source,
    month: date,
    *,
    from_lake: bool = True,
    locked: bool = False,
) -> None:
    """Make one (source, month) anew and let readers see it.

    Args:
        services: the parts of the library.
        tenant: whose source it is.
        source: what to publish.
        month: its first day.
        from_lake: build the daily summary from the line items; False: keep it and only price it again.
        locked: the caller holds `month_lock` already.
    """
    plugin = services.plugins.provider(source.provider)
    with contextlib.nullcontext() if locked else month_lock(tenant, source.uuid, month):
        _publish(services, tenant, plugin, source, month, from_lake)


def _publish(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, source: Source, month: date, from_lake: bool
) -> None:
    fact = plugin.summary.fact
    ensure_tables(tenant, fact, [month])  # under the lock, since a purge drops partitions under it
    with tenant.transaction() as conn:
        if conn.execute("SELECT 1 FROM source WHERE uuid = %s FOR SHARE", (source.uuid,)).fetchone() is None:
            return  # deleted meanwhile: nothing of it may come back
        conn.execute("SET LOCAL work_mem = '64MB'")
        conn.execute("SET LOCAL jit = off")  # compiling takes longer than these statements run
        make_tables(conn, fact, source.uuid)
        with timed("summarize"):
            if from_lake:
                _summarize(services, tenant, plugin, source, month, conn)
            else:
                _take_usage(conn, fact, source.uuid, month)
            conn.execute("ANALYZE pg_temp.usage")
        with timed("price"):
            run_costs(conn, plugin, source.uuid, month, USAGE, COSTS)
        with timed("rollups"):
            _write(conn, fact, source.uuid, month, from_lake)
        conn.execute(
            """INSERT INTO published_month (source_uuid, month, summarized, costed) VALUES (%s, %s, now(), now())
               ON CONFLICT (source_uuid, month) DO UPDATE
               SET costed = now(), summarized = CASE WHEN %s THEN now() ELSE published_month.summarized END""",
            (source.uuid, month, from_lake),
        )
        bump(conn, "data")


def make_tables(conn: Connection, fact: Fact, source_uuid: str) -> None:
    """Make the temporary tables `usage` and `costs` of a publication: rows of the fact, those of usage numbered."""
    temporary(conn, USAGE.name, fact.all_columns, {"source_uuid": source_uuid, "layer": 0}, numbered="usage_row")
    temporary(conn, COSTS.name, fact.all_columns, {"source_uuid": source_uuid, "layer": 1})


def _summarize(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, source: Source, month: date, conn: Connection
) -> None:
    """Run the summarize steps into the temporary table `usage`, and note the labels that it has."""
    values = {
        "source_uuid": source.uuid, "source_name": source.name, "source_key": source.key, "month_start": month,
        "month_end": month_end(month), "days_in_month": month_end(month).day,
    }  # fmt: skip
    work = Work(tenant.name, source.uuid, month, values, _contexts(conn, plugin))
    for step in plugin.summary.steps:
        services.executor.summarize(conn, plugin.summary, step, work, USAGE)
    fact = plugin.summary.fact
    fill_tags(
        conn, fact, source.uuid, month, sql.SQL("pg_temp.usage")
    )  # as they came: a tag question merges children itself
    apply_mappings(conn, fact, plugin.provider.family, USAGE)


def _contexts(conn: Connection, plugin: ProviderPlugin) -> dict[Context, pa.Table]:
    """The small datasets that templates read beside the line items."""
    import pyarrow as pa

    keys = conn.execute(
        "SELECT key FROM tag_key WHERE family = %s AND enabled ORDER BY key", (plugin.provider.family,)
    ).fetchall()
    groups = conn.execute("SELECT cost_group_id, pattern FROM cost_group_pattern ORDER BY 1, 2").fetchall()
    return {
        Context.ENABLED_TAG_KEYS: pa.table({"key": pa.array([k for (k,) in keys], pa.string())}),
        Context.COST_GROUPS: pa.table(
            {
                "cost_group_id": pa.array([g for g, _ in groups], pa.int64()),
                "pattern": pa.array([p for _, p in groups], pa.string()),
            }
        ),
    }


def _take_usage(conn: Connection, fact: Fact, source_uuid: str, month: date) -> None:
    """Take the summarized rows that are published already."""
    conn.execute(
        sql.SQL(
            """INSERT INTO pg_temp.usage ({0}) SELECT {0} FROM {1}
               WHERE source_uuid = %s AND layer = 0 AND usage_start >= %s AND usage_start < %s"""
        ).format(_names(fact), sql.Identifier(fact.name)),
        (source_uuid, month, add_months(month, 1)),
    )


def _names(fact: Fact) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(c.name) for c in fact.all_columns)


def _write(conn: Connection, fact: Fact, source_uuid: str, month: date, from_lake: bool) -> None:
    """Replace what is published by the temporary tables, and make the rollups from them."""
    if from_lake:
        forget(conn, fact.name, "usage_start", source_uuid, month)
    else:
        conn.execute(
            sql.SQL(
                "DELETE FROM {} WHERE source_uuid = %s AND layer > 0 AND usage_start >= %s AND usage_start < %s"
            ).format(sql.Identifier(fact.name)),
            (source_uuid, month, add_months(month, 1)),
        )
    for table in ("usage", "costs") if from_lake else ("costs",):
        conn.execute(
            sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM pg_temp.{2}").format(
                sql.Identifier(fact.name), _names(fact), sql.Identifier(table)
            )
        )
    conn.execute("ANALYZE pg_temp.costs")
    both = sql.SQL("(SELECT {0} FROM pg_temp.usage UNION ALL SELECT {0} FROM pg_temp.costs)").format(_names(fact))
    fill_rollups(conn, fact, source_uuid, month, both)
