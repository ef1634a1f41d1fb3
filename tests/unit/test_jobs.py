"""The queue: one wish one job, tenants in turn, nothing lost when a runner dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from koku_core.database import System, Tenant
from koku_core.errors import DatabaseUnavailable, KokuError, UnknownName
from koku_core.jobs.queue import Jobs, enqueue
from koku_core.jobs.runner import Runner, RunningJob
from koku_core.observability import scope, timed
from koku_core.services import Services
from koku_core.settings import Settings


def add(system: System, tenant: str, key: str, kind: str = "note", **more: Any) -> int:
    with system.transaction() as conn:
        conn.execute("INSERT INTO tenant (name) VALUES (%s) ON CONFLICT DO NOTHING", (tenant,))
        return enqueue(conn, tenant, kind, key=key, **more)


def runner(system: System, **handlers: Any) -> Runner:
    services = SimpleNamespace(system=system, settings=Settings(), plugins=())
    return Runner(cast(Services, services), handlers)


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


def test_many_changes_in_a_row_make_one_recalculation_after_the_one_that_runs(system: System) -> None:
    """A change may come after the running job has read the old state, so exactly one more must follow it."""
    seen: list[int] = []
    add(system, "a", "month", "price")

    def price(_: Services, __: Tenant, job: RunningJob) -> None:
        seen.append(job.id)
        if len(seen) == 1:
            wishes = {add(system, "a", "month", "price", arguments={"n": n}) for n in range(5)}
            assert len(wishes) == 1
            assert job.id not in wishes

    work = runner(system, price=price)
    assert work.drain() == 2
    assert work.drain() == 0
    assert [j.state for j in Jobs(system, "a").list()] == ["done", "done"]


def test_one_source_is_worked_on_by_one_runner_at_a_time(system: System) -> None:
    source = str(uuid.uuid4())
    for key in ("1", "2"):
        add(system, "a", key, "first", source_uuid=source)
    beside: list[bool] = []

    def first(*_: Any) -> None:
        beside.append(runner(system, first=first).step())

    assert runner(system, first=first).drain() == 2
    assert beside == [False, False]


def test_the_waits_between_attempts_grow_and_end(system: System) -> None:
    job, waits = add(system, "a", "1", "flaky"), []

    def flaky(*_: Any) -> None:
        raise DatabaseUnavailable("it sleeps")

    while Jobs(system, "a").get(job).state == "waiting":
        assert runner(system, flaky=flaky).drain() == 1
        with system.connection() as conn:
            row = conn.execute("SELECT extract(epoch FROM run_after - clock_timestamp()) FROM job").fetchone()
            assert row
            waits.append(round(row[0]))
            conn.execute("UPDATE job SET run_after = clock_timestamp()")
    assert waits[:4] == [2, 10, 60, 300]
    assert (Jobs(system, "a").get(job).state, Jobs(system, "a").get(job).attempts) == ("failed", 5)


def kill_connections(system: System) -> None:
    """As a restart of the server does: every connection to the database breaks, also those of the pool and of the runner."""
    with psycopg.connect(system.server.dsn, autocommit=True) as conn:
        conn.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        )


def test_a_job_whose_connections_break_is_tried_again_and_the_runner_goes_on(system: System) -> None:
    broken, calm = add(system, "a", "1", "breaks"), add(system, "b", "1", "note")
    calls: list[int] = []

    def breaks(_: Services, tenant: Tenant, job: RunningJob) -> None:
        calls.append(job.id)
        with system.connection() as conn:
            if len(calls) == 1:
                kill_connections(system)
            conn.execute("SELECT 1")

    stop = threading.Event()
    work = runner(system, breaks=breaks, note=lambda *_: None)
    with system.connection() as conn:  # the first attempt's wait is two seconds
        conn.execute("UPDATE job SET run_after = clock_timestamp()")
    thread = threading.Thread(target=work.run, args=(stop,), kwargs={"poll_s": 0.05})
    thread.start()
    end = time.monotonic() + 30
    jobs = (Jobs(system, "a"), broken), (Jobs(system, "b"), calm)
    while any(of.get(job).state != "done" for of, job in jobs) and time.monotonic() < end:
        time.sleep(0.1)
    stop.set()
    thread.join()
    assert [of.get(job).state for of, job in jobs] == ["done", "done"]
    assert len(calls) == 2


def test_a_runner_waits_for_a_database_that_is_away(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever breaks while it looks for work, it looks again."""
    stop, job = threading.Event(), 0
    work = runner(system, note=lambda *_: stop.set())
    thread = threading.Thread(target=work.run, args=(stop,), kwargs={"poll_s": 0.05})
    thread.start()
    for _ in range(3):
        time.sleep(0.3)
        kill_connections(system)
    time.sleep(0.3)
    job = add(system, "a", "1")
    thread.join(30)
    assert Jobs(system, "a").get(job).state == "done"
    assert "the queue cannot be reached" in caplog.text


def test_a_job_that_kills_each_of_its_workers_fails_in_the_end(system: System) -> None:
    job = add(system, "a", "1", "deadly")
    with system.connection() as conn:
        conn.execute("UPDATE job SET state = 'running', attempts = 5")  # and nobody holds its lock
    assert not runner(system, deadly=lambda *_: None).step()
    assert Jobs(system, "a").get(job).state == "failed"
    assert Jobs(system, "a").get(job).error == "its worker died 5 times while it worked on it"


def test_a_job_of_a_deleted_tenant_is_cancelled(system: System) -> None:
    tenant = system.tenant("a").ensure()
    first, second = add(system, "a", "1"), add(system, "b", "1", "note")
    seen: list[str] = []

    def note(_: Services, tenant: Tenant, job: RunningJob) -> None:
        seen.append(tenant.name)
        if tenant.name == "a":
            system.delete_tenant("a")
            with tenant.connection() as conn:
                conn.execute("SELECT 1 FROM source")

    assert runner(system, note=note).drain() == 2
    assert sorted(seen) == ["a", "b"]
    assert Jobs(system, "b").get(second).state == "done"
    with pytest.raises(UnknownName):  # nothing is left of it
        Jobs(system, "a").get(first)
    assert not tenant.exists()
    with system.transaction() as conn:  # as a transaction does that began before the deletion
        late = enqueue(conn, "a", "note", key="late")
    assert runner(system, note=note).drain() == 1
    assert Jobs(system, "a").get(late).state == "cancelled"
    assert len(seen) == 2


def test_a_cancelled_job_whose_worker_died_is_not_begun_again(system: System) -> None:
    job = add(system, "a", "1")
    with system.connection() as conn:
        conn.execute("UPDATE job SET state = 'running', cancel_asked = true")
    assert not runner(system, note=lambda *_: None).step()
    assert Jobs(system, "a").get(job).state == "cancelled"


def test_a_job_keeps_the_timings_of_its_steps_and_the_request_that_it_was_added_for(system: System) -> None:
    with scope(request_id="r-1"):
        job = add(system, "a", "1", "steps")
    later: list[int] = []

    def steps(_: Services, __: Tenant, ___: RunningJob) -> None:
        for pause in (0.02, 0.02):
            with timed("price"):
                time.sleep(pause)
        later.append(add(system, "a", "2", "other"))

    runner(system, steps=steps).drain()
    found = Jobs(system, "a").get(job)
    assert found.request_id == "r-1"
    assert list(found.timings) == ["price"]
    assert 0.04 <= found.timings["price"] < 1
    assert Jobs(system, "a").get(later[0]).request_id == "r-1"
    assert add(system, "a", "2", "other") == later[0]
    assert Jobs(system, "a").get(later[0]).request_id == "r-1"  # whoever joins without a request leaves it
