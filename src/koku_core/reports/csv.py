"""CSV: flat rows with full decimals, the columns in alphabetical order, lists spread over numbered columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_CHUNK = 500


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested value as one level: `a.b`, `a.0`."""
    found: dict[str, Any] = {}
    for name, part in value.items():
        full = f"{prefix}{name}"
        if isinstance(part, Mapping):
            found |= flat(part, f"{full}.")
        elif isinstance(part, list):
            found |= flat({str(n): x for n, x in enumerate(part)}, f"{full}.")
        else:
            found[full] = part
    return found


def write(header: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The text of a table in pieces: a header, then a line for each row."""
    names = sorted(header)
    yield from _pieces(lambda w: w.writerow(names), ([row.get(n) for n in names] for row in rows))


def _pieces(start: Callable[[Any], object], rows: Iterable[list[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    start(writer)
    for number, row in enumerate(rows, 1):
        writer.writerow(["" if v is None else v for v in row])
        if number % _CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def write_all(rows: Iterable[Any]) -> Iterator[str]:
    """A list of nested values, or of texts under a nameless header, as CSV."""
    listed = [flat(r) if isinstance(r, Mapping) else {"": r} for r in rows]
    return write({name for row in listed for name in row}, listed)
