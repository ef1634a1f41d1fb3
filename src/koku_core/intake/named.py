"""Reports that somebody names: files at a source that is asked, which are a month's bill for this once (`ingress/reports/`).

For owners of a source who filter or join bills themselves, and say when they have put one where the source lies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg

from koku_core.clock import add_months, month_of
from koku_core.database.server import one, rows
from koku_core.database.tenant import Tenant
from koku_core.errors import InvalidInput, UnknownName
from koku_core.jobs.queue import enqueue
from koku_core.jobs.runner import RunningJob
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.sources.registry import SourceRegistry

#: The kind of the jobs that fetch them.
KIND = "fetch"


@dataclass(frozen=True, slots=True)
class NamedReport:
    """Files that somebody has named.

    Attributes:
        uuid: of the request.
        source_uuid, source_id: the source.
        files: as they were named.
        month: whose bill they are.
        state: `pending`, `processing`, `complete`, `failed`; its job says why it failed.
        job: its id.
        created, completed: when it was asked for and was ingested.
    """

    uuid: str
    source_uuid: str
    source_id: int
    files: Sequence[str]
    month: date
    state: str
    job: int
    created: datetime
    completed: datetime | None


_LIST = """
    SELECT n.uuid::text, n.source_uuid::text, s.id AS source_id, files, month, job, n.created, completed,
           CASE WHEN completed IS NOT NULL THEN 'complete'
                ELSE coalesce((SELECT CASE state WHEN 'waiting' THEN 'pending' WHEN 'running' THEN 'processing' END
                               FROM koku.job j WHERE j.id = job), 'failed') END AS state
    FROM named_report n JOIN source s ON s.uuid = n.source_uuid
    WHERE %s::uuid IS NULL OR n.source_uuid = %s ORDER BY n.id
"""


class NamedReports:
    """The reports of one tenant that were named, in the order in which they were."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services, self._tenant = services, tenant

    def may(self, source: Source) -> bool:
        """Whether a source's provider can fetch files that are named."""
        return self._services.plugins.provider(source.provider).has("koku_fetch")

    def months(self) -> tuple[date, date]:
        """The months whose bills may be named: the last one and this one."""
        this = month_of(self._services.clock.today())
        return add_months(this, -1), this

    def ask(self, source: Source, files: Sequence[str], month: date) -> NamedReport:
        """Have files ingested as the bill of a month, by a job.

        Args:
            source: where they lie; its provider can fetch them.
            files: their names or keys there.
            month: any day of it.

        Raises:
            InvalidInput: the source's provider cannot fetch them, its month may not be named, or is being ingested already.
        """
        first = month_of(month)
        if not self.may(source):
            raise InvalidInput({"source_type": f"Invalid source_type, {source.source_type}, provided."})
        if first not in self.months():
            raise InvalidInput({"bill_period": _other_month(*self.months())})
        with self._tenant.transaction() as conn:
            conn.execute("SELECT 1 FROM source WHERE uuid = %s FOR UPDATE", (source.uuid,))
            if any(r.month == first and r.state in ("pending", "processing") for r in _list(conn, source.uuid)):
                text = f"Reports for billing month {first:%m} are currently already being processed. "
                text += "New reports cannot be processed until the current reports are completed."
                raise InvalidInput({"Processing": text})
            uuid = _add(conn, self._tenant.name, source, files, first)
            return next(r for r in _list(conn, source.uuid) if r.uuid == uuid)

    def list(self, source: Source | None = None) -> list[NamedReport]:
        """All of them, or those of one source; none if the tenant does not exist."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return _list(conn, source.uuid if source else None)


def _other_month(before: date, this: date) -> str:
    years = " or ".join(dict.fromkeys(f"{m:%Y}" for m in (before, this)))
    return f"Invalid bill, year must be {years} and month must be {before:%m} or {this:%m}"


def _list(conn: psycopg.Connection[Any], source_uuid: str | None) -> list[NamedReport]:
    return [NamedReport(**row) for row in rows(conn, _LIST, (source_uuid, source_uuid))]


def _add(conn: psycopg.Connection[Any], tenant: str, source: Source, files: Sequence[str], month: date) -> str:
    """Note the request, and its job."""
    row = one(
        conn, "INSERT INTO named_report (source_uuid, files, month) VALUES (%s, %s, %s) RETURNING uuid::text",
        (source.uuid, list(files), month),
    )  # fmt: skip
    assert row is not None  # noqa: S101 - RETURNING always gives a row
    uuid = str(row["uuid"])
    job = enqueue(conn, tenant, KIND, key=uuid, source_uuid=source.uuid, arguments={"request": uuid})
    conn.execute("UPDATE named_report SET job = %s WHERE uuid = %s", (job, uuid))
    return uuid


def run(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """Fetch the files of a request, keep them, and ingest them; safe to kill, safe to repeat.

    Raises:
        KokuError: the source cannot be read, or the files cannot be ingested.
    """
    from koku_core.intake.ingest import ingest_report
    from koku_core.intake.refresh import done, keep

    uuid = job.arguments["request"]
    with tenant.connection() as conn:
        row = one(conn, "SELECT source_uuid::text, files FROM named_report WHERE uuid = %s", (uuid,))
    if row is None:
        return  # its source was removed meanwhile
    registry = SourceRegistry(services, tenant)
    try:
        source = registry.with_secrets(registry.get(row["source_uuid"]))
    except UnknownName:
        return
    plugin = services.plugins.provider(source.provider)
    with tenant.lock("download", source.uuid), tempfile.TemporaryDirectory(prefix="koku-") as folder:
        job.progress(0, 1, source.name)
        settings = services.settings
        found = plugin.call("koku_fetch", source=source, names=row["files"], folder=Path(folder), settings=settings)
        report = keep(services, tenant, plugin, source, found, Path(folder))
    if report is not None and not done(tenant, report):
        ingest_report(services, tenant, report, job.progress)
    with tenant.connection() as conn:
        conn.execute("UPDATE named_report SET completed = clock_timestamp() WHERE uuid = %s", (uuid,))
