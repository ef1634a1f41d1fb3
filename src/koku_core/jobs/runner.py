"""The runner: takes jobs off the queue, one at a time, tenants in turn, and survives being killed at any moment.

A runner holds an advisory lock for the job that it works on. A job that is marked as running while nobody holds its lock was
left by a process that died; it goes back to the queue.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from koku_core.database.server import Connection, lock_key, one
from koku_core.database.tenant import Tenant
from koku_core.errors import Cancelled, KokuError, Transient
from koku_core.services import Services

log = logging.getLogger("koku.jobs")
ATTEMPTS = 5
BACK_OFF_S = (2, 10, 60, 300)


@dataclass(frozen=True, slots=True)
class RunningJob:
    """The job that a handler works on: its arguments, and where to report progress."""

    id: int
    tenant: str
    kind: str
    source_uuid: str | None
    arguments: Mapping[str, Any]
    services: Services

    def progress(self, done: float, total: float, what: str = "") -> None:
        """Say how far it is.

        Raises:
            Cancelled: somebody has cancelled the job; what it was doing is rolled back by the exception.
        """
        with self.services.system.connection() as conn:
            row = conn.execute(
                "UPDATE job SET progress = %s WHERE id = %s RETURNING cancel_asked",
                (Jsonb({"done": done, "total": total, "what": what}), self.id),
            ).fetchone()
        if row and row[0]:
            raise Cancelled(self.id)


Handler = Callable[[Services, Tenant, RunningJob], None]


class Runner:
    """Works off the queue. As many may run as one likes, in any process: each claims one job, and tenants take turns."""

    def __init__(self, services: Services, handlers: Mapping[str, Handler]) -> None:
        self._services = services
        self._handlers = dict(handlers)
        self._system = services.system

    def run(self, stop: threading.Event, *, poll_s: float = 0.2) -> None:
        """Work until `stop` is set; a job that is being worked on is finished first."""
        while not stop.is_set():
            try:
                worked = self.step()
            except KokuError as error:
                log.warning("the queue cannot be reached: %s", error)
                worked = False
            if not worked:
                stop.wait(poll_s)

    def drain(self, tenant: str | None = None) -> int:
        """Work until nothing is due, then return how many jobs were worked on. For pipelines, notebooks and tests."""
        worked = 0
        while self.step(tenant):
            worked += 1
        return worked

    def step(self, tenant: str | None = None) -> bool:
        """Claim one job that is due and work on it; False if there is none."""
        with psycopg.connect(self._system.server.dsn, autocommit=True, application_name="koku runner") as guard:
            guard.execute("SET search_path TO koku")
            job = self._claim(guard, tenant)
            if job is None:
                return False
            try:
                self._work(job)
            finally:
                guard.execute("SELECT pg_advisory_unlock(%s)", (lock_key("job", job.id),))
        return True

    def _claim(self, guard: Connection, tenant: str | None) -> RunningJob | None:
        _return_orphans(guard)
        with guard.transaction():
            row = one(guard, _NEXT, {"kinds": list(self._handlers), "tenant": tenant})
            if row is None:
                return None
            guard.execute("SELECT pg_advisory_lock(%s)", (lock_key("job", row["id"]),))
            guard.execute(
                """UPDATE job SET state = 'running', attempts = attempts + 1, started = clock_timestamp(), error = NULL
                   WHERE id = %s""", (row["id"],)
            )  # fmt: skip
        return RunningJob(row["id"], row["tenant"], row["kind"], row["source_uuid"], row["arguments"], self._services)

    def _work(self, job: RunningJob) -> None:
        began = time.monotonic()
        log.info("job %s: %s of %s begins", job.id, job.kind, job.tenant)
        try:
            self._handlers[job.kind](self._services, self._system.tenant(job.tenant), job)
        except Cancelled:
            self._end(job, "cancelled", None)
        except Exception as error:  # noqa: BLE001 - whatever a handler or plugin raises ends the job, not the runner
            self._failed(job, error)
        else:
            self._end(job, "done", None)
            log.info("job %s: done in %.2f s", job.id, time.monotonic() - began)

    def _failed(self, job: RunningJob, error: Exception) -> None:
        with self._system.connection() as conn:
            row = conn.execute("SELECT attempts FROM job WHERE id = %s", (job.id,)).fetchone()
        attempts = row[0] if row else ATTEMPTS
        reason = str(error) if isinstance(error, KokuError) else f"unexpected {type(error).__name__}: {error}"
        if isinstance(error, (Transient, psycopg.OperationalError)) and attempts < ATTEMPTS:
            log.warning("job %s: %s; tried again in %s s", job.id, reason, BACK_OFF_S[attempts - 1])
            self._again(job, reason, BACK_OFF_S[attempts - 1])
            return
        log.error("job %s failed: %s", job.id, reason, exc_info=not isinstance(error, KokuError))
        self._end(job, "failed", reason)

    def _again(self, job: RunningJob, reason: str, seconds: int) -> None:
        with self._system.transaction() as conn:
            twin = conn.execute(_TWIN, {"id": job.id}).fetchone()
            if twin:  # somebody has asked for the same since: that wish serves both
                conn.execute(
                    "UPDATE job SET state = 'cancelled', error = %s, finished = clock_timestamp() WHERE id = %s",
                    (reason, job.id),
                )
                return
            conn.execute(
                "UPDATE job SET state = 'waiting', error = %s, run_after = clock_timestamp() + make_interval(secs => %s) WHERE id = %s",
                (reason, seconds, job.id),
            )

    def _end(self, job: RunningJob, state: str, error: str | None) -> None:
        with self._system.connection() as conn:
            conn.execute(
                "UPDATE job SET state = %s, error = %s, finished = clock_timestamp() WHERE id = %s",
                (state, error, job.id),
            )


#: The next job: of the tenant that has waited longest since it last had a turn; nothing of a source that is being worked on.
_NEXT = """
    SELECT j.id, j.tenant, j.kind, j.source_uuid::text, j.arguments
    FROM job j
    LEFT JOIN LATERAL (SELECT max(started) AS turn FROM job t WHERE t.tenant = j.tenant AND t.started IS NOT NULL) last ON true
    WHERE j.state = 'waiting' AND j.run_after <= clock_timestamp() AND j.kind = ANY(%(kinds)s)
      AND (%(tenant)s::text IS NULL OR j.tenant = %(tenant)s)
      AND NOT EXISTS (SELECT 1 FROM job r WHERE r.state = 'running' AND r.tenant = j.tenant AND r.source_uuid = j.source_uuid)
    ORDER BY last.turn NULLS FIRST, j.id
    FOR UPDATE OF j SKIP LOCKED
    LIMIT 1
"""
_TWIN = """
    SELECT 1 FROM job w JOIN job j ON (w.tenant, w.kind, w.key) = (j.tenant, j.kind, j.key)
    WHERE j.id = %(id)s AND w.state = 'waiting'
"""


def _return_orphans(guard: Connection) -> None:
    """Give back the jobs whose runner died: those marked as running whose lock can be had."""
    for (job_id,) in guard.execute("SELECT id FROM job WHERE state = 'running'").fetchall():
        key = lock_key("job", job_id)
        got = guard.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        if not (got and got[0]):
            continue
        with guard.transaction():
            twin = guard.execute(_TWIN, {"id": job_id}).fetchone()
            state = "cancelled" if twin else "waiting"
            guard.execute("UPDATE job SET state = %s WHERE id = %s AND state = 'running'", (state, job_id))
        guard.execute("SELECT pg_advisory_unlock(%s)", (key,))
