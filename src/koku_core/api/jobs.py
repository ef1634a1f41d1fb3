"""`jobs/`: the tenant's slow work, newest first, and a way to stop it."""

from __future__ import annotations

from typing import Any

from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import not_found
from koku_core.api.paging import page
from koku_core.api.permissions import jobs
from koku_core.errors import InvalidInput, UnknownName
from koku_core.jobs.queue import STATES, Job
from koku_core.validation import uuid_text


def _shown(job: Job) -> dict[str, Any]:
    return {
        "id": job.id, "kind": job.kind, "source_uuid": job.source_uuid, "state": job.state, "progress": job.progress,
        "error": job.error, "created": job.created, "started": job.started, "finished": job.finished,
        "attempts": job.attempts, "request_id": job.request_id, "timings": job.timings,
    }  # fmt: skip


def _list(call: Call) -> Reply:
    states, source = _filters(call)
    jobs = call.koku.jobs

    def fetch(limit: int, offset: int) -> list[dict[str, Any]]:
        return [_shown(job) for job in jobs.list(states, source, limit, offset)]

    return Reply(page(call.path, call.query, fetch, jobs.count(states, source)))


def _filters(call: Call) -> tuple[list[str], str | None]:
    """`filter[state]`, several separated by commas, and `filter[source_uuid]`."""
    given = dict(call.params)
    states = [s.strip() for s in given.get("filter[state]", "").split(",") if s.strip()]
    wrong = [s for s in states if s not in STATES]
    if wrong:
        raise InvalidInput(
            {"filter": {"state": [f'"{s}" is not a valid choice. Choices are {", ".join(STATES)}.' for s in wrong]}}
        )
    named = given.get("filter[source_uuid]")
    source = uuid_text(named)
    if named and source is None:
        raise InvalidInput({"filter": {"source_uuid": ["Must be a valid UUID."]}})
    return states, source


def _cancel(call: Call) -> Reply:
    try:
        return Reply(_shown(call.koku.jobs.cancel(int(call.args["id"]))))
    except UnknownName as error:
        raise not_found("Job") from error


RESOURCES = (
    Resource("jobs/", {"GET": _list}, "Slow work of the tenant, newest first.", jobs,
             parameters=("limit", "offset", "filter[state]", "filter[source_uuid]")),
    Resource("jobs/{id:int}/cancel/", {"POST": _cancel}, "Cancel a job: at once if it waits, soon if it runs.", jobs,
             done={"POST": 200}),
)  # fmt: skip
