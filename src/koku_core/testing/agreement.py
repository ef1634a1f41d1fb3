"""Whether two engines make the same rows of the same line items: template by template, row by row, figures to twelve decimals."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.declare.columns import Kind
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Step, Summary
from koku_core.executors.base import Executor
from koku_core.summarize.publish import make_tables, rows_of
from koku_core.testing.generated import Month

#: How far two figures may be apart.
CLOSE = Decimal("1e-12")
_NUMBERS = (Kind.MONEY, Kind.QUANTITY, Kind.INTEGER)
Row = Mapping[str, Any]


@contextmanager
def at_work(conn: Connection, summary: Summary, month: Month) -> Iterator[Callable[[Executor, Step], list[Row]]]:
    """Gives a function from an engine and a step to the rows that it makes of a month; nothing of them stays.

    Args:
        conn: where the engine puts its rows.
        summary: with the steps.
        month: line items that the engine's lake has.
    """
    with conn.transaction(force_rollback=True):
        conn.execute("SET LOCAL jit = off")
        make_tables(conn, summary, month.work.source_uuid)
        yield lambda executor, step: _made(executor, conn, summary, step, month)


def _made(executor: Executor, conn: Connection, summary: Summary, step: Step, month: Month) -> list[Row]:
    fact = step.into or summary.fact
    into = rows_of(summary, fact)
    count = executor.summarize(conn, summary, step, month.work, into)
    columns = sql.SQL(", ").join(sql.Identifier(c.name) for c in fact.all_columns)
    found = conn.execute(
        sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(into.schema, into.name))
    ).fetchall()
    conn.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(into.schema, into.name)))
    assert count == len(found), f"{step.template}: it says that it made {count} rows, and made {len(found)}"
    return [dict(zip((c.name for c in fact.all_columns), row, strict=True)) for row in found]


def difference(fact: Fact, expected: Sequence[Row], found: Sequence[Row]) -> str:
    """The first difference between two sets of rows; empty if there is none."""
    texts = [c.name for c in fact.all_columns if c.kind not in _NUMBERS]
    numbers = [c.name for c in fact.all_columns if c.kind in _NUMBERS]
    both = [_by_texts(rows, texts, numbers) for rows in (expected, found)]
    for key in sorted({*both[0], *both[1]}):
        one, other = (sorted(rows.get(key, []), key=_order) for rows in both)
        row = dict(zip(texts, key, strict=True))
        if len(one) != len(other):
            return f"{len(one)} rows are expected and {len(other)} found of {row}"
        for wanted, had in zip(one, other, strict=True):
            wrong = {n: (a, b) for n, a, b in zip(numbers, wanted, had, strict=True) if not _close(a, b)}
            if wrong:
                return f"expected and found are {wrong} in {row}"
    return ""


def _by_texts(
    rows: Sequence[Row], texts: Sequence[str], numbers: Sequence[str]
) -> dict[tuple[str, ...], list[tuple[Decimal | int | None, ...]]]:
    found = defaultdict(list)
    for row in rows:
        found[tuple(_text(row[n]) for n in texts)].append(tuple(row[n] for n in numbers))
    return found


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True) if isinstance(value, (dict, list)) else repr(value)


def _order(numbers: tuple[Decimal | int | None, ...]) -> tuple[tuple[bool, Decimal], ...]:
    """Rounded, so that what is close stands at the same place in both."""
    return tuple((n is None, round(Decimal(n or 0), 9)) for n in numbers)


def _close(one: Decimal | int | None, other: Decimal | int | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(Decimal(one) - other) <= CLOSE
