"""How long data are kept: one rule, which the door for uploads and the purge both obey."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import psycopg
from psycopg import sql

from koku_core import settings_store
from koku_core.clock import add_months, month_of
from koku_core.database.server import Connection, lock_key
from koku_core.database.tenant import Tenant, bump
from koku_core.errors import KokuError, Transient
from koku_core.intake import downloads
from koku_core.services import Services
from koku_core.settings import Settings
from koku_core.summarize.tables import tables_of, tag_table

#: The tenant's own setting, in the table `setting`.
MONTHS = settings_store.RETENTION
_ATTEMPTS, _PAUSE_S = 100, 0.05


class Busy(Transient, KokuError):
    """Old data are being read or written at the moment, so they cannot be dropped."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}, so it was not dropped. Try again later.", what=what)


def months_kept(conn: Connection, settings: Settings) -> int:
    """How many full months before the current one the tenant of `conn` keeps: its own setting, else `KOKU_RETAIN_MONTHS`."""
    return int(settings_store.read(conn, MONTHS, settings.retain_months))


def retained_from(services: Services, tenant: Tenant) -> date:
    """The first month that is kept, by the business clock."""
    months = services.settings.retain_months
    if tenant.exists():
        with tenant.connection() as conn:
            months = months_kept(conn, services.settings)
    return add_months(month_of(services.clock.today()), -months)


def purge(services: Services, tenant: Tenant) -> date:
    """Remove what is older than the tenant keeps, and what nothing refers to any more.

    An older month of all summaries goes in one transaction, whatever made it; then line items, reports with kept files, and jobs that ended
    long ago. Files of the lake stay for `KOKU_BACKUP_DAYS` after the last snapshot that named them. Safe to kill, safe to repeat.

    Returns:
        The first month that is kept.

    Raises:
        Busy: an old month is being read or written.
    """
    first = retained_from(services, tenant)
    if not tenant.exists():
        return first
    keys = _drop_rows(services, tenant, first)
    for key in keys:
        services.kept.delete(key)
    _sweep(services, tenant, first)
    return first


def _drop_rows(services: Services, tenant: Tenant, first: date) -> list[str]:
    """Drop what is in the database, a month a transaction; gives the keys of the kept files that go with it."""
    facts = [fact for plugin in services.plugins for fact in plugin.summary.facts]
    tables = {name for fact in facts for name in tables_of(fact)}
    tags = [tag_table(fact) for fact in facts if fact.tags]
    with tenant.connection() as conn:
        old = _partitions(conn, sorted(tables), first)
        published = conn.execute("SELECT DISTINCT month FROM published_month WHERE month < %s", (first,)).fetchall()
        for month in sorted({m for _, _, m in old} | {m for (m,) in published}):
            _persist(conn, partial(_drop_month, conn, tenant, [p for p in old if p[2] == month], tags, month), month)
        with conn.transaction():
            _drop_jobs(conn, tenant, services.settings.keep_jobs_days, first)
            return _drop_reports(conn, first, services.clock.today())


def _persist(conn: Connection, drop: Callable[[], None], month: date) -> None:
    """Do it in a transaction, again and again until its locks are free.

    It never waits for one: whoever waits for a table keeps all new readers of it waiting, and may wait for somebody who waits for it.

    Raises:
        Busy: they were not free for some seconds.
    """
    for _ in range(_ATTEMPTS):
        try:
            with conn.transaction():
                return drop()
        except psycopg.errors.LockNotAvailable:
            time.sleep(_PAUSE_S)
    raise Busy(f"Somebody reads the month {month:%Y-%m}")


def _drop_month(
    conn: Connection, tenant: Tenant, partitions: list[tuple[str, str, date]], tags: list[str], month: date
) -> None:
    """Drop a month of all summaries: readers see all of it or nothing.

    Raises:
        LockNotAvailable: a table is in use.
        Busy: the month is being published.
    """
    _claim(conn, tenant, month)
    for parent, name, _ in partitions:
        both = sql.SQL("LOCK TABLE ONLY {}, {} IN ACCESS EXCLUSIVE MODE NOWAIT")
        conn.execute(both.format(sql.Identifier(parent), sql.Identifier(name)))
    for parent, name, _ in partitions:
        table = sql.Identifier(name)
        conn.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(sql.Identifier(parent), table))
        conn.execute(sql.SQL("DROP TABLE {}").format(table))
    for name in tags:
        if conn.execute("SELECT to_regclass(quote_ident(%s))", (name,)).fetchone() != (None,):
            conn.execute(sql.SQL("DELETE FROM {} WHERE month = %s").format(sql.Identifier(name)), (month,))
    conn.execute("DELETE FROM published_month WHERE month = %s", (month,))
    bump(conn, "data")


def _partitions(conn: Connection, parents: list[str], first: date) -> list[tuple[str, str, date]]:
    """The monthly partitions before `first`: parent, name, month; they are named after their month."""
    found = conn.execute(
        """SELECT parent.relname, child.relname, to_date(right(child.relname, 7), 'YYYY_MM')
           FROM pg_inherits JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
           WHERE parent.relnamespace = current_schema()::regnamespace AND parent.relname = ANY(%s)
           ORDER BY 1, 2""",
        (parents,),
    ).fetchall()
    return [(parent, name, month) for parent, name, month in found if month < first]


def _claim(conn: Connection, tenant: Tenant, month: date) -> None:
    """Take the locks under which a month is published, until the transaction ends.

    Raises:
        Busy: somebody holds one of them.
    """
    for (source,) in conn.execute("SELECT uuid::text FROM source ORDER BY uuid").fetchall():
        key = lock_key("tenant", tenant.name, "month", source, month.isoformat())
        if conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (key,)).fetchone() != (True,):
            raise Busy(f"The month {month:%Y-%m} of the source {source} is being published")


def _drop_reports(conn: Connection, first: date, today: date) -> list[str]:
    """Forget the reports all of whose months are gone, and what was set aside as long ago.

    Returns:
        The keys of their kept files.
    """
    values = {"first": first, "days": (today - first).days}
    keys = conn.execute(_FORGET_REPORTS, values).fetchall()
    conn.execute(
        """UPDATE report SET months = ARRAY(SELECT m FROM unnest(months) m WHERE m >= %(first)s)
           WHERE %(first)s > ANY(months) AND state <> 'running'""",
        values,
    )
    return [key for (key,) in keys]


#: A report tells its months when it was ingested, else when it ends; one that cannot be read goes by the time that it came.
_FORGET_REPORTS = """
    WITH gone AS (
        DELETE FROM report WHERE state IN ('waiting', 'done', 'failed') AND NOT %(first)s <= ANY(months) AND CASE
            WHEN cardinality(months) > 0 THEN true
            WHEN coalesce(ends, made) IS NOT NULL THEN coalesce(ends, made) <= %(first)s::timestamp AT TIME ZONE 'UTC'
            ELSE received < clock_timestamp() - make_interval(days => %(days)s) END
        RETURNING id
    )
    SELECT kept FROM report_file WHERE report_id IN (SELECT id FROM gone)
"""


def _drop_jobs(conn: Connection, tenant: Tenant, days: float, first: date) -> None:
    """Forget the jobs that ended long ago, and cancel those that would make old months anew."""
    conn.execute(
        """UPDATE koku.job SET state = 'cancelled', finished = clock_timestamp(), error = 'its month is older than retention'
           WHERE tenant = %s AND state = 'waiting' AND (arguments ->> 'month')::date < %s""",
        (tenant.name, first),
    )
    conn.execute(
        """DELETE FROM koku.job WHERE tenant = %s AND state IN ('done', 'failed', 'cancelled')
           AND finished < clock_timestamp() - make_interval(secs => %s)""",
        (tenant.name, days * 86400),
    )


def _sweep(services: Services, tenant: Tenant, first: date) -> None:
    """Remove line items and files that no source and no report refers to: older ones, and what a crash left of a removal."""

    def sources() -> set[str]:
        with tenant.connection() as conn:
            return {str(uuid) for (uuid,) in conn.execute("SELECT uuid FROM source")}

    def known() -> set[str]:
        with tenant.connection() as conn:
            return {key for (key,) in conn.execute("SELECT kept FROM report_file")}

    services.lake.retain(tenant.name, sources, first)
    services.lake.sweep(timedelta(days=services.settings.backup_days), tenant.name)
    services.kept.sweep(tenant.name, known)
    downloads.sweep(services.settings, tenant.name, sources())
