"""Work that may be interrupted: whoever waits for long says how to stop that, and is stopped as soon as nobody wants it any more."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from koku_core.errors import Cancelled, Interrupted

#: How often it is asked whether the work is still wanted.
WATCH_S = 0.5

Check = Callable[[], None]
Stop = Callable[[], object]


class _Watch:
    """Asks whether work is still wanted, from its first long wait on; if not, stops what it waits for."""

    def __init__(self, check: Check) -> None:
        self._check, self._stops, self._lock, self._over = check, list[Stop](), threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._look, name="koku watch", daemon=True)
        self.why: Cancelled | Interrupted | None = None

    @contextlib.contextmanager
    def waiting(self, stop: Stop) -> Iterator[None]:
        """Let `stop` be called while the block runs, and not a moment longer."""
        with self._lock:
            self._stops.append(stop)
            if self._thread.ident is None:
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)

    def end(self) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(WATCH_S):
            try:
                self._check()
            except (Cancelled, Interrupted) as error:
                self.why = error
            except Exception:  # noqa: BLE001, S112 - it is asked again
                continue
            if self.why:
                self._stop()

    def _stop(self) -> None:
        with self._lock:
            for stop in self._stops:
                with contextlib.suppress(Exception):  # what is waited for may have ended, or be gone
                    stop()


_watch: ContextVar[_Watch | None] = ContextVar("koku_watch", default=None)


@contextlib.contextmanager
def cancellable(check: Check) -> Iterator[None]:
    """Let what the block waits for be stopped.

    Args:
        check: raises `Cancelled` or `Interrupted` if the work is not wanted any more; called from another thread.
    """
    watch = _Watch(check)
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)
        watch.end()


@contextlib.contextmanager
def interruptible(stop: Stop) -> Iterator[None]:
    """Wait for long in the block.

    Args:
        stop: ends that early, from another thread; may be called more than once. What the block then raises does not matter.

    Raises:
        Cancelled: somebody cancelled the work.
        Interrupted: it is to be done later.
    """
    watch = _watch.get()
    if watch is None:  # nobody can
        yield
        return
    try:
        with watch.waiting(stop):
            yield
    except Exception as error:
        if watch.why:
            raise watch.why from error
        raise
    if watch.why:
        raise watch.why
