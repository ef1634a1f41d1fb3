"""Brings a source up to date: fetches what is new at sources that are asked, and ingests what waits."""

from __future__ import annotations

import contextlib
from pathlib import Path

from psycopg.types.json import Jsonb

from koku_core.database.server import one
from koku_core.database.tenant import Tenant
from koku_core.declare.deliveries import Download, Receipt
from koku_core.intake.downloads import workplace
from koku_core.intake.ingest import Progress, ingest_report
from koku_core.intake.ingested import Ingested
from koku_core.intake.kept import Spooled
from koku_core.intake.uploads import WARNINGS, register
from koku_core.plugins import ProviderPlugin
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.sources.registry import SourceRegistry


def refresh(services: Services, tenant: Tenant, source: Source, progress: Progress | None = None) -> list[Ingested]:
    """Fetch what is new at a source, if it is of a kind that is asked, and ingest what waits. Safe to kill, safe to repeat.

    Days older than the tenant keeps are left out: the purge would remove them again.

    Returns:
        What came in, a report each; a delivery that was ingested before is not told again.

    Raises:
        KokuError: the source cannot be read, or a report cannot be ingested.
    """
    plugin = services.plugins.provider(source.provider)
    _, kind = services.plugins.source_type(source.source_type)
    made = _waiting(services, tenant, source, progress)
    if not kind.pushed and not source.paused:
        place = workplace(services.settings, tenant.name, source.uuid)
        with tenant.lock("download", source.uuid), place as folder:
            made += _download(services, tenant, plugin, source, folder, progress)
    return made


def _waiting(services: Services, tenant: Tenant, source: Source, progress: Progress | None) -> list[Ingested]:
    """Ingest the reports that are ready, or were left by a process that died."""
    with tenant.connection() as conn:
        found = conn.execute(
            "SELECT id FROM report WHERE source_uuid = %s AND state IN ('ready', 'running') ORDER BY id", (source.uuid,)
        ).fetchall()
    return [ingest_report(services, tenant, report, progress) for (report,) in found]


def _download(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, source: Source, folder: Path, progress: Progress | None
) -> list[Ingested]:
    """Ingest one delivery after the other; the source's state moves on when a delivery is kept."""
    with tenant.connection() as conn:
        row = one(
            conn, "UPDATE source SET last_polling = now() WHERE uuid = %s RETURNING download_state", (source.uuid,)
        )
    secret = SourceRegistry(services, tenant).with_secrets(source)
    made = []
    state = row["download_state"] if row else {}
    settings = services.settings
    for found in plugin.call("koku_download", source=secret, state=state, folder=folder, settings=settings):
        report = keep(services, tenant, plugin, source, found, folder)
        with tenant.connection() as conn:
            conn.execute(
                "UPDATE source SET download_state = %s WHERE uuid = %s", (Jsonb(dict(found.state)), source.uuid)
            )
        if report is not None and not done(tenant, report):
            made.append(ingest_report(services, tenant, report, progress))
    return made


def done(tenant: Tenant, report: int) -> bool:
    """Whether the same delivery was ingested before."""
    with tenant.connection() as conn:
        return conn.execute("SELECT 1 FROM report WHERE id = %s AND state = 'done'", (report,)).fetchone() is not None


def keep(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, source: Source, found: Download, folder: Path
) -> int | None:
    """Keep the files of a delivery, each as a part of its package, and named as it lies in the folder; then they leave the folder."""
    report, names = None, tuple(str(path.relative_to(folder)) for path in found.files)
    for name, path in zip(names, found.files, strict=True):
        with contextlib.ExitStack() as stack:
            spooled: Spooled = stack.enter_context(
                services.kept.spool(stack.enter_context(path.open("rb")), path.name, 1 << 62)
            )
            details = {**found.details, WARNINGS: list(found.warnings)}
            receipt = Receipt(found.delivery, source.key, names, (name,), details=details)
            part = spooled.named(name)
            report = register(services, tenant, plugin, part, receipt, queue=False).report_id
    for path in found.files:
        path.unlink()
    return report
