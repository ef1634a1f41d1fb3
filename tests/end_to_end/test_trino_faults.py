"""What goes wrong with a Trino, done to a real one: the servers of `koku dev trino`, which end with that command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

import koku_acme
from koku_acme.normalize import LINE_ITEMS
from koku_core import Koku
from koku_core.devtools.keeper import GRACE_S
from koku_core.errors import Cancelled, EngineUnavailable
from koku_core.executors.trino.client import Trino
from koku_core.executors.trino.url import TrinoUrl
from koku_core.jobs.runner import ATTEMPTS, Runner, RunningJob
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.sql import Rendered
from koku_core.testing.fixtures import database, settings_for

MONTH, COST = date(2026, 11, 1), Decimal("1.5")
BILL = """day,account,region,service,resource,usage,unit,cost,currency,tags
2026-11-10,shop,north,disks,d,1,GB-Mo,1.5,USD,
"""
#: Busy for minutes, unless somebody stops it.
LONG = Rendered(
    (
        """SELECT count(*) FROM unnest(sequence(1, 10000)) AS a(x), unnest(sequence(1, 10000)) AS b(x), unnest(sequence(1, 1000)) AS c(x)
           WHERE a.x * b.x % 7 = c.x""",
    ),
    (),
)


@dataclass(frozen=True, slots=True)
class Servers:
    """`koku dev trino` as it runs, what it told to export, and what Trino said before it was up."""

    command: subprocess.Popen[str]
    settings: Settings
    early: Exception

    def pid(self, name: str) -> int:
        return int((self.settings.data_dir / "dev" / name / "pid").read_text())


@pytest.fixture(scope="module")
def servers(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("dev")
    with database(server_dsn) as dsn, pytest.MonkeyPatch.context() as patch:
        settings = settings_for(dsn, folder)
        told = {"KOKU_DATABASE_URL": dsn, "KOKU_DATA_DIR": str(settings.data_dir)}
        command = subprocess.Popen(
            [sys.executable, "-m", "koku_core.cli", "dev", "trino", "--quick"],
            env={**os.environ, **told}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert command.stdout is not None
        early = refusal_while_starting(settings.data_dir / "dev" / "trino" / "port")
        exported = dict(line.strip().split("=", 1) for line in iter(command.stdout.readline, "ready\n"))
        for name, value in exported.items():
            patch.setenv(name, value)
        given = {"executor": exported["KOKU_EXECUTOR"], "lake_url": exported["KOKU_LAKE_URL"]}
        url = SecretStr(exported["KOKU_TRINO_URL"])
        try:
            yield Servers(command, settings.model_copy(update={**given, "trino_url": url}), early)
        finally:
            command.terminate()
            command.communicate()


def refusal_while_starting(port: Path) -> Exception:
    """What a question gets that is asked before the server is up, once it listens."""
    while True:
        time.sleep(0.05)
        try:
            trino = Trino(TrinoUrl.of(SecretStr(f"http://127.0.0.1:{int(port.read_text())}")))
            trino.rows(Rendered(("SELECT 1",), ()))
        except (FileNotFoundError, ValueError):
            continue
        except Exception as error:  # noqa: BLE001 - it is what the test is about
            if "does not answer" not in str(error):
                return error
        else:
            raise AssertionError("it was up at once")


def opened(settings: Settings) -> Koku:
    """The library with the toy provider alone: its template is quick to plan."""
    return Koku.open(settings=settings, tenant="acme", plugins=Plugins((), extra={"acme": koku_acme}))


@pytest.fixture
def koku(servers: Servers, tmp_path: Path) -> Iterator[Koku]:
    """The library with a bill of one line; tests that share the servers share the bill."""
    with opened(servers.settings) as koku:
        if not list(koku.sources):
            koku.sources.add("Acme", name="c", account="shop", data_source={"folder": str(tmp_path)})
            (tmp_path / "bill.csv").write_text(BILL)
            koku.ingest("c", tmp_path / "bill.csv")
        yield koku


def with_session(servers: Servers, **properties: str) -> Koku:
    """The library with session properties of Trino."""
    assert servers.settings.trino_url is not None
    url = servers.settings.trino_url.get_secret_value()
    asked = "&".join(f"session.{name}={value}" for name, value in properties.items())
    return opened(servers.settings.model_copy(update={"trino_url": SecretStr(f"{url}?{asked}")}))


def cost(koku: Koku) -> Decimal:
    """What is published."""
    with koku.handle.connection() as conn:
        row = conn.execute("SELECT sum(cost) FROM acme_daily_summary").fetchone()
    assert row is not None
    return Decimal(row[0])


def failed(koku: Koku) -> str:
    """Work until the job has failed, without waiting between attempts; why it has."""
    (number,) = koku.recalculate("c", [MONTH])
    while (job := next(j for j in koku.jobs.list() if j.id == number)).state == "waiting":
        due(koku, number)
        koku.work()
    assert job.state == "failed"
    return str(job.error)


def due(koku: Koku, number: int) -> None:
    """Let a job be tried again now."""
    with koku.services.system.connection() as conn:
        conn.execute("UPDATE job SET run_after = now() WHERE id = %s", (number,))


def attempts(koku: Koku) -> int:
    with koku.services.system.connection() as conn:
        row = conn.execute("SELECT attempts FROM job ORDER BY id DESC LIMIT 1").fetchone()
    assert row is not None
    return int(row[0])


def test_a_server_that_is_starting_is_one_to_ask_again(servers: Servers) -> None:
    assert isinstance(servers.early, EngineUnavailable)
    assert "SERVER_STARTING_UP" in servers.early.message


def test_what_is_ingested_is_published_and_the_doctor_finds_nothing_wrong_with_the_engine(koku: Koku) -> None:
    assert cost(koku) == COST
    assert [f for f in koku.doctor() if f.severity == "error"] == []


def test_one_with_too_little_memory_is_asked_again_and_then_the_job_fails_and_the_old_figures_stay(
    servers: Servers, koku: Koku
) -> None:
    with with_session(servers, query_max_memory_per_node="1B") as limited:
        assert "EXCEEDED_LOCAL_MEMORY_LIMIT" in failed(limited)
    assert attempts(koku) == ATTEMPTS
    assert cost(koku) == COST


def test_what_a_user_does_wrong_is_not_tried_again(servers: Servers, koku: Koku) -> None:
    assert servers.settings.trino_url is not None
    url = SecretStr(servers.settings.trino_url.get_secret_value().replace("/lake", "/elsewhere"))
    with opened(servers.settings.model_copy(update={"trino_url": url})) as wrong:
        assert "CATALOG_NOT_FOUND" in failed(wrong)
        (finding,) = [f for f in wrong.doctor() if f.where == "executor trino"]
    assert attempts(koku) == 1
    assert cost(koku) == COST
    assert "elsewhere" in finding.what
    assert "iceberg.jdbc-catalog.catalog-name=lake" in finding.do


def test_a_data_file_that_is_gone_fails_the_job_and_the_old_figures_stay(koku: Koku) -> None:
    from koku_core.lake.places import filesystem

    (source,) = koku.sources
    lake, day = koku.services.lake, date(2026, 11, 10)
    rows = lake.read("acme", LINE_ITEMS, source.uuid, day, day)
    lake.replace("acme", LINE_ITEMS, source.uuid, [day], rows)  # as a file that the server has not read yet
    (task,) = lake.catalog.load_table(("acme", LINE_ITEMS.name)).scan().plan_files()
    place, path = filesystem(task.file.file_path)
    place.move(path, f"{path}.away")
    assert "ICEBERG_CANNOT_OPEN_SPLIT" in failed(koku)
    assert cost(koku) == COST
    assert "files of line items are gone" in " ".join(f.what for f in koku.doctor())
    place.move(f"{path}.away", path)
    koku.recalculate("c", [MONTH])
    koku.work()
    assert koku.jobs.list(("waiting",)) == []
    assert cost(koku) == COST


def running(servers: Servers) -> int:
    """How many long statements the server works on."""
    assert servers.settings.trino_url is not None
    text = """SELECT count(*) FROM system.runtime.queries
              WHERE state = 'RUNNING' AND query LIKE '%sequence(1, 1000)%' AND query NOT LIKE '%runtime%'"""
    ((count,),) = Trino(TrinoUrl.of(servers.settings.trino_url)).rows(Rendered((text,), ()))
    return int(count)


def begin(koku: Koku, trino: Trino) -> tuple[threading.Thread, list[BaseException]]:
    """Have a runner work on a job that asks the server something long."""
    ended: list[BaseException] = []

    def work(services: object, tenant: object, job: RunningJob) -> None:
        try:
            trino.rows(LONG)
        except BaseException as error:
            ended.append(error)
            raise

    koku.recalculate("c", [MONTH])
    runner = Runner(koku.services, {"summarize": work})
    thread = threading.Thread(target=lambda: runner.step("acme"))
    thread.start()
    return thread, ended


def until(what: object, seconds: float = 30) -> None:
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_statement_over_its_time_limit_is_asked_again(servers: Servers, koku: Koku) -> None:
    with with_session(servers, query_max_run_time="1s") as limited:
        thread, ended = begin(limited, Trino(TrinoUrl.of(limited.services.settings.trino_url)))
        thread.join(30)
    assert [type(error) for error in ended] == [EngineUnavailable]
    job = koku.jobs.list()[0]
    assert job.state == "waiting"
    assert "EXCEEDED_TIME_LIMIT" in str(job.error)
    due(koku, job.id)
    koku.work()
    assert koku.jobs.list()[0].state == "done"
    assert cost(koku) == COST


def test_a_job_that_is_cancelled_cancels_its_statement(servers: Servers, koku: Koku) -> None:
    assert servers.settings.trino_url is not None
    thread, ended = begin(koku, Trino(TrinoUrl.of(servers.settings.trino_url)))
    until(lambda: running(servers) == 1)
    koku.jobs.cancel(koku.jobs.list()[0].id)
    thread.join(30)
    assert [type(error) for error in ended] == [Cancelled]
    assert koku.jobs.list()[0].state == "cancelled"
    until(lambda: running(servers) == 0)


def there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_servers_go_with_the_command_even_if_it_is_killed_and_jobs_wait_for_them(servers: Servers, koku: Koku) -> None:
    assert servers.settings.trino_url is not None
    pids = [servers.pid(name) for name in ("trino", "object-store")]
    thread, ended = begin(koku, Trino(TrinoUrl.of(servers.settings.trino_url)))
    until(lambda: running(servers) == 1)
    os.kill(pids[0], signal.SIGKILL)
    thread.join(30)
    assert [type(error) for error in ended] == [EngineUnavailable]
    job = koku.jobs.list()[0]
    assert job.state == "waiting"
    assert "does not answer" in str(job.error)
    assert "does not answer" in " ".join(f.what for f in koku.doctor())
    servers.command.kill()
    until(lambda: not any(map(there, pids)), 3 * GRACE_S)
    assert "lake" in failed(koku)
    assert cost(koku) == COST
