"""What is done by the clock, in real time: every tenant's purge, asking the sources whose reports are fetched, and exchange rates.

When a thing is due next stands in the database, and moves on in the transaction that enqueues its job: however many runners look, each
thing is done once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg

from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant
from koku_core.jobs.queue import enqueue
from koku_core.services import Services

#: How often a runner looks.
LOOK_S = 5.0
_LONGEST_S = 86400.0


@dataclass(frozen=True, slots=True)
class Periodic:
    """Something that a tenant does every `seconds`: a job of this kind and key; `first`: at once when it is first seen."""

    kind: str
    key: str
    seconds: float
    source_uuid: str | None = None
    first: bool = True

    @property
    def name(self) -> str:
        """What the schedule knows it by."""
        return self.kind if self.key == self.kind else f"{self.kind} {self.key}"


class Schedule:
    """Enqueues what is due. Every runner has one; one of them at a time does it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._next = 0.0

    def look(self) -> list[int]:
        """Enqueue what is due, unless this process has looked a moment ago or another one is looking.

        Returns:
            The ids of the jobs.
        """
        if time.monotonic() < self._next:
            return []
        self._next = time.monotonic() + LOOK_S
        with self._services.system.server.try_lock("schedule") as ours:
            tenants = self._services.system.tenants() if ours else []
            return [job for tenant in tenants for job in self.look_at(tenant, shared=tenant is tenants[0])]

    def look_at(self, tenant: Tenant, *, shared: bool = False) -> list[int]:
        """Enqueue what is due of one tenant; `shared`: and what is done for all of them at once."""
        jobs = []
        try:
            with tenant.connection() as conn:
                for periodic in self._of(conn, shared):
                    with conn.transaction():
                        if _is_due(conn, tenant.name, periodic):
                            jobs.append(_enqueue(conn, tenant.name, periodic))
        except psycopg.errors.UndefinedTable:  # the tenant is being made, or deleted
            return jobs
        return jobs

    def _of(self, conn: Connection, shared: bool) -> list[Periodic]:
        settings = self._services.settings
        found = conn.execute(
            "SELECT uuid::text, source_type, coalesce(poll_minutes, %s) FROM source WHERE NOT paused ORDER BY id",
            (settings.poll_minutes,),
        ).fetchall()
        asked = {kind.name for p in self._services.plugins for kind in p.provider.source_types if not kind.pushed}
        rates = [Periodic("rates", "rates", _LONGEST_S)] if shared and self._services.plugins.tell_rates else []
        return [
            *rates,
            Periodic("purge", "purge", settings.purge_hours * 3600, first=False),
            *(Periodic("refresh", u, minutes * 60, u) for u, kind, minutes in found if kind in asked),
        ]


def hasten(conn: Connection, tenant: str, source_uuid: str, minutes: float) -> None:
    """Ask a source in so many minutes at the latest."""
    conn.execute(
        """UPDATE koku.schedule SET due = least(due, clock_timestamp() + make_interval(secs => %s))
           WHERE tenant = %s AND what = %s""",
        (minutes * 60, tenant, f"refresh {source_uuid}"),
    )


def _is_due(conn: Connection, tenant: str, periodic: Periodic) -> bool:
    """Whether it is time; if so, the next time is set. After failures the intervals double, up to a day."""
    failed = _has_failed(conn, tenant, periodic)
    values = {
        "tenant": tenant, "what": periodic.name, "seconds": periodic.seconds, "first": 0 if periodic.first else periodic.seconds,
        "failed": failed, "longest": max(periodic.seconds, _LONGEST_S),
    }  # fmt: skip
    conn.execute(
        """INSERT INTO koku.schedule (tenant, what, due) VALUES (%(tenant)s, %(what)s, clock_timestamp() + make_interval(secs => %(first)s))
           ON CONFLICT DO NOTHING""",
        values,
    )
    row = conn.execute(
        """UPDATE koku.schedule SET failures = CASE WHEN %(failed)s THEN failures + 1 ELSE 0 END,
               due = clock_timestamp() + make_interval(secs => least(%(longest)s,
                   %(seconds)s * CASE WHEN %(failed)s THEN 2 ^ least(failures + 1, 20) ELSE 1 END))
           WHERE tenant = %(tenant)s AND what = %(what)s AND due <= clock_timestamp() RETURNING 1""",
        values,
    ).fetchone()
    return row is not None


def _has_failed(conn: Connection, tenant: str, periodic: Periodic) -> bool:
    """Whether its last job that ended has failed."""
    row = conn.execute(
        """SELECT state FROM koku.job WHERE tenant = %s AND kind = %s AND key = %s AND state IN ('done', 'failed')
           ORDER BY id DESC LIMIT 1""",
        (tenant, periodic.kind, periodic.key),
    ).fetchone()
    return row == ("failed",)


def _enqueue(conn: Connection, tenant: str, periodic: Periodic) -> int:
    arguments = {"source": periodic.source_uuid} if periodic.source_uuid else {}
    return enqueue(conn, tenant, periodic.kind, key=periodic.key, source_uuid=periodic.source_uuid, arguments=arguments)
