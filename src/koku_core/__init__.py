"""Cost management as a library: cloud bills and OpenShift usage become trusted answers about cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from koku_core.errors import KokuError

if TYPE_CHECKING:
    from koku_core.costing.rates import Rate
    from koku_core.hookspecs import hookimpl
    from koku_core.koku import Koku

__version__ = "0.1.0"
__all__ = ["Koku", "KokuError", "Rate", "hookimpl"]

_WHERE = {"Koku": "koku_core.koku", "Rate": "koku_core.costing.rates", "hookimpl": "koku_core.hookspecs"}


def __getattr__(name: str) -> Any:
    """Import the heavy names when they are first asked for."""
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
