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
from koku_core.devtools.object_store import ObjectStore, object_store
from koku_core.devtools.shared import Shared
from koku_core.devtools.trino_server import TrinoServer
from koku_core.errors import Cancelled, EngineUnavailable, Transient
from koku_core.executors.trino.client import Trino
from koku_core.executors.trino.url import TrinoUrl
from koku_core.jobs.runner import ATTEMPTS, BACK_OFF_S, Runner, RunningJob
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.sql import Rendered
from koku_core.testing.fixtures import database, settings_for
from tests.end_to_end.toys import BILL, COLUMNS, toy_with

MONTH, DAY = date(2026, 11, 1), date(2026, 11, 10)
#: What the bill says, and what the lake says when a test begins.
COST, NEW = Decimal("1.5"), Decimal("2.5")
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

    @property
    def url(self) -> str:
        """What `KOKU_TRINO_URL` is."""
        assert self.settings.trino_url is not None
        return self.settings.trino_url.get_secret_value()

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


def opened(settings: Settings, provider: object = koku_acme) -> Koku:
    """The library with the toy provider alone: its template is quick to plan."""
    return Koku.open(settings=settings, tenant="acme", plugins=Plugins((), extra={"acme": provider}))


@pytest.fixture
def koku(servers: Servers, tmp_path: Path) -> Iterator[Koku]:
    """The library with a bill of one line that is published, and with another cost of it that is in the lake alone."""
    with opened(servers.settings) as koku:
        if not list(koku.sources):  # tests share the servers, and the bill
            koku.sources.add("Acme", name="c", account="shop", data_source={"folder": str(tmp_path)})
            (tmp_path / "bill.csv").write_text(BILL)
            koku.ingest("c", tmp_path / "bill.csv")
        elif cost(koku) != COST:
            rewrite(koku, COST)
            koku.recalculate("c", [MONTH])
            koku.work()
        rewrite(koku, NEW)
        assert cost(koku) == COST
        yield koku


def with_session(servers: Servers, **properties: str) -> Koku:
    """The library with session properties of Trino."""
    asked = "&".join(f"session.{name}={value}" for name, value in properties.items())
    return opened(servers.settings.model_copy(update={"trino_url": SecretStr(f"{servers.url}?{asked}")}))


def rewrite(koku: Koku, amount: Decimal) -> None:
    """Give the bill's line another cost in the lake, in a file that the server has not read yet: it keeps small ones in memory."""
    import pyarrow as pa

    (source,) = koku.sources
    lake = koku.services.lake
    rows = lake.read("acme", LINE_ITEMS, source.uuid, DAY, DAY)
    place = rows.schema.get_field_index("cost")
    column = rows.schema.field(place)
    lake.replace(
        "acme", LINE_ITEMS, source.uuid, [DAY], rows.set_column(place, column, pa.array([amount], column.type))
    )


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


def waits_s(koku: Koku, number: int) -> float:
    """In how many seconds a job is tried again, from when it was begun."""
    with koku.services.system.connection() as conn:
        row = conn.execute(
            "SELECT extract(epoch FROM run_after - started) FROM job WHERE id = %s", (number,)
        ).fetchone()
    assert row is not None
    return float(row[0])


def attempts(koku: Koku) -> int:
    with koku.services.system.connection() as conn:
        row = conn.execute("SELECT attempts FROM job ORDER BY id DESC LIMIT 1").fetchone()
    assert row is not None
    return int(row[0])


def test_a_server_that_is_starting_is_one_to_ask_again(servers: Servers) -> None:
    assert isinstance(servers.early, EngineUnavailable)
    assert isinstance(servers.early, Transient)
    assert "SERVER_STARTING_UP" in servers.early.message


def test_what_is_ingested_is_published_and_the_doctor_finds_nothing_wrong_with_the_engine(koku: Koku) -> None:
    assert cost(koku) == COST
    assert [f for f in koku.doctor() if f.severity == "error"] == []


def test_one_with_too_little_memory_is_asked_again_and_then_the_job_fails_and_the_old_figures_stay(
    servers: Servers, koku: Koku
) -> None:
    with with_session(servers, query_max_memory_per_node="1B") as limited:
        why = failed(limited)
    assert "EXCEEDED_LOCAL_MEMORY_LIMIT" in why
    assert "raise its limits" in why
    assert attempts(koku) == ATTEMPTS
    assert cost(koku) == COST


def test_what_a_user_does_wrong_is_not_tried_again(servers: Servers, koku: Koku) -> None:
    url = SecretStr(servers.url.replace("/lake", "/elsewhere"))
    with opened(servers.settings.model_copy(update={"trino_url": url})) as wrong:
        assert "CATALOG_NOT_FOUND" in failed(wrong)
        (finding,) = [f for f in wrong.doctor() if f.where == "executor trino"]
    assert attempts(koku) == 1
    assert cost(koku) == COST
    assert "elsewhere" in finding.what
    assert "iceberg.jdbc-catalog.catalog-name=lake" in finding.do


def test_a_data_file_that_is_gone_fails_the_job_and_the_old_figures_stay(koku: Koku) -> None:
    from koku_core.lake.places import filesystem

    lake = koku.services.lake
    (task,) = lake.catalog.load_table(("acme", LINE_ITEMS.name)).scan().plan_files()
    place, path = filesystem(task.file.file_path)
    place.move(path, f"{path}.away")
    why = failed(koku)
    assert "ICEBERG_CANNOT_OPEN_SPLIT" in why
    assert task.file.file_path in why
    assert "`koku doctor` names files that are gone" in why
    assert attempts(koku) == ATTEMPTS
    assert cost(koku) == COST
    assert "files of line items are gone" in " ".join(f.what for f in koku.doctor())
    place.move(f"{path}.away", path)
    koku.recalculate("c", [MONTH])
    koku.work()
    assert koku.jobs.list(("waiting",)) == []
    assert cost(koku) == NEW


def running(servers: Servers, words: str = "sequence(1, 10000)) AS b") -> int:
    """How many statements with these words the server works on."""
    text = """SELECT count(*) FROM system.runtime.queries
              WHERE state = 'RUNNING' AND query NOT LIKE '%runtime%' AND strpos(query, """
    ((count,),) = Trino(TrinoUrl.of(servers.settings.trino_url)).rows(Rendered((text, ") > 0"), (words,)))
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
    assert (job.state, job.attempts) == ("waiting", 1)
    assert waits_s(koku, job.id) > BACK_OFF_S[0]
    assert "EXCEEDED_TIME_LIMIT" in str(job.error)
    assert "raise its limits" in str(job.error)
    assert cost(koku) == COST
    due(koku, job.id)
    koku.work()
    assert koku.jobs.get(job.id).state == "done"
    assert cost(koku) == NEW


def test_a_job_that_is_cancelled_cancels_its_statement(servers: Servers, koku: Koku) -> None:
    thread, ended = begin(koku, Trino(TrinoUrl.of(servers.settings.trino_url)))
    until(lambda: running(servers) == 1)
    koku.jobs.cancel(koku.jobs.list()[0].id)
    thread.join(30)
    assert [type(error) for error in ended] == [Cancelled]
    assert koku.jobs.list()[0].state == "cancelled"
    assert cost(koku) == COST
    until(lambda: running(servers) == 0)


#: It computes for a while before it reads the lake: what is on the right of a join comes first.
BUSY = {
    "daily.sql": f"""
        SELECT {COLUMNS}, i.cost FROM {{{{ datasets.acme_line_items }}}} AS i CROSS JOIN (
            SELECT count(*) AS n FROM unnest(sequence(1, 10000)) AS a(x), unnest(sequence(1, 1000)) AS b(x), unnest(sequence(1, 3)) AS c(x)
            WHERE a.x * b.x % 7 = c.x
        ) AS busy WHERE busy.n > 0"""
}


def hasty(servers: Servers, koku: Koku) -> Settings:
    """Settings by which Trino tries the object store for moments only, and not for some twenty seconds; and joins as it is told."""
    place = servers.settings.data_dir / "dev"
    url = servers.url.removesuffix("/lake")
    store = ObjectStore(os.environ["AWS_ENDPOINT_URL_S3"], os.environ, Shared(place / "object-store"))
    lake = koku.services.lake.url
    server = TrinoServer(url, Shared(place / "trino"))
    made = server.add_catalog("hasty", koku.services.system.server.dsn, lake, store, **{"s3.max-error-retries": "2"})
    return servers.settings.model_copy(update={"trino_url": SecretStr(f"{made}?session.join_reordering_strategy=NONE")})


def test_an_object_store_that_goes_while_a_statement_runs(servers: Servers, koku: Koku, tmp_path: Path) -> None:
    settings = hasty(servers, koku)
    with toy_with(tmp_path, BUSY) as busy, opened(settings, busy) as other:
        (number,) = other.recalculate("c", [MONTH])
        thread = threading.Thread(target=other.work)
        thread.start()
        until(lambda: running(servers, "sequence(1, 3)") == 1)
        os.kill(servers.pid("object-store"), signal.SIGKILL)
        thread.join(90)
        assert not thread.is_alive()
    job = koku.jobs.get(number)
    assert (job.state, job.attempts) == ("waiting", 1)
    assert waits_s(koku, number) > BACK_OFF_S[0]
    for words in (
        "ICEBERG_CANNOT_OPEN_SPLIT",
        "s3://",
        servers.url.removesuffix("/lake"),
        "See that the object store runs",
    ):
        assert words in str(job.error)
    assert cost(koku) == COST
    with object_store(servers.settings.data_dir / "dev" / "object-store"), opened(settings) as other:
        due(koku, number)
        other.work()
    assert (koku.jobs.get(number).state, koku.jobs.get(number).error) == ("done", None)
    assert cost(koku) == NEW


def there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_servers_go_with_the_command_even_if_it_is_killed_and_jobs_wait_for_them(servers: Servers, koku: Koku) -> None:
    pids = [servers.pid(name) for name in ("trino", "object-store")]
    thread, ended = begin(koku, Trino(TrinoUrl.of(servers.settings.trino_url)))
    until(lambda: running(servers) == 1)
    os.kill(pids[0], signal.SIGKILL)
    thread.join(30)
    assert [type(error) for error in ended] == [EngineUnavailable]
    job = koku.jobs.list()[0]
    assert (job.state, job.attempts) == ("waiting", 1)
    assert "does not answer" in str(job.error)
    assert "does not answer" in " ".join(f.what for f in koku.doctor())
    servers.command.kill()
    until(lambda: not any(map(there, pids)), 3 * GRACE_S)
    assert "lake" in failed(koku)
    assert attempts(koku) == ATTEMPTS
    assert cost(koku) == COST
