"""What can be wrong with a source, as errors that say what, where and what to do."""

from __future__ import annotations

from koku_core.errors import KokuError, Terminal, Transient


class SourceUnreadable(Terminal, KokuError):
    """A source cannot be read as it is set up; `place` is its bucket or folder."""

    def __init__(self, place: str, why: str, do: str) -> None:
        super().__init__(f"{place}: {why}. {do}", place=place, why=why)


class SourceBusy(Transient, KokuError):
    """A source cannot be read now, and may be later."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}. It is tried again by itself.", place=place, why=why)
