"""The grammar of query strings: `name=value`, `name[key]=value`, nested brackets; a repeated name makes a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from koku_core.errors import InvalidInput

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_MOST_VALUES = 2000

Parsed = dict[str, Any]


def parse(query: str) -> Parsed:
    """Read a query string into nested maps; a value is a text, or a list of texts if its name is repeated.

    Raises:
        InvalidInput: its brackets are broken, or it holds too many values.
    """
    try:
        pairs = parse_qsl(query.lstrip("?"), keep_blank_values=True, max_num_fields=_MOST_VALUES)
    except ValueError as error:
        raise _malformed() from error
    parsed: Parsed = {}
    for name, value in pairs:
        if "\x00" in name + value:
            raise _malformed()
        _put(parsed, _path(name), value)
    return parsed


def _malformed() -> InvalidInput:
    return InvalidInput({"details": "Invalid query parameter format."})


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise _malformed()
    return [match[1], *_BRACKETS.findall(match[2])]


def _put(parsed: Parsed, path: list[str], value: str) -> None:
    """Add a value; where a text and a map meet under one name, the text wins, so that it is refused."""
    node = parsed
    for step in path[:-1]:
        below = node.setdefault(step, {})
        if not isinstance(below, dict):
            return
        node = below
    last = path[-1]
    there = node.get(last)
    if there is None or isinstance(there, dict):
        node[last] = value
    else:
        node[last] = [*values(there), value]


def values(value: str | list[str]) -> list[str]:
    """One value or several, as a list."""
    return value if isinstance(value, list) else [value]


def listed(value: str | list[str]) -> list[str]:
    """The values of a list parameter: repeated, or separated by commas."""
    return [part for text in values(value) for part in text.split(",")]


def build(parameters: Mapping[str, Any]) -> str:
    """Write nested maps as a query string; the opposite of `parse`."""
    return "&".join(f"{quote_plus(n, safe='[]:*')}={quote_plus(v, safe='*')}" for n, v in _flat(parameters))


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in parameters.items():
        full = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, Mapping):
            yield from _flat(value, full)
        else:
            yield from ((full, str(v)) for v in (value if isinstance(value, (list, tuple)) else [value]))
