"""Publishes one (source, month): daily summary, costs, distribution and rollups change together, in one transaction.

A reader sees the old figures or the new ones; a crash leaves the old. One advisory lock per (source, month) is held from the first
commit to the lake until here, and by every recalculation.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from psycopg import sql

from koku_core.cancellation import interruptible
from koku_core.clock import add_months, month_end
from koku_core.costing.by_rate import fill_by_rate
from koku_core.costing.engine import run_costs
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant, bump
from koku_core.declare.columns import Kind
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Summary
from koku_core.executors.base import Work
from koku_core.observability import timed
from koku_core.plugins import ProviderPlugin
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.sql import Table
from koku_core.summarize.contexts import contexts
from koku_core.summarize.mapping import apply_mappings
from koku_core.summarize.rollups import fill_rollups, fill_tags, forget
from koku_core.summarize.tables import ensure_tables, made, temporary

USAGE = Table("usage", "pg_temp")


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
    summary = plugin.summary
    for fact in summary.facts:  # under the lock, since a purge drops partitions under it
        ensure_tables(tenant, fact, [month])
    with tenant.transaction() as conn, interruptible(conn.cancel_safe):
        if conn.execute("SELECT 1 FROM source WHERE uuid = %s FOR SHARE", (source.uuid,)).fetchone() is None:
            return  # deleted meanwhile: nothing of it may come back
        from_lake = from_lake or not _up_to_date(conn, summary, source.uuid, month)
        conn.execute("SET LOCAL work_mem = '64MB'")
        conn.execute("SET LOCAL jit = off")  # compiling takes longer than these statements run
        conn.execute("SET LOCAL default_statistics_target = 10")  # ANALYZE would take longer than what it is for
        make_tables(conn, summary, source.uuid)
        with timed("summarize"):
            if from_lake:
                _summarize(services, tenant, plugin, source, month, conn)
            else:
                _take(conn, summary, source.uuid, month)
            for fact in summary.summarized:
                _analyze(conn, fact, rows_of(summary, fact))
            _replace(conn, summary, source.uuid, month, from_lake)
        with timed("price"):
            priced_in = _price(conn, plugin, source.uuid, month)
        with timed("rollups"):
            _roll_up(conn, summary, source.uuid, month, from_lake)
        conn.execute(
            """INSERT INTO published_month (source_uuid, month, declared, priced_in, summarized, costed)
               VALUES (%s, %s, %s, %s, now(), now())
               ON CONFLICT (source_uuid, month) DO UPDATE SET costed = now(), declared = excluded.declared, priced_in = excluded.priced_in,
               summarized = CASE WHEN %s THEN now() ELSE published_month.summarized END""",
            (source.uuid, month, _declared(summary), priced_in, from_lake),
        )
        bump(conn, "data")


def _declared(summary: Summary) -> str:
    """What tells summarized rows of one declaration from those of another."""
    facts = [(fact.name, [(c.name, c.kind.value) for c in fact.columns]) for fact in summary.summarized]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _up_to_date(conn: Connection, summary: Summary, source_uuid: str, month: date) -> bool:
    """Whether what is summarized of a month has all that the plugin declares by now."""
    row = conn.execute(
        "SELECT declared FROM published_month WHERE source_uuid = %s AND month = %s", (source_uuid, month)
    ).fetchone()
    return row is not None and row[0] == _declared(summary)


def make_tables(conn: Connection, summary: Summary, source_uuid: str) -> None:
    """Make the temporary tables of a publication: `usage` (numbered) for rows of the fact, and one for each of its details."""
    columns, context = summary.fact.all_columns, {"source_uuid": source_uuid, "layer": 0}
    temporary(conn, USAGE.name, columns, context, numbered="usage_row")
    for fact in summary.details:
        temporary(conn, made(fact).name, fact.all_columns, context)


def rows_of(summary: Summary, fact: Fact) -> Table:
    """The temporary table that the summarize steps fill for a fact."""
    return made(fact) if fact in summary.details else USAGE


def _summarize(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, source: Source, month: date, conn: Connection
) -> None:
    """Run the summarize steps into the temporary tables of their facts, and note the labels that they have."""
    values = {
        "source_uuid": source.uuid, "source_name": source.name, "source_key": source.key, "month_start": month,
        "month_end": month_end(month), "days_in_month": month_end(month).day,
    }  # fmt: skip
    work = Work(tenant.name, source.uuid, month, values, contexts(conn, plugin))
    summary = plugin.summary
    for step in summary.steps:
        services.executor.summarize(conn, summary, step, work, rows_of(summary, step.into or summary.fact))
    for fact in summary.summarized:
        table = rows_of(summary, fact)
        fill_tags(conn, fact, source.uuid, month, _name(table))  # as they came: a tag question merges children itself
        apply_mappings(conn, fact, plugin.provider.family, table)


def _take(conn: Connection, summary: Summary, source_uuid: str, month: date) -> None:
    """Take the summarized rows that are published already."""
    for fact in summary.summarized:
        conn.execute(
            sql.SQL(
                """INSERT INTO {0} ({1}) SELECT {1} FROM {2}
                   WHERE source_uuid = %s AND layer = 0 AND usage_start >= %s AND usage_start < %s"""
            ).format(_name(rows_of(summary, fact)), _names(fact), sql.Identifier(fact.name)),
            (source_uuid, month, add_months(month, 1)),
        )


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _names(fact: Fact) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(c.name) for c in fact.all_columns)


def _replace(conn: Connection, summary: Summary, source_uuid: str, month: date, from_lake: bool) -> None:
    """Replace the summarized rows that are published, and forget the costs."""
    if from_lake:
        for each in summary.summarized:
            forget(conn, each.name, "usage_start", source_uuid, month)
            _copy(conn, each, rows_of(summary, each))
    else:
        conn.execute(
            sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(summary.fact.name), _costs_of(source_uuid, month))
        )


def _price(conn: Connection, plugin: ProviderPlugin, source_uuid: str, month: date) -> str | None:
    """Publish the costs, and what they are by rate; the currency of the cost model, if there is one."""
    fact, spec, by_rate = plugin.summary.fact, plugin.cost_model, plugin.summary.by_rate
    costed = run_costs(conn, plugin, source_uuid, month, USAGE, Table(fact.name))
    if by_rate and spec and spec.told:
        forget(conn, by_rate.name, "usage_start", source_uuid, month)
        fill_by_rate(conn, spec.told, by_rate, source_uuid, costed, Table(by_rate.name))
    return costed.model.currency


def _roll_up(conn: Connection, summary: Summary, source_uuid: str, month: date, from_lake: bool) -> None:
    """Make the rollups from what is published now."""
    fact = summary.fact
    rows = sql.SQL("(SELECT {0} FROM {1} UNION ALL SELECT {0} FROM {2} WHERE {3})").format(
        _names(fact), _name(USAGE), sql.Identifier(fact.name), _costs_of(source_uuid, month)
    )
    fill_rollups(conn, fact, source_uuid, month, rows)
    if from_lake:
        for each in summary.details:
            fill_rollups(conn, each, source_uuid, month, _name(made(each)))


def _analyze(conn: Connection, fact: Fact, table: Table) -> None:
    """Let the planner know what rows are grouped and joined by: neither figures nor labels."""
    keys = [sql.Identifier(c.name) for c in fact.all_columns if c.kind not in (Kind.MONEY, Kind.LABELS)]
    conn.execute(sql.SQL("ANALYZE {} ({})").format(_name(table), sql.SQL(", ").join(keys)))


def _costs_of(source_uuid: str, month: date) -> sql.Composed:
    return sql.SQL("source_uuid = {} AND layer > 0 AND usage_start >= {} AND usage_start < {}").format(
        *map(sql.Literal, (source_uuid, month, add_months(month, 1)))
    )


def _copy(conn: Connection, fact: Fact, table: Table) -> None:
    """Publish the rows of a temporary table."""
    conn.execute(
        sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2}").format(
            sql.Identifier(fact.name), _names(fact), _name(table)
        )
    )
