"""What can go wrong with the embedded server."""

from __future__ import annotations

from typing import Any

from koku_core.errors import KokuError, Terminal


class EmbeddedServerError(Terminal, KokuError):
    """The embedded PostgreSQL cannot be found, made, started or reached."""

    def __init__(self, what: str, *, do: str = "", log: str = "", **facts: Any) -> None:
        said = f"\nIt said:\n{log}" if log else ""
        super().__init__(f"The embedded PostgreSQL {what}.{' ' + do if do else ''}{said}", what=what, log=log, **facts)
