"""Removes a source with everything that came of it."""

from __future__ import annotations

from psycopg import sql

from koku_core.database.tenant import Tenant, bump
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.summarize.tables import tag_table


def remove(services: Services, tenant: Tenant, source: Source) -> None:
    """Remove a source: its rows first, in one transaction, so that nobody sees a half; then line items and kept files.

    What a crash leaves of the lake and the kept files is swept later: nothing refers to it any more.
    """
    fact = services.plugins.provider(source.provider).summary.fact
    with tenant.transaction() as conn:
        conn.execute("SELECT 1 FROM source WHERE uuid = %s FOR UPDATE", (source.uuid,))
        kept = conn.execute(
            "SELECT kept FROM report_file JOIN report ON report.id = report_id WHERE source_uuid = %s",
            (source.uuid,),
        ).fetchall()
        for table in [fact.name, *(r.name for r in fact.rollups), *([tag_table(fact)] if fact.tags else [])]:
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
            "UPDATE koku.job SET cancel_asked = true WHERE tenant = %s AND source_uuid = %s",
            (tenant.name, source.uuid),
        )
        conn.execute("DELETE FROM source WHERE uuid = %s", (source.uuid,))
        bump(conn, "data")
        bump(conn, "settings")
    services.lake.drop_source(tenant.name, source.uuid)
    for (key,) in kept:
        services.kept.delete(key)
