"""The organization that accounts are in: their names and units, from a file that says what they are since when.

{"since": "2026-09-01", "accounts": {"123456789012": "production"},
 "root": {"id": "r-1", "name": "Root", "accounts": ["123456789012"], "children": [{"id": "ou-1", ...}]}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from koku_aws.datasets import ACCOUNTS
from koku_core.errors import PayloadRefused
from koku_core.intake.kept import given_name

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "organizations.json"


class _Unit(BaseModel):
    id: str = Field(min_length=1)
    name: str = ""
    accounts: tuple[str, ...] = ()
    children: tuple[_Unit, ...] = ()


class _Organization(BaseModel):
    since: date = date.min
    accounts: dict[str, str] = Field(default_factory=dict)
    root: _Unit | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its name, and the unit that it is in; `path` holds ids from the root down."""

    id: str
    alias: str
    unit: str = ""
    unit_name: str = ""
    path: str = ""


def accounts(file: Path) -> tuple[date, list[Account]]:
    """The accounts of an organization's file, and the day since which they are so.

    Raises:
        PayloadRefused: it is not such a file.
    """
    try:
        found = _Organization.model_validate(json.loads(file.read_bytes()))
    except (ValueError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise PayloadRefused(given_name(file), f"does not describe an organization ({why})") from error
    placed = {a.id: a for a in _in_unit(found.root, "", found.accounts)} if found.root else {}
    others = [Account(number, name) for number, name in found.accounts.items() if number not in placed]
    return found.since, [*placed.values(), *others]


def _in_unit(unit: _Unit, above: str, names: dict[str, str]) -> Iterator[Account]:
    path = f"{above}&{unit.id}" if above else unit.id
    for number in unit.accounts:
        yield Account(number, names.get(number, number), unit.id, unit.name or unit.id, path)
    for child in unit.children:
        yield from _in_unit(child, path, names)


def table(since: date, found: Iterable[Account], days: Iterable[date]) -> pa.Table:
    """The rows of the dataset: each account on each day, its unit from `since` on."""
    import pyarrow as pa

    rows: list[tuple[Any, ...]] = [
        (day, a.id, a.alias, *((a.unit, a.unit_name, a.path) if day >= since else ("", "", "")))
        for day in sorted(days)
        for a in found
    ]
    schema = ACCOUNTS.normalized_schema
    return pa.table([pa.array([r[n] for r in rows], f.type) for n, f in enumerate(schema)], schema=schema)
