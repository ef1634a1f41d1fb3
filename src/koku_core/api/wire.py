"""What goes over the wire: JSON with exact timestamps, and flat CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson


def dumps(body: Any) -> bytes:
    """JSON; decimals become numbers, times end in `Z`."""
    return orjson.dumps(body, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


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
    """Rows as CSV: nested values flattened with dots, columns in alphabetical order, CRLF."""
    flat = [_flat(row if isinstance(row, Mapping) else {"": row}) for row in rows]
    columns = sorted({name for row in flat for name in row})
    if not columns:
        return ""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(node: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(node, (Mapping, list, tuple)):
        return {path: _cell(node)}
    items = node.items() if isinstance(node, Mapping) else enumerate(node)
    made: dict[str, Any] = {}
    for key, below in items:
        made |= _flat(below, f"{path}.{key}" if path else str(key))
    return made


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, (date, UUID)):
        return str(value)
    if isinstance(value, str) and value[:1] in ("=", "@", "\t", "\r"):
        return "'" + value  # a spreadsheet would run it
    return value
