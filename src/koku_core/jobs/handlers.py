"""What each kind of job does."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date

from koku_core.database.tenant import Tenant
from koku_core.errors import UnknownName
from koku_core.jobs.runner import Handler, RunningJob
from koku_core.retention import purge
from koku_core.services import Services
from koku_core.sources.registry import SourceRegistry
from koku_core.summarize.publish import publish


def _ingest(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """A report that has come: normalize it into the lake and publish its months."""
    from koku_core.intake.ingest import run

    run(services, tenant, job)


def _summarize(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """One (source, month), from the lake."""
    _publish(services, tenant, job, from_lake=True)


def _price(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """The costs of one (source, month), over the daily summary that is there."""
    _publish(services, tenant, job, from_lake=False)


def _publish(services: Services, tenant: Tenant, job: RunningJob, *, from_lake: bool) -> None:
    month = date.fromisoformat(job.arguments["month"])
    try:
        source = SourceRegistry(services, tenant).get(job.arguments["source"])
    except UnknownName:
        return  # removed meanwhile
    job.progress(0, 1, f"{source.name} {month:%Y-%m}")
    publish(services, tenant, source, month, from_lake=from_lake)


def _purge(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """What is older than the tenant keeps."""
    job.progress(0, 1, "older than retention")
    purge(services, tenant)
    job.progress(1, 1, "older than retention")


def _refresh(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """Whatever is new at a source whose reports are fetched."""
    from koku_core.intake.refresh import refresh

    with contextlib.suppress(UnknownName):  # removed meanwhile
        refresh(services, tenant, SourceRegistry(services, tenant).get(job.arguments["source"]), job.progress)


def _rates(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """What currencies are worth today, for all tenants."""
    from koku_core.exchange_rates import refresh

    del tenant
    job.progress(0, 1, "exchange rates")
    refresh(services)


def _fetch(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """Files at a source that somebody has named."""
    from koku_core.intake.named import run

    run(services, tenant, job)


def _remove(services: Services, tenant: Tenant, job: RunningJob) -> None:
    """What is left of a source that was removed."""
    from koku_core.sources.removal import finish

    finish(services, tenant, job.arguments)
    with services.system.connection() as conn:  # nothing is left of it, nor of its name
        conn.execute("UPDATE job SET forget = true WHERE id = %s", (job.id,))


HANDLERS: Mapping[str, Handler] = {
    "ingest": _ingest, "summarize": _summarize, "price": _price, "purge": _purge, "refresh": _refresh, "fetch": _fetch,
    "remove": _remove, "rates": _rates,
}  # fmt: skip
