"""The organization that accounts are in: their names and units, from a file that says what they are since when.

The file holds one state, or a list of them, each until the next one begins:

{"since": "2026-09-01", "accounts": {"123456789012": "production"},
 "root": {"id": "r-1", "name": "Root", "accounts": ["123456789012"], "children": [{"id": "ou-1", ...}]}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from koku_aws.datasets import ORGANIZATION
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
class Member:
    """An account with its name and the unit that it is in, or, without an account, a unit; `path` holds ids from the root down."""

    account: str
    alias: str
    unit: str = ""
    unit_name: str = ""
    path: str = ""

    @property
    def named(self) -> Member:
        """The account without its unit."""
        return Member(self.account, self.alias)


@dataclass(frozen=True, slots=True)
class State:
    """What an organization was like from a day on."""

    since: date
    members: tuple[Member, ...]


def states(file: Path) -> list[State]:
    """The states of an organization's file, oldest first.

    Raises:
        PayloadRefused: it is not such a file.
    """
    try:
        given = json.loads(file.read_bytes())
        found = [_Organization.model_validate(each) for each in (given if isinstance(given, list) else [given])]
    except (ValueError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise PayloadRefused(given_name(file), f"does not describe an organization ({why})") from error
    return sorted((State(each.since, _members(each)) for each in found), key=lambda s: s.since)


def _members(found: _Organization) -> tuple[Member, ...]:
    placed = list(_in_unit(found.root, "", found.accounts)) if found.root else []
    known = {m.account for m in placed}
    return (*placed, *(Member(number, name) for number, name in found.accounts.items() if number not in known))


def _in_unit(unit: _Unit, above: str, names: dict[str, str]) -> Iterator[Member]:
    """A unit, its accounts, and what is below it."""
    path = f"{above}&{unit.id}" if above else unit.id
    yield Member("", "", unit.id, unit.name or unit.id, path)
    for number in unit.accounts:
        yield Member(number, names.get(number, number), unit.id, unit.name or unit.id, path)
    for child in unit.children:
        yield from _in_unit(child, path, names)


def table(states: Sequence[State], days: Iterable[date]) -> pa.Table:
    """The rows of the dataset: what the organization was on each day; before the first state, accounts have their names alone."""
    import pyarrow as pa

    rows: list[tuple[Any, ...]] = []
    for day in sorted(days):
        state = max((s for s in states if s.since <= day), key=lambda s: s.since, default=None)
        members = state.members if state else [m.named for s in states[:1] for m in s.members if m.account]
        rows += ((day, m.account, m.alias, m.unit, m.unit_name, m.path) for m in members)
    schema = ORGANIZATION.normalized_schema
    return pa.table([pa.array([r[n] for r in rows], f.type) for n, f in enumerate(schema)], schema=schema)
