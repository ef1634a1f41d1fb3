"""The queue: one wish one job, tenants in turn, nothing lost when a runner dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from koku_core.database import Server, System, Tenant
from koku_core.errors import DatabaseUnavailable, KokuError, UnknownName
from koku_core.jobs.queue import Jobs, enqueue
from koku_core.jobs.runner import Runner, RunningJob
from koku_core.services import Services


@pytest.fixture
def system(dsn: str) -> Iterator[System]:
    server = Server(dsn)
    server.open()
    system = System(server)
    system.migrate()
    yield system
    server.close()


def add(system: System, tenant: str, key: str, kind: str = "note", **more: Any) -> int:
    with system.transaction() as conn:
        conn.execute("INSERT INTO tenant (name) VALUES (%s) ON CONFLICT DO NOTHING", (tenant,))
        return enqueue(conn, tenant, kind, key=key, **more)


def runner(system: System, **handlers: Any) -> Runner:
    return Runner(cast(Services, SimpleNamespace(system=system)), handlers)


def test_a_second_wish_for_the_same_joins_the_waiting_job(system: System) -> None:
    assert add(system, "a", "x") == add(system, "a", "x")
    assert add(system, "a", "x") != add(system, "a", "y")
    assert add(system, "b", "x") != add(system, "a", "x")


def test_a_wish_that_is_rolled_back_leaves_no_job(system: System) -> None:
    with system.transaction() as conn, conn.transaction(force_rollback=True):
        enqueue(conn, "a", "note", key="x")
    assert Jobs(system, "a").list() == []


def test_tenants_take_turns(system: System) -> None:
    for key in ("1", "2", "3"):
        add(system, "busy", key)
    add(system, "quiet", "1")
    seen: list[str] = []

    def note(_: Services, tenant: Tenant, job: RunningJob) -> None:
        seen.append(tenant.name)

    assert runner(system, note=note).drain() == 4
    assert seen.index("quiet") == 1


def test_a_transient_error_is_tried_again_and_a_terminal_one_is_not(system: System) -> None:
    first, second = add(system, "a", "1", "flaky"), add(system, "a", "1", "broken")

    def flaky(*_: Any) -> None:
        raise DatabaseUnavailable("it sleeps")

    def broken(*_: Any) -> None:
        raise KokuError("row 7 is wrong")

    runner(system, flaky=flaky, broken=broken).drain()
    jobs = Jobs(system, "a")
    assert (jobs.get(first).state, jobs.get(first).attempts) == ("waiting", 1)
    assert (jobs.get(second).state, jobs.get(second).error) == ("failed", "row 7 is wrong")


def test_an_unexpected_error_ends_the_job_and_not_the_runner(system: System) -> None:
    bad, good = add(system, "a", "1", "bad"), add(system, "a", "2", "good")

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    runner(system, bad=broken, good=lambda *_: None).drain()
    jobs = Jobs(system, "a")
    assert (jobs.get(bad).state, jobs.get(good).state) == ("failed", "done")
    assert "ZeroDivisionError: oops" in str(jobs.get(bad).error)


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_at_its_next_step(system: System) -> None:
    jobs = Jobs(system, "a")
    waiting = add(system, "a", "1")
    assert jobs.cancel(waiting).state == "cancelled"
    running = add(system, "a", "2", "long")
    steps: list[int] = []

    def long(_: Services, __: Tenant, job: RunningJob) -> None:
        jobs.cancel(job.id)
        steps.append(1)
        job.progress(1, 2, "half")
        steps.append(2)

    runner(system, long=long).drain()
    assert (jobs.get(running).state, steps) == ("cancelled", [1])
    assert jobs.get(running).progress == {"done": 1, "total": 2, "what": "half"}


def test_one_tenant_does_not_see_the_jobs_of_another(system: System) -> None:
    job = add(system, "a", "1")
    assert Jobs(system, "b").list() == []
    with pytest.raises(UnknownName):
        Jobs(system, "b").get(job)
    with pytest.raises(UnknownName):
        Jobs(system, "b").cancel(job)


def test_the_job_of_a_killed_runner_is_worked_on_again(system: System) -> None:
    job = add(system, "a", "1", "slow")
    script = f"""
        import time
        from types import SimpleNamespace
        from koku_core.database import Server, System
        from koku_core.jobs.runner import Runner
        server = Server({system.server.dsn!r}); server.open()
        def slow(*_):
            print("working", flush=True); time.sleep(60)
        Runner(SimpleNamespace(system=System(server)), {{"slow": slow}}).step()
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "working\n"
        assert not runner(system, slow=lambda *_: None).step()  # it is being worked on
        os.kill(child.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while not runner(system, slow=lambda *_: None).step() and time.monotonic() < end:
        time.sleep(0.05)
    assert Jobs(system, "a").get(job).state == "done"
    assert Jobs(system, "a").get(job).attempts == 2
