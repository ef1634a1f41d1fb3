"""The queue: one table, `koku.job`. A job is added in the transaction that makes it necessary, so neither is there without the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from koku_core.database.server import rows
from koku_core.database.system import System
from koku_core.errors import UnknownName
from koku_core.observability.context import request_id

STATES = ("waiting", "running", "done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of slow work of one tenant.

    Attributes:
        kind: what is done (`ingest`, `summarize`, `price`, …); key: to what; a wish for the same thing joins a waiting job.
        progress: `{"done", "total", "what"}` while it runs.
        error: why it failed, for people.
        request_id: of the request that it was added for.
        timings: seconds spent in each step, in its last attempt.
    """

    id: int
    tenant: str
    kind: str
    key: str
    source_uuid: str | None
    state: str
    progress: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    attempts: int = 0
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    request_id: str | None = None
    timings: Mapping[str, float] = field(default_factory=dict)


def enqueue(
    conn: psycopg.Connection[Any], tenant: str, kind: str, *, key: str, source_uuid: str | None = None,
    arguments: Mapping[str, Any] | None = None, request: str | None = None,
) -> int:  # fmt: skip
    """Add a job in the transaction of `conn`, or join the waiting one of the same tenant, kind and key.

    `request` is the id of the request that it is added for; default: that of the scope.

    Returns:
        The job's id.
    """
    row = conn.execute(
        """INSERT INTO koku.job (tenant, kind, key, source_uuid, arguments, request_id) VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, kind, key) WHERE state = 'waiting'
           DO UPDATE SET arguments = excluded.arguments, request_id = coalesce(excluded.request_id, job.request_id)
           RETURNING id""",
        (tenant, kind, key, source_uuid, Jsonb(dict(arguments or {})), request or request_id()),
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING always gives a row
    return int(row[0])


def fail(conn: psycopg.Connection[Any], tenant: str, kind: str, *, key: str, error: str) -> int:
    """Add a job that has failed already: how a payload that cannot even be read shows up beside the others."""
    row = conn.execute(
        """INSERT INTO koku.job (tenant, kind, key, state, error, finished, request_id)
           VALUES (%s, %s, %s, 'failed', %s, clock_timestamp(), %s) RETURNING id""",
        (tenant, kind, key, error, request_id()),
    ).fetchone()
    assert row is not None  # noqa: S101 - as above
    return int(row[0])


_COLUMNS = "id, tenant, kind, key, source_uuid::text, state, progress, error, attempts, created, started, finished, request_id, timings"


class Jobs:
    """The jobs of one tenant: list, look at, cancel."""

    def __init__(self, system: System, tenant: str) -> None:
        self._system = system
        self._tenant = tenant

    def list(
        self,
        states: Collection[str] = (),
        source_uuid: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Job]:
        """The jobs, newest first."""
        with self._system.connection() as conn:
            found = rows(
                conn,
                f"""SELECT {_COLUMNS} FROM job WHERE tenant = %s AND (%s::text[] = '{{}}' OR state = ANY(%s))
                    AND (%s::uuid IS NULL OR source_uuid = %s) ORDER BY id DESC LIMIT %s OFFSET %s""",
                (self._tenant, list(states), list(states), source_uuid, source_uuid, limit, offset),
            )
        return [Job(**row) for row in found]

    def count(self, states: Collection[str] = (), source_uuid: str | None = None) -> int:
        """How many jobs there are."""
        with self._system.connection() as conn:
            row = conn.execute(
                """SELECT count(*) FROM job WHERE tenant = %s AND (%s::text[] = '{}' OR state = ANY(%s))
                   AND (%s::uuid IS NULL OR source_uuid = %s)""",
                (self._tenant, list(states), list(states), source_uuid, source_uuid),
            ).fetchone()
        return int(row[0]) if row else 0

    def get(self, job_id: int) -> Job:
        """One job.

        Raises:
            UnknownName: the tenant has none of this id.
        """
        with self._system.connection() as conn:
            found = rows(conn, f"SELECT {_COLUMNS} FROM job WHERE tenant = %s AND id = %s", (self._tenant, job_id))
        if not found:
            raise UnknownName("job", str(job_id))
        return Job(**found[0])

    def cancel(self, job_id: int) -> Job:
        """Cancel a job: at once if it waits; one that runs lets go of what it waits for; one that has ended stays as it is."""
        with self._system.transaction() as conn:
            conn.execute(
                """UPDATE job SET cancel_asked = true, state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
                       finished = CASE state WHEN 'waiting' THEN clock_timestamp() ELSE finished END
                   WHERE tenant = %s AND id = %s AND state IN ('waiting', 'running')""",
                (self._tenant, job_id),
            )
        return self.get(job_id)
