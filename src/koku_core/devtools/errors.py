"""What may go wrong with servers that developers and tests start."""

from __future__ import annotations

from koku_core.errors import KokuError, Terminal


class DevServerError(Terminal, KokuError):
    """A server for development cannot be installed or started."""

    def __init__(self, what: str, *, log: str = "", do: str = "") -> None:
        told = f"\n{log}" if log else ""
        super().__init__(f"{what}.{' ' + do if do else ''}{told}", log=log)
