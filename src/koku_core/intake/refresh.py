"""Brings a source up to date: what is new is fetched and kept, what waits is ingested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koku_core.database.server import rows
from koku_core.database.tenant import Tenant
from koku_core.services import Services
from koku_core.sources.model import Source

if TYPE_CHECKING:
    from koku_core.intake.ingest import Ingested, Progress


def refresh(services: Services, tenant: Tenant, source: Source, progress: Progress | None = None) -> list[Ingested]:
    """Ingest every report of a source that is ready and not done yet. Safe to kill, safe to repeat.

    A source whose reports are uploaded has nothing to fetch.
    """
    from koku_core.intake.ingest import ingest_report

    with tenant.connection() as conn:
        ready = rows(
            conn, "SELECT id FROM report WHERE source_uuid = %s AND state IN ('ready', 'running') ORDER BY id", (source.uuid,)
        )
    return [ingest_report(services, tenant, row["id"], progress) for row in ready]
