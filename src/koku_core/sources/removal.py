"""Removes a source with everything that came of it."""

from __future__ import annotations

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant, bump
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.summarize.tables import tables_of, tag_table
from koku_core.tenants import wait_for


def remove(services: Services, tenant: Tenant, source: Source) -> None:
    """Remove a source: its rows first, in one transaction, so that nobody sees a half; then line items and kept files.

    Its running jobs are cancelled, and what they write is waited for. The files of its line items stay until no backup can name them.
    What a crash leaves of the lake and the kept files is removed by the next purge: nothing refers to it any more.
    """
    facts = services.plugins.provider(source.provider).summary.facts
    with tenant.transaction() as conn:
        conn.execute("SELECT 1 FROM source WHERE uuid = %s FOR UPDATE", (source.uuid,))
        at_work = conn.execute(
            "SELECT id FROM report WHERE source_uuid = %s AND state IN ('ready', 'running')", (source.uuid,)
        ).fetchall()
        kept = conn.execute(
            "SELECT kept FROM report_file JOIN report ON report.id = report_id WHERE source_uuid = %s",
            (source.uuid,),
        ).fetchall()
        for table in [t for f in facts for t in (*tables_of(f), *([tag_table(f)] if f.tags else []))]:
            if conn.execute("SELECT to_regclass(quote_ident(%s))", (table,)).fetchone() != (None,):
                conn.execute(
                    sql.SQL("DELETE FROM {} WHERE source_uuid = %s").format(sql.Identifier(table)),
                    (source.uuid,),
                )
        conn.execute(
            "DELETE FROM koku.job WHERE tenant = %s AND source_uuid = %s AND state <> 'running'",
            (tenant.name, source.uuid),
        )
        conn.execute(
            "UPDATE koku.job SET cancel_asked = true, forget = true WHERE tenant = %s AND source_uuid = %s",
            (tenant.name, source.uuid),
        )
        conn.execute(
            "DELETE FROM koku.schedule WHERE tenant = %s AND what = %s", (tenant.name, f"refresh {source.uuid}")
        )
        conn.execute("DELETE FROM source WHERE uuid = %s", (source.uuid,))
        _drop_tag_keys(conn, services, source)
        bump(conn, "data")
        bump(conn, "settings")
    wait_for(tenant, (report for (report,) in at_work))
    services.lake.drop_source(tenant.name, source.uuid)
    for (key,) in kept:
        services.kept.delete(key)


def _drop_tag_keys(conn: Connection, services: Services, source: Source) -> None:
    """With the last source of a provider go the tag keys that it has seen and nobody has chosen."""
    if conn.execute("SELECT 1 FROM source WHERE provider = %s", (source.provider,)).fetchone() is None:
        conn.execute(
            """DELETE FROM tag_key WHERE family = %s AND NOT enabled
               AND NOT EXISTS (SELECT 1 FROM tag_mapping WHERE uuid IN (child, parent))""",
            (services.plugins.provider(source.provider).provider.family,),
        )
