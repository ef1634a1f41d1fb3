"""How the columns of the fact that a question looks at are told of line items: as their declaration says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from koku_core.declare.columns import Column, Kind
from koku_core.declare.facts import Fact
from koku_core.declare.lines import Found, LineItems
from koku_core.reports.conditions import raw
from koku_core.summarize.mapping import published

DAY = "usage_start"
#: Told of every line item as they are.
GIVEN = ("source_uuid", DAY)


@dataclass(frozen=True, slots=True)
class Telling:
    """Where each column of the fact comes from.

    Attributes:
        columns: of the dataset, that have to be looked at; the day is always one.
        exprs: columns of the fact, and the SQL over `columns` that tells them.
        joined: columns of the fact that the declaration's template tells.
        found: columns of the fact that are looked up, in the order in which that is done; those that are not needed are left out.
    """

    columns: tuple[Column, ...]
    exprs: Mapping[str, sql.Composable]
    joined: tuple[str, ...]
    found: tuple[Found, ...]


def telling(declared: LineItems, fact: Fact, wanted: Collection[str], tags: Collection[str]) -> Telling:
    """Choose, for the columns of the fact that are wanted; nothing tells some of them: they are null.

    Args:
        declared: what the dataset's declaration says.
        fact: whose columns they are.
        wanted: their names.
        tags: the columns of labels of which a summary has those of enabled keys alone.
    """
    found = tuple(_found(declared.found, wanted))
    needed = set(wanted).union(*(f.by for f in found)) - set(GIVEN)
    of_joined = declared.joined.columns if declared.joined else ()
    joined = tuple(sorted(needed & set(of_joined)))
    looked_up = {name for f in found for name in f.columns}
    own = {c.name: c for c in declared.dataset.columns}
    used = {DAY, *(declared.where.columns if declared.where else ())}
    used |= set(declared.joined.of) if declared.joined and joined else set()
    exprs: dict[str, sql.Composable] = {}
    for name in sorted(needed - set(joined) - looked_up):
        if name in declared.columns:
            exprs[name] = raw(declared.columns[name].sql)
            used |= set(declared.columns[name].columns)
        elif name in own:
            exprs[name] = _as_published(own[name], enabled_alone=name in tags)
            used.add(name)
        else:
            exprs[name] = sql.SQL("NULL::{}").format(sql.SQL(fact.column(name).kind.value))
    return Telling(tuple(c for c in declared.dataset.all_columns if c.name in used), exprs, joined, found)


def _found(declared: Iterable[Found], wanted: Collection[str]) -> Iterator[Found]:
    for one in declared:
        columns = tuple(c for c in one.columns if c in wanted)
        if columns:
            yield Found(columns, one.by, one.where)


def _as_published(column: Column, *, enabled_alone: bool) -> sql.Composable:
    """A column of a dataset as summaries have it."""
    name = sql.Identifier(column.name)
    if column.kind is Kind.LABELS and enabled_alone:
        return published(name)
    return sql.SQL("nullif({}, '')").format(name) if column.kind is Kind.TEXT else name
