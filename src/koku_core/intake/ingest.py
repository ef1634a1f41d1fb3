"""Ingests a report: normalizes its kept files, puts the line items into the lake, and publishes the months that they touch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from koku_core.clock import add_months, month_of
from koku_core.database.server import one, rows
from koku_core.database.tenant import Tenant
from koku_core.declare.datasets import Dataset
from koku_core.declare.deliveries import Normalized, Receipt
from koku_core.errors import Cancelled, KokuError, PayloadRefused, Transient, UnknownName
from koku_core.intake import nothing
from koku_core.intake.archive import Limits
from koku_core.intake.ingested import Ingested, counts_json
from koku_core.intake.kept import Spooled
from koku_core.intake.merge import merge, plan
from koku_core.intake.uploads import ANY_MONTH, WARNINGS, read_receipt, register
from koku_core.label_keys import offer
from koku_core.observability import timed
from koku_core.observability.counters import LATENCY, ROWS, add
from koku_core.plugins import ProviderPlugin
from koku_core.retention import retained_from
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.sources.registry import SourceRegistry
from koku_core.summarize.publish import month_lock, publish

if TYPE_CHECKING:
    from koku_core.jobs.runner import RunningJob

#: Tables of the lake that are written at a time.
_WRITERS = 2
#: Told how far the work is: done, total, what.
Progress = Callable[[float, float, str], None]


def run(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """The handler of `ingest` jobs."""
    with contextlib.suppress(UnknownName):  # removed meanwhile
        ingest_report(services, tenant, int(job.arguments["report"]), job.progress)


def ingest_payload(
    services: Services, tenant: Tenant, source: Source, payload: Path, progress: Progress | None = None
) -> Ingested:
    """Accept a payload of a source and ingest it here and now, whatever its months.

    Returns:
        What came in. A part of a package whose other parts have not come yet is kept and waits for them.

    Raises:
        PayloadRefused: it must not be read, or is of another source.
        UnreadableCell: a cell is not what its column must hold.
    """
    plugin = services.plugins.provider(source.provider)
    with payload.open("rb") as stream, services.kept.spool(stream, payload.name, 1 << 62) as spooled:
        receipt = read_receipt(services, plugin, spooled) if plugin.has("koku_receive") else _alone(source, spooled)
        if receipt.source_key != source.key:
            raise PayloadRefused(
                payload.name, f"is of {receipt.source_key!r}, and the source {source.name!r} is {source.key!r}",
                do="Name the source that it belongs to.",
            )  # fmt: skip
        part = spooled if plugin.has("koku_receive") else spooled.named(spooled.path.name)
        accepted = register(services, tenant, plugin, part, receipt, queue=False, any_month=True)
    assert accepted.report_id is not None  # noqa: S101 - it was registered
    return ingest_report(services, tenant, accepted.report_id, progress)


def _alone(source: Source, spooled: Spooled) -> Receipt:
    """The receipt of a file of a provider whose payloads say nothing of themselves: it is a delivery of its own."""
    name = spooled.path.name
    return Receipt(f"{name} {spooled.digest}", source.key, (name,), (name,))


def ingest_report(services: Services, tenant: Tenant, report_id: int, progress: Progress | None = None) -> Ingested:
    """Ingest a report that is ready; one that is done, or waits for files, stays as it is. Safe to kill, safe to repeat.

    Raises:
        UnknownName: there is no such report, or its source was removed.
        KokuError: it cannot be ingested; the report keeps the reason.
    """
    with tenant.lock("report", report_id):
        report = _report(tenant, report_id)
        if report["state"] in ("done", "waiting"):
            return Ingested.of(report)
        try:
            return _Ingestion(services, tenant, report, progress or _silent).run()
        except Cancelled:
            _set_state(tenant, report_id, "ready", None)
            raise
        except Exception as error:
            reason = error.message if isinstance(error, KokuError) else f"unexpected {type(error).__name__}: {error}"
            _set_state(tenant, report_id, "ready" if isinstance(error, Transient) else "failed", reason)
            raise


def _silent(done: float, total: float, what: str) -> None:
    """No progress is wanted."""


def _report(tenant: Tenant, report_id: int) -> dict[str, Any]:
    with tenant.connection() as conn:
        found = one(
            conn,
            """SELECT report.*, report.source_uuid::text AS source, source.name AS source_name, expected <@ coalesce(
                      (SELECT array_agg(name) FROM report_file, unnest(present) AS name WHERE report_id = report.id), '{}') AS complete
               FROM report LEFT JOIN source ON source.uuid = source_uuid WHERE report.id = %s""",
            (report_id,),
        )
    if found is None:
        raise UnknownName("report", str(report_id))
    return found


def _set_state(tenant: Tenant, report_id: int, state: str, error: str | None) -> None:
    with tenant.connection() as conn:
        conn.execute(
            """UPDATE report SET state = %s, error = %s, finished = CASE WHEN %s = 'failed' THEN clock_timestamp() END
               WHERE id = %s AND state = 'running'""",
            (state, error, state, report_id),
        )


class _Ingestion:
    """One report on its way into the lake."""

    def __init__(self, services: Services, tenant: Tenant, report: Mapping[str, Any], progress: Progress) -> None:
        self._services, self._tenant, self._report, self._progress = services, tenant, report, progress
        self._plugin: ProviderPlugin = services.plugins.provider(report["provider"])
        self._source: Source = SourceRegistry(services, tenant).get(report["source"])
        self._folding = Lock()
        self._again: dict[tuple[str, tuple[tuple[date, int], ...]], Normalized] = {}

    def run(self) -> Ingested:
        with self._tenant.connection() as conn:
            conn.execute(
                "UPDATE report SET state = 'running', started = clock_timestamp(), error = NULL WHERE id = %s",
                (self._report["id"],),
            )
        self._progress(0, 4, "reading")
        with timed("normalize"):
            normalized = self._normalize(self._report["delivery"], None)
        hours, too_old = self._kept_days(normalized)
        months = sorted({month_of(day) for day in hours} | set(self._report["months"]))
        with contextlib.ExitStack() as locks:
            for month in months:
                locks.enter_context(month_lock(self._tenant, self._source.uuid, month))
            self._progress(1, 4, "into the lake")
            with timed("lake"):
                self._store(normalized, hours, months)
            self._offer_tag_keys(normalized)
            self._offer_label_keys(normalized)
            for number, month in enumerate(months):
                self._progress(2 + number / len(months), 4, f"publishing {month:%Y-%m}")
                publish(self._services, self._tenant, self._source, month, from_lake=True, locked=True)
            warnings = [*self._report["details"].get(WARNINGS, ()), *normalized.warnings, *too_old]
            self._finish(normalized, warnings, months, nothing.nothing(normalized, hours))
        self._progress(4, 4, "done")
        return Ingested.of(_report(self._tenant, self._report["id"]))

    def _normalize(self, delivery: str, only: Mapping[date, int] | None) -> Normalized:
        with self._tenant.connection() as conn:
            files = rows(
                conn,
                """SELECT kept FROM report_file JOIN report ON report.id = report_id
                   WHERE provider = %s AND source_key = %s AND delivery = %s ORDER BY report_file.id""",
                (self._plugin.name, self._source.key, delivery),
            )
        with contextlib.ExitStack() as stack:
            paths = [stack.enter_context(self._services.kept.fetch(file["kept"])) for file in files]
            limits = Limits.of(self._services.settings)
            made: Normalized = self._plugin.call("koku_normalize", files=paths, limits=limits, only=only)
        return made

    def _refold(self, delivery: str, masks: Mapping[date, int]) -> Normalized:
        key = (delivery, tuple(sorted(masks.items())))
        with self._folding:  # tables that need the same hours share the work
            if key not in self._again:
                self._again[key] = self._normalize(delivery, masks)
            return self._again[key]

    def _kept_days(self, normalized: Normalized) -> tuple[dict[date, int], list[str]]:
        """The hours to load, and what to say of those that are too old."""
        first = retained_from(self._services, self._tenant)
        old = [] if self._report["details"].get(ANY_MONTH) else sorted(d for d in normalized.hours if d < first)
        said = [f"{len(old)} days from {old[0]} on are older than retention and were left out"] if old else []
        return {day: mask for day, mask in normalized.hours.items() if day not in set(old)}, said

    def _store(self, normalized: Normalized, hours: Mapping[date, int], months: list[date]) -> None:
        datasets = [d for d in self._plugin.provider.datasets if d.name in normalized.tables]
        names = [d.name for d in datasets]
        lake, tenant, uuid, delivery = (
            self._services.lake,
            self._tenant.name,
            self._source.uuid,
            self._report["delivery"],
        )
        days = set(hours)
        for month in self._report["months"]:  # it was ingested before, and may have held other days then
            days |= {date.fromordinal(n) for n in range(month.toordinal(), add_months(month, 1).toordinal())}
        version = self._plugin.provider.version
        with ThreadPoolExecutor(_WRITERS) as pool:
            covered = dict(zip(names, pool.map(lambda d: lake.coverage(tenant, d, uuid, days), datasets), strict=True))
            self._add_nothing(covered, days)
            newer = self._newer({other for found in covered.values() for day in found.values() for other in day})

            def write(dataset: Dataset) -> None:
                made = plan(delivery, hours, covered[dataset.name], newer)
                merge(
                    lake, tenant, dataset, uuid, version, delivery, normalized.tables[dataset.name], made, self._refold
                )

            list(pool.map(write, datasets))

    def _add_nothing(self, covered: Mapping[str, nothing.Hours], days: set[date]) -> None:
        """Add to what the lake tells the hours that newer deliveries covered without a row."""
        with self._tenant.connection() as conn:
            found = nothing.of_others(conn, self._plugin.name, self._source.key, self._report["delivery"], days)
        newer = self._newer({other for told in found.values() for day in told.values() for other in day})
        for name, told in found.items():
            for day, masks in told.items():
                left = {other: mask for other, mask in masks.items() if other in newer}
                if left and name in covered:
                    covered[name].setdefault(day, {}).update(left)

    def _newer(self, deliveries: set[str]) -> set[str]:
        """Those of the deliveries that were made after this one, or, if nobody says when, accepted after it."""
        if deliveries <= {self._report["delivery"]}:
            return set()
        with self._tenant.connection() as conn:
            found = conn.execute(
                """SELECT delivery, coalesce(extract(epoch FROM max(made)), 0), max(report_file.id)
                   FROM report JOIN report_file ON report_id = report.id
                   WHERE provider = %s AND source_key = %s AND delivery = ANY(%s) GROUP BY delivery""",
                (self._plugin.name, self._source.key, [*deliveries, self._report["delivery"]]),
            ).fetchall()
        ages = {delivery: (made, last) for delivery, made, last in found}
        own = ages.pop(self._report["delivery"])
        return {delivery for delivery, age in ages.items() if age > own}

    def _offer_tag_keys(self, normalized: Normalized) -> None:
        provider, most = self._plugin.provider, self._services.settings.enabled_tag_limit
        with self._tenant.transaction() as conn:
            conn.execute(
                """INSERT INTO tag_key (family, key, enabled)
                   SELECT %(family)s, key, %(enabled)s AND (%(most)s <= 0 OR %(most)s >= row_number() OVER (ORDER BY key)
                          + (SELECT count(*) FROM tag_key WHERE enabled))
                   FROM unnest(%(keys)s::text[]) AS key
                   WHERE key NOT IN (SELECT key FROM tag_key WHERE family = %(family)s) ON CONFLICT DO NOTHING""",
                {
                    "family": provider.family, "enabled": provider.tags_enabled, "most": most,
                    "keys": sorted(normalized.tag_keys),
                },
            )  # fmt: skip

    def _offer_label_keys(self, normalized: Normalized) -> None:
        with self._tenant.transaction() as conn:
            for labels, keys in normalized.label_keys.items():
                offer(conn, self._plugin.provider.family, labels, keys)

    def _finish(self, normalized: Normalized, warnings: list[str], months: list[date], empty: Jsonb) -> None:
        with self._tenant.transaction() as conn:
            row = conn.execute(
                """UPDATE report SET state = 'done', counts = %s, warnings = %s, months = %s, error = NULL, details = details || %s,
                          finished = clock_timestamp() WHERE id = %s AND state = 'running'
                   RETURNING extract(epoch FROM clock_timestamp() - received)::float8""",
                (Jsonb(counts_json(normalized.files)), Jsonb(warnings), months, empty, self._report["id"]),
            ).fetchone()
            if row:
                add(conn, LATENCY, row[0], provider=self._plugin.name)
                add(conn, ROWS, sum(file.rows for file in normalized.files), provider=self._plugin.name)
