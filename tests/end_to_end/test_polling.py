"""Sources are asked by the clock: at once, then when it is time, less often while they fail; all of it by whichever worker comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from koku_core.errors import KokuError, Terminal
from koku_core.jobs import schedule
from koku_core.jobs.handlers import HANDLERS
from koku_core.jobs.runner import Runner
from koku_core.testing.case import Case
from tests.end_to_end.test_refresh import Shop, case, costs, line, shop

__all__ = ["case", "shop"]  # fixtures


class Closed(Terminal, KokuError):
    """The shop does not answer."""


@contextmanager
def workers(case: Case, count: int) -> Iterator[None]:
    """Runners in threads, as processes run them."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=Runner(case.koku.services, HANDLERS).run, args=(stop,), kwargs={"poll_s": 0.05})
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def due(case: Case) -> None:
    with case.koku.services.system.connection() as conn:
        conn.execute("UPDATE schedule SET due = clock_timestamp() WHERE what LIKE 'refresh%'")


def ended(case: Case) -> list[str]:
    return [j.state for j in reversed(case.koku.jobs.list(("done", "failed"))) if j.kind == "refresh"]


def test_a_source_is_asked_by_the_clock_and_once_by_many_workers(
    shop: Shop, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "LOOK_S", 0.05)
    shop.deliveries = [{"bill.csv": line(1, "web", "1")}]
    with workers(case, 3):
        until(lambda: ended(case) == ["done"], "it is asked as soon as it is there")
        assert costs(case) == {"web": "1"}
        assert case.koku.sources.get(case.source.uuid).last_polling
        shop.deliveries.append({"bill.csv": line(1, "web", "4")})
        time.sleep(0.5)
        assert len(shop.states) == 1  # not before it is time
        due(case)
        until(lambda: ended(case) == ["done", "done"], "it is asked again")
        assert costs(case) == {"web": "4"}
        shop.fails = Closed("the shop is closed")
        due(case)
        until(lambda: ended(case)[2:] == ["failed"], "it fails")
        (failed,) = case.koku.jobs.list(("failed",))
        assert failed.error == "the shop is closed"
        due(case)
        until(lambda: ended(case)[2:] == ["failed", "failed"], "it is asked all the same")
    with case.koku.services.system.connection() as conn:
        row = conn.execute(
            "SELECT failures, extract(epoch FROM due - now()) / 60 FROM schedule WHERE what LIKE 'refresh%'"
        ).fetchone()
    assert row
    assert (row[0], round(row[1])) == (1, 120)
    assert len(shop.states) == 4
