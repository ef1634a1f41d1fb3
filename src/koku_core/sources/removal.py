"""Removes a source with everything that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant, bump
from koku_core.jobs.queue import enqueue
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.summarize.tables import tables_of, tag_table
from koku_core.tenants import wait_for

#: The kind of the jobs that finish a removal.
KIND = "remove"


def remove(services: Services, tenant: Tenant, source: Source) -> None:
    """Remove a source: its rows first, in one transaction, so that nobody sees a half; then line items and kept files.

    Its running jobs are cancelled, and what they write is waited for. The files of its line items stay until no backup can name them.
    What a crash leaves of the lake and the kept files is removed by the next purge: nothing refers to it any more.
    """
    with tenant.transaction() as conn:
        left = _forget(conn, services, tenant, source)
    finish(services, tenant, left)


def remove_by_job(services: Services, tenant: Tenant, source: Source) -> int:
    """As `remove`, but what is left when the source is gone for all readers is done by a job.

    Returns:
        The job's id.
    """
    with tenant.transaction() as conn:
        left = _forget(conn, services, tenant, source)
        return enqueue(conn, tenant.name, KIND, key=source.uuid, arguments=left)


def finish(services: Services, tenant: Tenant, left: Mapping[str, Any]) -> None:
    """Remove line items and kept files of a source that is gone; safe to kill, safe to repeat."""
    wait_for(tenant, left["reports"])
    services.lake.drop_source(tenant.name, left["source"])
    for key in left["kept"]:
        services.kept.delete(key)


def _forget(conn: Connection, services: Services, tenant: Tenant, source: Source) -> dict[str, Any]:
    """Remove a source's rows.

    Returns:
        What is left to do, for `finish`: the source, the reports that are being worked on, the keys of kept files.
    """
    conn.execute("SELECT 1 FROM source WHERE uuid = %s FOR UPDATE", (source.uuid,))
    at_work = conn.execute(
        "SELECT id FROM report WHERE source_uuid = %s AND state IN ('ready', 'running')", (source.uuid,)
    ).fetchall()
    kept = conn.execute(
        "SELECT kept FROM report_file JOIN report ON report.id = report_id WHERE source_uuid = %s", (source.uuid,)
    ).fetchall()
    facts = services.plugins.provider(source.provider).summary.facts
    for table in [t for f in facts for t in (*tables_of(f), *([tag_table(f)] if f.tags else []))]:
        if conn.execute("SELECT to_regclass(quote_ident(%s))", (table,)).fetchone() != (None,):
            conn.execute(sql.SQL("DELETE FROM {} WHERE source_uuid = %s").format(sql.Identifier(table)), (source.uuid,))
    conn.execute(
        "DELETE FROM koku.job WHERE tenant = %s AND source_uuid = %s AND state <> 'running'", (tenant.name, source.uuid)
    )
    conn.execute(
        "UPDATE koku.job SET cancel_asked = true, forget = true WHERE tenant = %s AND source_uuid = %s",
        (tenant.name, source.uuid),
    )
    conn.execute("DELETE FROM koku.schedule WHERE tenant = %s AND what = %s", (tenant.name, f"refresh {source.uuid}"))
    conn.execute("DELETE FROM source WHERE uuid = %s", (source.uuid,))
    _drop_tag_keys(conn, services, source)
    bump(conn, "data")
    bump(conn, "settings")
    return {"source": source.uuid, "reports": [r for (r,) in at_work], "kept": [k for (k,) in kept]}


def _drop_tag_keys(conn: Connection, services: Services, source: Source) -> None:
    """With the last source of a provider go the keys that it has seen and nobody has chosen."""
    family = services.plugins.provider(source.provider).provider.family
    if conn.execute("SELECT 1 FROM source WHERE provider = %s", (source.provider,)).fetchone() is None:
        conn.execute("DELETE FROM label_key WHERE family = %s AND enabled", (family,))
        conn.execute(
            """DELETE FROM tag_key WHERE family = %s AND NOT enabled
               AND NOT EXISTS (SELECT 1 FROM tag_mapping WHERE uuid IN (child, parent))""",
            (family,),
        )
