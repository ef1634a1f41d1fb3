"""How long the steps of a piece of work take: each is logged, and a job keeps the sums."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from koku_core.observability.logs import logger

log = logger("koku.timings")
_sums: ContextVar[dict[str, float] | None] = ContextVar("koku_timings", default=None)


@contextmanager
def collected() -> Iterator[dict[str, float]]:
    """Sum up the seconds of all steps within the block; gives the sums by step, which grow as it runs."""
    sums: dict[str, float] = {}
    token = _sums.set(sums)
    try:
        yield sums
    finally:
        _sums.reset(token)


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Time a step (`normalize`, `lake`, `summarize`, `price`, `rollups`, …), whether it ends well or not."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds = round(time.perf_counter() - began, 4)
        sums = _sums.get()
        if sums is not None:
            sums[step] = round(sums.get(step, 0) + seconds, 4)
        log.debug("%s took %.3f s", step, seconds, extra={"step": step, "seconds": seconds})
