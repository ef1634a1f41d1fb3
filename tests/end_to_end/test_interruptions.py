"""A job that is cancelled, or whose worker must end, lets go of the statement that it waits for; what was published stays."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from koku_core import Koku
from koku_core.jobs.handlers import HANDLERS
from koku_core.jobs.runner import Runner
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from tests.end_to_end.toys import BILL, COLUMNS, toy_with

MONTH = date(2026, 11, 1)
#: The job is asked after every half a second; the rest is for a busy machine.
SOON_S = 5
#: How long its statements take stands in a table, and by what they multiply.
TEMPLATES = {
    "daily.sql": f"""
        SELECT {COLUMNS}, i.cost * p.factor AS cost
        FROM {{{{ datasets.acme_line_items }}}} AS i, public.pace AS p WHERE cast(pg_sleep(p.summarize) AS text) IS NOT NULL""",
    "markup.sql": """
        SELECT usage_start, account, currency, cost * {{ markup }} / 100 AS cost
        FROM {{ usage }}, public.pace AS p WHERE cast(pg_sleep(p.price) AS text) IS NOT NULL""",
}


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    """The library with a slow provider, and a bill of 1.5 with a markup of 10 percent."""
    with (
        toy_with(tmp_path, TEMPLATES) as slow,
        Koku.open(settings=settings, tenant="acme", plugins=Plugins((), extra={"acme": slow})) as koku,
    ):
        with koku.services.system.connection() as conn:
            conn.execute("CREATE TABLE public.pace AS SELECT 0 AS summarize, 0 AS price, 1 AS factor")
        koku.sources.add("Acme", name="shop", account="shop", data_source={"folder": str(tmp_path)})
        (tmp_path / "bill.csv").write_text(BILL)
        koku.ingest("shop", tmp_path / "bill.csv")
        koku.cost_models.add("markup", sources=["shop"], markup=10)
        koku.work()
        assert cost(koku) == Decimal("1.65")
        yield koku


def pace(koku: Koku, *, summarize: int = 0, price: int = 0) -> None:
    """How many seconds the statements take from now on; what they make is twice as much."""
    with koku.services.system.connection() as conn:
        conn.execute("UPDATE public.pace SET summarize = %s, price = %s, factor = 2", (summarize, price))


def cost(koku: Koku) -> Decimal:
    """What is published."""
    with koku.handle.connection() as conn:
        row = conn.execute("SELECT sum(cost) FROM acme_daily_summary").fetchone()
    assert row
    return Decimal(row[0])


def waits(koku: Koku) -> bool:
    """Whether some statement sleeps, or waits for a lock."""
    with koku.services.system.connection() as conn:
        row = conn.execute(
            """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event IN ('PgSleep', 'advisory')"""
        ).fetchone()
    return row != (0,)


@contextlib.contextmanager
def month_taken(koku: Koku) -> Iterator[None]:
    """Somebody else works on the month."""
    (source,) = koku.sources
    with koku.handle.lock("month", source.uuid, MONTH.isoformat()):
        yield


def slow_summary(koku: Koku) -> AbstractContextManager[None]:
    """The summarize template takes long."""
    pace(koku, summarize=600)
    return contextlib.nullcontext()


def slow_price(koku: Koku) -> AbstractContextManager[None]:
    """A pricing template does."""
    pace(koku, price=600)
    return contextlib.nullcontext()


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("wait", [slow_summary, slow_price, month_taken])
def test_a_job_that_is_cancelled_stops_at_once_whatever_it_waits_for(
    koku: Koku, wait: Callable[[Koku], AbstractContextManager[None]]
) -> None:
    with wait(koku):
        (job,) = koku.recalculate("shop", [MONTH])
        thread = threading.Thread(target=koku.work)
        thread.start()
        until(lambda: waits(koku))
        koku.jobs.cancel(job)
        thread.join(SOON_S)
        assert not thread.is_alive()
        assert koku.jobs.get(job).state == "cancelled"
        assert koku.jobs.get(job).error is None
    assert not waits(koku)
    assert cost(koku) == Decimal("1.65")
    pace(koku)
    koku.recalculate("shop", [MONTH])
    koku.work()
    assert cost(koku) == Decimal("3.3")


def test_a_worker_that_must_end_gives_its_job_back(koku: Koku) -> None:
    pace(koku, summarize=600)
    (job,) = koku.recalculate("shop", [MONTH])
    stop, runner = threading.Event(), Runner(koku.services, HANDLERS)
    thread = threading.Thread(target=lambda: runner.run(stop, grace_s=0.1))
    thread.start()
    until(lambda: waits(koku))
    stop.set()
    thread.join(SOON_S)
    assert not thread.is_alive()
    assert (koku.jobs.get(job).state, koku.jobs.get(job).attempts) == ("waiting", 0)
    assert cost(koku) == Decimal("1.65")
    pace(koku)
    koku.work()
    assert cost(koku) == Decimal("3.3")
