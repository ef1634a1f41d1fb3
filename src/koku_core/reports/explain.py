"""Says in plain words what is wrong with a question of the library, and what could be asked instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from koku_core.declare.reports import Report
from koku_core.errors import InvalidInput

_UNKNOWN = "Unsupported parameter or invalid value"


def explained(report: Report, path: str, error: InvalidInput) -> InvalidInput:
    """The same error with a message for people: what, where, and the names that the report knows."""
    said = [f"{where}: {'is not known to this report, or has a wrong value' if what == _UNKNOWN else what}"
            for where, what in _flat(error.errors)]  # fmt: skip
    known = {
        "group_by": [k.name for k in report.keys if k.value], "filter": [k.name for k in report.keys if k.filter],
        "order_by": sorted({k.order for k in report.keys if k.order} | set(report.orders)), "delta": list(report.deltas),
    }  # fmt: skip
    lists = [f"{name}: {', '.join(names)}" for name, names in known.items() if names]
    tags = " Label keys are written tag:KEY, once they are enabled." if report.tags else ""
    return InvalidInput(error.errors, message=f"{path}: {'; '.join(said)}. It knows {'; '.join(lists)}.{tags}")


def _flat(errors: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a tree of messages, each with its place (`group_by[x]`)."""
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            yield from _flat(below, f"{where}[{name}]" if where else str(name))
    elif isinstance(errors, (list, tuple)):
        yield where, "".join(map(str, errors))
    else:
        yield where, str(errors)
