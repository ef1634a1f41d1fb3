"""How a job ends, or goes back to the queue; what it took is counted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from psycopg.types.json import Jsonb

from koku_core.database.server import Connection
from koku_core.database.system import System
from koku_core.observability import logger
from koku_core.observability.counters import JOB_SECONDS, STEP_SECONDS, add

log = logger("koku.jobs")


class Ending(Protocol):
    """The job that ends."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def kind(self) -> str:
        """What it did."""


@dataclass(slots=True)
class Outcome:
    """What became of a job.

    Attributes:
        timings: seconds spent in each step.
        state: how it ended; `waiting`: it is tried again in `again_s` seconds.
        error: why.
        counts: whether it was an attempt.
    """

    timings: Mapping[str, float]
    state: str = "done"
    error: str | None = None
    again_s: int = 0
    counts: bool = True
    began: float = field(default_factory=time.monotonic)


def end(system: System, job: Ending, outcome: Outcome) -> None:
    """Write down what became of a job; one whose source or tenant was deleted meanwhile is forgotten.

    Raises:
        DatabaseUnavailable: it cannot be written, so the job goes back to the queue by and by.
    """
    seconds = time.monotonic() - outcome.began
    with system.transaction() as conn:
        if outcome.state == "waiting":
            give_back(conn, job.id, outcome.error, again_s=outcome.again_s, counts=outcome.counts)
        else:
            conn.execute("DELETE FROM job WHERE id = %s AND forget", (job.id,))
            conn.execute(
                "UPDATE job SET state = %s, error = %s, timings = %s, finished = clock_timestamp() WHERE id = %s",
                (outcome.state, outcome.error, Jsonb(dict(outcome.timings)), job.id),
            )
        add(conn, JOB_SECONDS, seconds, kind=job.kind, state="retried" if outcome.state == "waiting" else outcome.state)
        for step, spent in sorted(outcome.timings.items()):
            add(conn, STEP_SECONDS, spent, kind=job.kind, step=step)
    if outcome.state in ("done", "cancelled"):
        extra = {"seconds": round(seconds, 4), "timings": dict(outcome.timings)}
        log.info("job %s: %s after %.2f s", job.id, outcome.state, seconds, extra=extra)


def give_back(
    conn: Connection,
    job_id: int,
    error: str | None,
    *,
    again_s: int = 0,
    most_attempts: int | None = None,
    counts: bool = True,
) -> None:
    """Put a running job back into the queue, in the transaction of `conn`.

    One that somebody wished for again meanwhile is cancelled instead: that wish serves both. So is one that somebody cancelled.

    Args:
        conn: a transaction in the shared schema.
        job_id: which.
        error: why.
        again_s: after how many seconds it is tried again.
        most_attempts: one that was begun so often has failed.
        counts: whether it was an attempt.
    """
    conn.execute("DELETE FROM job WHERE id = %s AND forget", (job_id,))
    values = {"id": job_id, "error": error, "seconds": again_s, "most": most_attempts, "uncounted": 0 if counts else 1}
    conn.execute(_GIVE_BACK, values)


_GIVE_BACK = """
    WITH next AS (
        SELECT CASE
            WHEN j.cancel_asked OR EXISTS (SELECT 1 FROM job w WHERE (w.tenant, w.kind, w.key) = (j.tenant, j.kind, j.key)
                                           AND w.state = 'waiting') THEN 'cancelled'
            WHEN j.attempts >= %(most)s THEN 'failed'
            ELSE 'waiting' END AS state
        FROM job j WHERE j.id = %(id)s
    )
    UPDATE job SET state = next.state, attempts = attempts - %(uncounted)s,
        run_after = clock_timestamp() + make_interval(secs => %(seconds)s),
        error = CASE next.state WHEN 'failed' THEN 'its worker died ' || attempts || ' times while it worked on it' ELSE %(error)s END,
        finished = CASE next.state WHEN 'waiting' THEN NULL ELSE clock_timestamp() END
    FROM next WHERE id = %(id)s AND job.state = 'running'
"""
