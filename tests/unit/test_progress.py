"""Bars: late, only where somebody looks, and gone at the end."""

from __future__ import annotations

import io
import sys
import time
from types import ModuleType

import pytest

from koku_core import progress
from koku_core.progress import shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """In the test itself, since pytest changes standard error between its phases."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    return made


def test_what_is_over_soon_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    written = terminal(monkeypatch)
    with shown("payload") as step:
        step(1, 4, "reading")
    assert written.getvalue() == ""


def test_what_takes_longer_shows_what_was_told_last(monkeypatch: pytest.MonkeyPatch) -> None:
    written = terminal(monkeypatch)
    with shown("payload", delay_s=0.05) as step:
        step(1, 4, "reading")
        time.sleep(0.4)
    assert "payload: reading" in written.getvalue()


def test_without_rich_there_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written = terminal(monkeypatch)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with shown("payload", delay_s=0) as step:
        step(1, 4, "reading")
    assert "payload: reading" in written.getvalue()
    assert written.getvalue().endswith("\r\033[K")


def test_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with shown("payload", delay_s=0) as step:
        assert step is progress.silent


def test_an_error_takes_the_bar_away(monkeypatch: pytest.MonkeyPatch) -> None:
    written = terminal(monkeypatch)
    with pytest.raises(ZeroDivisionError), shown("payload", delay_s=0) as step:
        step(1, 4 / 0, "reading")
    assert "payload" in written.getvalue()
    assert written.getvalue().endswith("\x1b[2K")


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = ModuleType("IPython")
    shell.get_ipython = lambda: None  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert not progress._notebook()
