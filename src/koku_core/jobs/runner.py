"""The runner: takes jobs off the queue, one at a time, tenants in turn, and survives being killed at any moment.

A runner holds an advisory lock for the job that it works on. A job that is marked as running while nobody holds its lock was
left by a process that died; it goes back to the queue.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from koku_core.cancellation import cancellable
from koku_core.database.server import Connection, lock_key, one
from koku_core.database.tenant import Tenant
from koku_core.errors import Cancelled, DatabaseUnavailable, Interrupted, KokuError, Transient
from koku_core.jobs.ending import Outcome, end, give_back
from koku_core.jobs.schedule import Schedule
from koku_core.observability import collected, logger, scope
from koku_core.services import Services

log = logger("koku.jobs")
ATTEMPTS = 5
BACK_OFF_S = (2, 10, 60, 300)
#: How long a job may go on when its runner is asked to end.
GRACE_S = 4.0


@dataclass(frozen=True, slots=True)
class RunningJob:
    """The job that a handler works on: its arguments, where to report progress, and whether its runner must end."""

    id: int
    tenant: str
    kind: str
    source_uuid: str | None
    arguments: Mapping[str, Any]
    request_id: str | None
    services: Services
    leaving: Callable[[], bool] = lambda: False

    def progress(self, done: float, total: float, what: str = "") -> None:
        """Say how far it is.

        Raises:
            Cancelled: somebody has cancelled the job; what it was doing is rolled back by the exception.
            Interrupted: the worker must end.
        """
        with self.services.system.connection() as conn:
            row = conn.execute(
                "UPDATE job SET progress = %s WHERE id = %s RETURNING cancel_asked",
                (Jsonb({"done": done, "total": total, "what": what}), self.id),
            ).fetchone()
        self._go_on(row)

    def check(self) -> None:
        """Ask whether the job is still wanted.

        Raises:
            Cancelled: somebody has cancelled it.
            Interrupted: the worker must end.
        """
        with self.services.system.connection() as conn:
            row = conn.execute("SELECT cancel_asked FROM job WHERE id = %s", (self.id,)).fetchone()
        self._go_on(row)

    def _go_on(self, row: tuple[Any, ...] | None) -> None:
        if row and row[0]:
            raise Cancelled(self.id)
        if self.leaving():
            raise Interrupted(self.id)


Handler = Callable[[Services, Tenant, RunningJob], None]


class Runner:
    """Works off the queue. As many may run as one likes, in any process: each claims one job, and tenants take turns."""

    def __init__(self, services: Services, handlers: Mapping[str, Handler]) -> None:
        self._services = services
        self._handlers = dict(handlers)
        self._system = services.system
        self._leaving: Callable[[], bool] = lambda: False

    def run(self, stop: threading.Event, *, poll_s: float = 0.2, grace_s: float = GRACE_S) -> None:
        """Work until `stop` is set, and do what is due by the clock. A database that goes away is waited for.

        Args:
            stop: what ends it.
            poll_s: how often it looks for jobs while there are none.
            grace_s: how long the job that is being worked on may then go on; one that takes longer goes back to the queue.
        """
        schedule, pause_s = Schedule(self._services), 0.0
        self._leaving = _Leaving(stop, grace_s)
        while not stop.is_set():
            try:
                with self._guard() as guard:
                    while not stop.is_set():
                        schedule.look()
                        if not self._step(guard, None):
                            stop.wait(poll_s)
                        pause_s = 0
            except (KokuError, psycopg.Error) as error:
                pause_s = min(30, 2 * pause_s + poll_s)
                log.warning("the queue cannot be reached: %s; tried again in %.1f s", str(error).strip(), pause_s)
                stop.wait(pause_s)

    def drain(self, tenant: str | None = None) -> int:
        """Work until nothing is due, then return how many jobs were worked on. For pipelines, notebooks and tests."""
        worked = 0
        while self.step(tenant):
            worked += 1
        return worked

    def step(self, tenant: str | None = None) -> bool:
        """Claim one job that is due and work on it; False if there is none.

        Raises:
            DatabaseUnavailable: nobody answers.
        """
        try:
            with self._guard() as guard:
                return self._step(guard, tenant)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(str(error).strip()) from error

    @contextlib.contextmanager
    def _guard(self) -> Iterator[Connection]:
        """The connection that holds the locks of jobs; if it breaks, they go back to the queue."""
        with psycopg.connect(self._system.server.dsn, autocommit=True, application_name="koku runner") as guard:
            guard.execute("SET search_path TO koku")
            yield guard

    def _step(self, guard: Connection, tenant: str | None) -> bool:
        job = self._claim(guard, tenant)
        if job is None:
            return False
        try:
            self._work(job)
        finally:
            with contextlib.suppress(psycopg.OperationalError):  # the lock went with the connection
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
        return RunningJob(**row, services=self._services, leaving=self._leaving)

    def _work(self, job: RunningJob) -> None:
        facts = {"job": job.id, "kind": job.kind, "tenant": job.tenant, "request_id": job.request_id}
        with scope(**facts), collected() as timings:
            log.info("job %s begins", job.id)
            outcome = Outcome(timings)
            tenant = self._system.tenant(job.tenant)
            try:
                if not tenant.exists():
                    raise Cancelled(job.id)
                with cancellable(job.check):
                    self._handlers[job.kind](self._services, tenant, job)
            except Cancelled:
                outcome.state = "cancelled"
            except Interrupted as error:
                outcome.state, outcome.counts = "waiting", False
                log.info("job %s goes back to the queue: %s", job.id, error)
            except Exception as error:  # noqa: BLE001 - whatever a handler or plugin raises ends the job, not the runner
                self._failed(job, tenant, error, outcome)
            end(self._system, job, outcome)

    def _failed(self, job: RunningJob, tenant: Tenant, error: Exception, outcome: Outcome) -> None:
        if not tenant.exists():  # what it needs is gone
            outcome.state = "cancelled"
            return
        reason = str(error) if isinstance(error, KokuError) else f"unexpected {type(error).__name__}: {error}"
        outcome.error = reason
        with self._system.connection() as conn:
            row = conn.execute("SELECT attempts FROM job WHERE id = %s", (job.id,)).fetchone()
        attempts = row[0] if row else ATTEMPTS
        if isinstance(error, (Transient, psycopg.OperationalError)) and attempts < ATTEMPTS:
            outcome.state, outcome.again_s = "waiting", BACK_OFF_S[attempts - 1]
            log.warning("job %s: %s; tried again in %s s", job.id, reason, outcome.again_s)
            return
        outcome.state = "failed"
        log.error("job %s failed: %s", job.id, reason, exc_info=None if isinstance(error, KokuError) else error)


class _Leaving:
    """Whether it was asked to end so long ago that the job must not go on."""

    def __init__(self, stop: threading.Event, grace_s: float) -> None:
        self._stop, self._grace_s, self._since = stop, grace_s, 0.0

    def __call__(self) -> bool:
        if not self._stop.is_set():
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= self._grace_s


#: The next job: of the tenant that has waited longest since it last had a turn; nothing of a source that is being worked on.
_NEXT = """
    SELECT j.id, j.tenant, j.kind, j.source_uuid::text, j.arguments, j.request_id
    FROM job j
    LEFT JOIN LATERAL (SELECT max(started) AS turn FROM job t WHERE t.tenant = j.tenant AND t.started IS NOT NULL) last ON true
    WHERE j.state = 'waiting' AND j.run_after <= clock_timestamp() AND j.kind = ANY(%(kinds)s)
      AND (%(tenant)s::text IS NULL OR j.tenant = %(tenant)s)
      AND NOT EXISTS (SELECT 1 FROM job r WHERE r.state = 'running' AND r.tenant = j.tenant AND r.source_uuid = j.source_uuid)
    ORDER BY last.turn NULLS FIRST, j.id
    FOR UPDATE OF j SKIP LOCKED
    LIMIT 1
"""


def _return_orphans(guard: Connection) -> None:
    """Give back the jobs whose runner died: those marked as running whose lock can be had. One that kills each runner has failed."""
    for (job_id,) in guard.execute("SELECT id FROM job WHERE state = 'running'").fetchall():
        key = lock_key("job", job_id)
        got = guard.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        if not (got and got[0]):
            continue
        with guard.transaction():
            give_back(guard, job_id, None, most_attempts=ATTEMPTS)
        guard.execute("SELECT pg_advisory_unlock(%s)", (key,))
