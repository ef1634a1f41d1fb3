"""Progress of a long call for whoever watches: a bar in a notebook or on a terminal, once it has taken two seconds; else nothing."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from html import escape
from importlib import import_module
from typing import Any

#: Told how far the work is: done, total, what.
Progress = Callable[[float, float, str], None]

_DELAY_S = 2.0


@contextlib.contextmanager
def shown(title: str, *, delay_s: float = _DELAY_S) -> Iterator[Progress]:
    """Show progress while the block runs.

    Args:
        title: what is done.
        delay_s: what is over before that is not worth a bar.
    """
    bar = _in_notebook(title) if _notebook() else _on_terminal(title) if sys.stderr.isatty() else None
    if bar is None:
        yield silent
        return
    with _Late(bar, delay_s) as step:
        yield step


def silent(done: float, total: float, what: str) -> None:
    """Progress for nobody."""


class _Late:
    """A bar that opens after a while, with what was told last."""

    def __init__(self, bar: contextlib.AbstractContextManager[Progress], delay_s: float) -> None:
        self._bar = bar
        self._step: Progress = silent
        self._told: tuple[float, float, str] = (0, 0, "")
        self._stack, self._lock = contextlib.ExitStack(), threading.Lock()
        self._timer = threading.Timer(delay_s, self._open)
        self._timer.daemon = True

    def __enter__(self) -> Progress:
        if self._timer.interval:
            self._timer.start()
        else:
            self._open()
        return self._tell

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._stack.close()
            self._bar = contextlib.nullcontext(silent)  # for a timer that is just about to open it

    def _open(self) -> None:
        with self._lock:
            self._step = self._stack.enter_context(self._bar)
            self._step(*self._told)

    def _tell(self, done: float, total: float, what: str) -> None:
        with self._lock:
            self._told = done, total, what
            self._step(done, total, what)


def _notebook() -> bool:
    """Whether a notebook's kernel runs us."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextlib.contextmanager
def _in_notebook(title: str) -> Iterator[Progress]:
    """A bar of HTML, gone when all is done; needs no widgets."""
    ipython: Any = import_module("IPython.display")
    html = ipython.HTML
    place = ipython.display(html(""), display_id=True)

    def step(done: float, total: float, what: str) -> None:
        bar = f'<progress value="{done:g}" max="{total or 1:g}"></progress>'
        place.update(html(f"{escape(title)} {bar} {escape(what)}"))

    yield step
    place.update(html(""))


@contextlib.contextmanager
def _on_terminal(title: str) -> Iterator[Progress]:
    """A bar on the terminal's last line, gone when all is done; without rich a line of text."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
    except ModuleNotFoundError:
        yield lambda done, total, what: print(f"\r{title}: {what}\033[K", end="", file=sys.stderr)
        print("\r\033[K", end="", file=sys.stderr)
        return
    layout = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Bar(*layout, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def step(done: float, total: float, what: str) -> None:
            bar.update(task, completed=done, total=total or None, description=f"{title}: {what}" if what else title)

        yield step
