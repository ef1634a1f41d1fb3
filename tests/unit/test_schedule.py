"""What is done by the clock is done once, however many runners there are, and less often while it fails."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import BaseModel

from koku_core.database import System, Tenant
from koku_core.declare.providers import Provider, SourceType
from koku_core.jobs.queue import Job, Jobs
from koku_core.jobs.runner import Runner
from koku_core.jobs.schedule import Schedule, hasten
from koku_core.services import Services
from koku_core.settings import Settings


class Credentials(BaseModel):
    shop: str


TYPES = (SourceType("Asked", Credentials, key="shop"), SourceType("Pushed", Credentials, key="shop", pushed=True))
PLUGIN = SimpleNamespace(provider=Provider("bakery", "Bakery", "bakery", "BAKERY", TYPES, datasets=(), version="1"))


@pytest.fixture
def tenant(system: System) -> Tenant:
    return system.tenant("acme").ensure()


class Offered(list[Any]):
    tell_rates = False


def services(system: System) -> Services:
    return cast(Services, SimpleNamespace(system=system, settings=Settings(), plugins=Offered([PLUGIN])))


def source(tenant: Tenant, key: str, kind: str = "Asked", *, paused: bool = False) -> str:
    with tenant.connection() as conn:
        row = conn.execute(
            """INSERT INTO source (name, provider, source_type, key, credentials, paused)
               VALUES (%s, 'bakery', %s, %s, '{}', %s) RETURNING uuid::text""",
            (key, kind, key, paused),
        ).fetchone()
    assert row
    return str(row[0])


def look(system: System) -> list[int]:
    return Schedule(services(system)).look()


def all_is_due(system: System) -> None:
    with system.connection() as conn:
        conn.execute("UPDATE schedule SET due = clock_timestamp() - interval '1 second'")


def hours_until(system: System, what: str) -> float:
    with system.connection() as conn:
        row = conn.execute(
            "SELECT extract(epoch FROM due - clock_timestamp()) / 3600 FROM schedule WHERE what = %s", (what,)
        ).fetchone()
    assert row
    return round(float(row[0]), 1)


def jobs(system: System, kind: str) -> list[Job]:
    return [j for j in Jobs(system, "acme").list() if j.kind == kind]


def end(system: System, state: str) -> None:
    with system.connection() as conn:
        conn.execute("UPDATE job SET state = %s, finished = clock_timestamp() WHERE state = 'waiting'", (state,))


def test_a_purge_comes_every_day_and_not_at_once(system: System, tenant: Tenant) -> None:
    assert look(system) == []
    assert hours_until(system, "purge") == 24
    all_is_due(system)
    (job,) = look(system)
    assert [(j.id, j.key, j.state) for j in jobs(system, "purge")] == [(job, "purge", "waiting")]
    assert look(system) == []
    assert hours_until(system, "purge") == 24


def test_sources_are_asked_at_once_and_then_every_hour_if_they_are_to_be_asked(system: System, tenant: Tenant) -> None:
    asked = source(tenant, "a")
    source(tenant, "b", paused=True)
    source(tenant, "c", "Pushed")
    (first,) = look(system)
    (job,) = jobs(system, "refresh")
    assert (job.id, job.key, job.source_uuid) == (first, asked, asked)
    assert look(system) == []
    assert hours_until(system, f"refresh {asked}") == 1
    all_is_due(system)
    assert first in look(system)  # nobody has worked on it yet: the second wish joins it
    assert len(jobs(system, "refresh")) == 1


def test_a_source_may_have_an_interval_of_its_own(system: System, tenant: Tenant) -> None:
    often, others = source(tenant, "a"), source(tenant, "b")
    look(system)
    with tenant.transaction() as conn:
        conn.execute("UPDATE source SET poll_minutes = 12 WHERE uuid = %s", (often,))
        hasten(conn, tenant.name, often, 12)
    assert [hours_until(system, f"refresh {u}") for u in (often, others)] == [0.2, 1]
    end(system, "done")
    all_is_due(system)
    look(system)
    assert [hours_until(system, f"refresh {u}") for u in (often, others)] == [0.2, 1]


def test_a_source_that_fails_is_asked_less_and_less_often(system: System, tenant: Tenant) -> None:
    what = f"refresh {source(tenant, 'a')}"
    waits = []
    for _ in range(7):
        look(system)
        waits.append(hours_until(system, what))
        end(system, "failed")
        all_is_due(system)
    assert waits == [1, 2, 4, 8, 16, 24, 24]
    look(system)
    end(system, "done")
    all_is_due(system)
    look(system)
    assert hours_until(system, what) == 1


def test_however_many_runners_look_each_thing_is_done_once(system: System, tenant: Tenant) -> None:
    for key in "abc":
        source(tenant, key)
    system.tenant("other").ensure()
    look(system)
    end(system, "done")
    for _ in range(3):
        all_is_due(system)
        start = threading.Barrier(8)

        def one(start: threading.Barrier = start) -> list[int]:
            start.wait()
            return look(system)

        with ThreadPoolExecutor(8) as pool:
            found = [job for future in [pool.submit(one) for _ in range(8)] for job in future.result()]
        assert len(found) == len(set(found)) == 5  # three sources and a purge here, a purge there
        end(system, "done")


def test_one_runner_does_not_look_all_the_time(system: System, tenant: Tenant) -> None:
    source(tenant, "a")
    schedule = Schedule(services(system))
    assert schedule.look()
    end(system, "done")
    all_is_due(system)
    assert schedule.look() == []


def test_a_runner_does_what_is_due(system: System, tenant: Tenant) -> None:
    key, seen, stop = source(tenant, "a"), [], threading.Event()

    def refresh(_: Services, __: Tenant, job: Any) -> None:
        seen.append(job.arguments)
        stop.set()

    thread = threading.Thread(target=Runner(services(system), {"refresh": refresh}).run, args=(stop,))
    thread.start()
    thread.join(20)
    assert seen == [{"source": key}]


def test_a_tenant_that_is_deleted_while_runners_look_is_no_error(system: System, tenant: Tenant) -> None:
    source(tenant, "a")
    schedule = Schedule(services(system))
    system.delete_tenant("acme")
    assert schedule.look_at(tenant) == []
    assert schedule.look() == []
