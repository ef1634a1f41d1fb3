"""What goes over the wire: JSON with exact timestamps, and flat CSV."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from koku_core.jsonable import plain
from koku_core.reports.csv import write_all


def dumps(body: Any) -> bytes:
    """JSON; decimals become numbers, times end in `Z`."""
    return orjson.dumps(body, default=plain, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def loads(raw: bytes) -> Any:
    """JSON whose numbers stay exact.

    Raises:
        ValueError: it is no JSON, or holds what cannot be stored.
    """
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse_constant)
        _check_texts(value)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("null characters are not allowed")
        value.encode()
    elif isinstance(value, dict):
        for key, below in value.items():
            _check_texts(key)
            _check_texts(below)
    elif isinstance(value, list):
        for below in value:
            _check_texts(below)


def stamp(moment: datetime | None) -> str | None:
    """A time in UTC to the microsecond, ending in `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def etag_of(raw: bytes) -> str:
    """A tag that is the same for the same bytes alone."""
    return f'"{hashlib.sha256(raw).hexdigest()[:32]}"'


def table(rows: Iterable[Any]) -> str:
    """Rows as CSV: nested values flattened with dots, columns in alphabetical order, CRLF; nothing if there are none."""
    listed = [_times_as_text(row) for row in rows]
    return "".join(write_all(listed)) if listed else ""


def _times_as_text(row: Any) -> Any:
    return {k: stamp(v) if isinstance(v, datetime) else v for k, v in row.items()} if isinstance(row, Mapping) else row
