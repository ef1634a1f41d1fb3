"""The lists below `resource-types/`: what there is that reports can be asked about, as far as the asker may see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from psycopg import sql

from koku_core.access import Access
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant
from koku_core.declare.facts import Fact
from koku_core.declare.reports import Expression, Key, ResourceType
from koku_core.errors import AccessDenied
from koku_core.reports.access import Restrictions
from koku_core.reports.conditions import Conditions, Values, all_of, any_of, pattern, raw

DEFAULT_LIMIT, MAX_LIMIT = 10, 20000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a list is wanted.

    Attributes:
        search: a part of a row's value or other name.
        switches: which of the type's switches are on.
        narrowing: by the name of a key, the part that its value must hold.
        limit: how many rows.
    """

    search: str = ""
    switches: Collection[str] = ()
    narrowing: Mapping[str, str] = field(default_factory=dict)
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows (value, other name or None), and how many there are in all."""

    rows: tuple[tuple[str, str | None], ...] = ()
    count: int = 0


def opened(access: Access, kind: ResourceType) -> bool:
    """Whether somebody may see the list at all: an admin, or by a list of its own resource, or of one that it lies within."""
    return access.admin or any(access.values(key.access) for key in (kind.key, *kind.within) if key.access)


def restrictions(access: Access, kind: ResourceType) -> Restrictions:
    """What rows must be; a resource without any list restricts nothing, since another one has opened the list.

    Raises:
        AccessDenied: the asker may not see the list.
    """
    if not opened(access, kind):
        raise AccessDenied(kind.key.access)
    limits = {key: access.restriction(key.access) for key in (kind.key, *kind.within) if key.access}
    return {key: values for key, values in limits.items() if values}


def listing(tenant: Tenant, fact: Fact, kind: ResourceType, access: Access, wanted: Wanted) -> Listing:
    """The rows of a list, by their value.

    Raises:
        AccessDenied: the asker may not see the list.
    """
    limits, fact = restrictions(access, kind), kind.fact or fact
    if not tenant.exists():
        return Listing()
    with tenant.connection() as conn:
        return _read(conn, fact, kind, limits, wanted)


def _read(conn: Connection, fact: Fact, kind: ResourceType, limits: Restrictions, wanted: Wanted) -> Listing:
    table = table_of(fact, _columns(kind, wanted), kind.where)
    if conn.execute("SELECT to_regclass(quote_ident(%s))", (table,)).fetchone() == (None,):
        return Listing()
    values = Values()
    assert kind.key.value is not None  # noqa: S101 - a list is of values
    text = sql.SQL(
        """SELECT value, alias, count(*) OVER () FROM (
             SELECT {value} AS value, max({alias}) AS alias FROM {table} WHERE {where} GROUP BY 1) AS found
           WHERE value <> '' ORDER BY lower(value) COLLATE "C", value COLLATE "C" DESC LIMIT {limit}"""
    ).format(
        value=raw(kind.key.value.sql), alias=raw(kind.alias[1].sql if kind.alias else "NULL::text"),
        table=sql.Identifier(table), where=_where(kind, limits, wanted, values), limit=values.bind(wanted.limit, "int"),
    )  # fmt: skip
    found = conn.execute(text, values.all).fetchall()
    return Listing(tuple((value, alias) for value, alias, _ in found), found[0][2] if found else 0)


def _where(kind: ResourceType, limits: Restrictions, wanted: Wanted, values: Values) -> sql.Composable:
    found = Conditions(values).access(limits)
    found += [raw(kind.where.sql)] if kind.where else []
    found += [raw(kind.switches[name].sql) for name in wanted.switches]
    if wanted.search:
        found.append(_like(kind.key, wanted.search, values))
    found += [_like(key, wanted.narrowing[key.name], values) for key in kind.narrowing if key.name in wanted.narrowing]
    return all_of(found)


def _like(key: Key, part: str, values: Values) -> sql.Composable:
    """Whether one of the columns that a key's filters look at holds a text, in any case."""
    return any_of(sql.SQL("{} ILIKE {}").format(raw(e.sql), values.bind(pattern(part))) for e in key.searched)


def _columns(kind: ResourceType, wanted: Wanted) -> set[str]:
    looked_at: list[Expression] = [*([kind.key.value] if kind.key.value else []), *kind.key.searched]
    looked_at += [e for key in kind.within for e in key.searched]
    looked_at += [e for key in kind.narrowing if key.name in wanted.narrowing for e in key.searched]
    looked_at += [kind.switches[name] for name in wanted.switches]
    looked_at += [kind.alias[1]] if kind.alias else []
    return {c for e in looked_at for c in e.columns}


def table_of(fact: Fact, columns: Collection[str], where: Expression | None = None) -> str:
    """The smallest table that has some columns: a rollup whose keys they are, and whose rows are those meant, else the fact."""
    condition = where.sql if where else ""
    needed = set(columns) | (set(where.columns) if where else set())
    fits = [r for r in fact.rollups if needed <= set(r.dims) and r.where in ("", condition)]
    return min(fits, key=lambda r: len(r.dims)).name if fits else fact.name
