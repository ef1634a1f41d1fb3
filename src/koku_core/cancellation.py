"""Work that somebody may cancel: whoever waits for long asks, now and then, whether it is still wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Check = Callable[[], None]

_check: ContextVar[Check | None] = ContextVar("koku_cancellation", default=None)


@contextlib.contextmanager
def cancellable(check: Check) -> Iterator[None]:
    """Let what runs in the block ask whether it is still wanted.

    Args:
        check: raises `Cancelled` if it is not; may be called from any thread.
    """
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def checker() -> Check | None:
    """What to call, now and then, while waiting for long; None: nobody can cancel what runs here."""
    return _check.get()
