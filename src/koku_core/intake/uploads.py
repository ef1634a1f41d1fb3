"""Accepts what is uploaded: kept first, then listed, with the job that ingests it, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import BinaryIO

from psycopg.types.json import Jsonb

from koku_core.clock import Clock, month_end, month_of
from koku_core.database.server import Connection, one
from koku_core.database.tenant import Tenant
from koku_core.declare.deliveries import Receipt
from koku_core.errors import PayloadRefused, PayloadTooLarge, UnknownName
from koku_core.intake.archive import Limits
from koku_core.intake.kept import Spooled
from koku_core.jobs.queue import enqueue, fail
from koku_core.observability import request_id
from koku_core.plugins import ProviderPlugin
from koku_core.retention import retained_from
from koku_core.services import Services

#: In a report's `details`: months older than the retention are loaded too.
ANY_MONTH = "any_month"
#: Likewise: what somebody should know of how it was fetched.
WARNINGS = "warnings"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an upload: its report and job, where there is one, and a number to ask after it by."""

    report_id: int | None
    job_id: int | None
    request_id: str


def accept(services: Services, tenant: Tenant, stream: BinaryIO, media_type: str, filename: str) -> Accepted:
    """Accept an upload: it is on durable storage and listed, with its job, when this returns.

    A payload that must not be read is set aside: its report and job have failed, with the reason. One of a cluster without a source
    waits for the source, a part of a package for the other parts. The same bytes again, and months older than the retention, make no work.

    Raises:
        UnknownName: no loaded plugin understands the media type.
        PayloadTooLarge: the upload is larger than is accepted.
        LakeError, DatabaseUnavailable: it could not be kept, or not be listed.
    """
    plugin = services.plugins.by_upload(media_type)
    if plugin is None:
        raise UnknownName("media type", media_type, (m for p in services.plugins for m in p.provider.uploads))
    with services.kept.spool(stream, filename, services.settings.upload_limit_mib << 20) as spooled:
        try:
            receipt = read_receipt(services, plugin, spooled)
        except PayloadTooLarge:
            raise
        except PayloadRefused as error:
            return _set_aside(services, tenant, plugin, spooled, error)
        first = retained_from(services, tenant)
        if _covered_until(receipt, services.clock) < first:
            with tenant.transaction() as conn:
                report = _register(
                    conn, plugin, receipt, f"older than retention: months before {first:%Y-%m} are not kept"
                )
            return Accepted(report, None, _request_id())
        return register(services, tenant, plugin, spooled, receipt)


def read_receipt(services: Services, plugin: ProviderPlugin, spooled: Spooled) -> Receipt:
    """What a payload says of itself.

    Raises:
        PayloadRefused: it must not be read.
    """
    receipt: Receipt = plugin.call("koku_receive", payload=spooled.path, limits=Limits.of(services.settings))
    return receipt


def _covered_until(receipt: Receipt, clock: Clock) -> date:
    """The last day that a payload can hold: as it says, or the end of the month that it was made in."""
    if receipt.end is not None:
        end = receipt.end - timedelta(microseconds=1)
        return end.date()
    return month_end(month_of((receipt.made or clock.now()).date()))


def register(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, spooled: Spooled, receipt: Receipt, *, queue: bool = True,
    any_month: bool = False,
) -> Accepted:  # fmt: skip
    """Keep a payload whose receipt was read, and list it; the report becomes ready when it is complete and has a source.

    Args:
        services: the parts of the library.
        tenant: whose it is.
        plugin: that of the provider.
        spooled: the payload.
        receipt: what it says of itself.
        queue: have a worker ingest it; False: the caller does.
        any_month: load months older than the retention too.
    """
    request = _request_id()
    if not receipt.expected:
        with tenant.transaction() as conn:
            report = _register(
                conn, plugin, receipt, "the payload names no file that holds costs: there is nothing to do"
            )
        return Accepted(report, None, request)
    kept = services.kept.keep(tenant.name, spooled.path)
    job = None
    # If this fails the file stays: a connection that breaks while it commits does not tell whether it has. A file of no report is swept.
    with tenant.transaction() as conn:
        report = _register(conn, plugin, receipt)
        if any_month:
            conn.execute("UPDATE report SET details = details || %s WHERE id = %s", (Jsonb({ANY_MONTH: True}), report))
        fresh = conn.execute(
            """INSERT INTO report_file (report_id, kept, digest, size, present) VALUES (%s, %s, %s, %s, %s)
               ON CONFLICT (report_id, digest) DO NOTHING RETURNING id""",
            (report, kept, spooled.digest, spooled.size, list(receipt.present)),
        ).fetchone()  # fmt: skip
        failed = one(conn, "SELECT 1 FROM report WHERE id = %s AND state = 'failed'", (report,))
        if fresh or failed:
            job = _advance(conn, tenant.name, report, queue=queue)
    if fresh is None:
        services.kept.delete(kept)
    return Accepted(report, job, request)


def _request_id() -> str:
    """The id of the request that brings the payload; its job and their log records carry the same."""
    return request_id() or uuid.uuid4().hex


def _register(conn: Connection, plugin: ProviderPlugin, receipt: Receipt, nothing_to_do: str = "") -> int:
    """The report of a delivery, made if it is its first payload; the row stays locked until the transaction ends."""
    row = conn.execute(
        """INSERT INTO report (provider, source_key, delivery, expected, made, starts, ends, details, source_uuid)
           VALUES (%(provider)s, %(key)s, %(delivery)s, %(expected)s, %(made)s, %(start)s, %(end)s, %(details)s,
                   (SELECT uuid FROM source WHERE provider = %(provider)s AND key = %(key)s))
           ON CONFLICT (provider, source_key, delivery) DO UPDATE
           SET expected = excluded.expected, source_uuid = coalesce(report.source_uuid, excluded.source_uuid)
           RETURNING id""",
        {
            "provider": plugin.name, "key": receipt.source_key, "delivery": receipt.delivery, "expected": list(receipt.expected),
            "made": receipt.made, "start": receipt.start, "end": receipt.end, "details": Jsonb(dict(receipt.details)),
        },
    ).fetchone()  # fmt: skip
    assert row is not None  # noqa: S101 - RETURNING always gives a row
    report = int(row[0])
    conn.execute(
        "UPDATE source SET last_payload = now() WHERE uuid = (SELECT source_uuid FROM report WHERE id = %s)", (report,)
    )
    if nothing_to_do:
        conn.execute(
            "UPDATE report SET state = 'done', warnings = %s, finished = clock_timestamp() WHERE id = %s AND state = 'waiting'",
            (Jsonb([nothing_to_do]), report),
        )
    return report


def _advance(conn: Connection, tenant: str, report: int, *, queue: bool = True) -> int | None:
    """Make a report ready if all its files have come and its source is there and not paused; enqueue its ingestion."""
    row = one(
        conn,
        """UPDATE report SET state = 'ready', error = NULL FROM source
           WHERE report.id = %s AND source.uuid = report.source_uuid AND NOT source.paused
             AND report.expected <@ (SELECT array_agg(name) FROM report_file, unnest(present) AS name WHERE report_id = report.id)
           RETURNING report.source_uuid::text""",
        (report,),
    )
    if row is None or not queue:
        return None
    return enqueue(
        conn, tenant, "ingest", key=str(report), source_uuid=row["source_uuid"], arguments={"report": report}
    )


def adopt(conn: Connection, tenant: str, provider: str, key: str, source_uuid: str) -> list[int]:
    """Attach the reports that waited for a source that is there now, or is no longer paused, and have them ingested.

    Args:
        conn: a transaction in the tenant's schema.
        tenant: its name.
        provider: the plugin's name.
        key: what the source is known by in its payloads.
        source_uuid: the source.

    Returns:
        The ids of the jobs.
    """
    conn.execute(
        "UPDATE report SET source_uuid = %s WHERE provider = %s AND source_key = %s AND source_uuid IS NULL",
        (source_uuid, provider, key),
    )
    waiting: Sequence[tuple[int]] = conn.execute(
        "SELECT id FROM report WHERE source_uuid = %s AND state = 'waiting' ORDER BY id", (source_uuid,)
    ).fetchall()
    return [job for (report,) in waiting if (job := _advance(conn, tenant, report)) is not None]


def _set_aside(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, spooled: Spooled, error: PayloadRefused
) -> Accepted:
    """Keep what must not be read, with the reason, where `jobs/` shows it."""
    kept = services.kept.keep(tenant.name, spooled.path)
    with tenant.transaction() as conn:
        row = conn.execute(
            """INSERT INTO report (provider, source_key, delivery, state, expected, error, finished)
               VALUES (%s, '', %s, 'failed', '{}', %s, clock_timestamp())
               ON CONFLICT (provider, source_key, delivery) DO UPDATE SET error = excluded.error RETURNING id""",
            (plugin.name, f"refused {spooled.digest}", error.message),
        ).fetchone()
        assert row is not None  # noqa: S101 - RETURNING always gives a row
        fresh = conn.execute(
            """INSERT INTO report_file (report_id, kept, digest, size, present) VALUES (%s, %s, %s, %s, '{}')
               ON CONFLICT (report_id, digest) DO NOTHING RETURNING id""",
            (row[0], kept, spooled.digest, spooled.size),
        ).fetchone()
        job = fail(conn, tenant.name, "ingest", key=str(row[0]), error=error.message)
    if fresh is None:
        services.kept.delete(kept)
    return Accepted(row[0], job, _request_id())
