"""Runs the statements of a plan and makes a table of their rows, at once or as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

from koku_core.database.server import Connection
from koku_core.errors import QueryTooLarge
from koku_core.reports import capacity, csv
from koku_core.reports.capacity import Capacities
from koku_core.reports.context import Context
from koku_core.reports.conversion import no_rate
from koku_core.reports.flat import Flat
from koku_core.reports.plan import Plan
from koku_core.reports.ranking import Ranking
from koku_core.reports.sql import Statement
from koku_core.reports.table import Row, Table

_FETCHED = 2000


def read(conn: Connection, plan: Plan, context: Context, *, newest_first: bool, most: int) -> Table:
    """All rows of a plan.

    Raises:
        QueryTooLarge: there are more than `most`.
        InvalidInput: money cannot be converted.
    """
    statement = Statement(plan, context)
    ranking = Ranking(statement, newest_first=newest_first, limit=most + 2)
    # never prepared: a plan for any values would not know which partitions they are in
    rows = conn.execute(ranking.text(), statement.values.all, prepare=False).fetchall()
    if len(rows) > most + 1:
        raise QueryTooLarge("it has too many rows", str(most))
    _check_rates(rows[0], ranking.columns(), plan, context)
    return Table(plan, ranking.columns(), rows[0], rows[1:], _capacities(conn, plan, context))


def _check_rates(total: Row, columns: list[str], plan: Plan, context: Context) -> None:
    missing = total[columns.index("missing_rates")]
    if missing:
        raise no_rate(missing, plan.parameters.currency, plan.parameters.period, context)


def _capacities(conn: Connection, plan: Plan, context: Context) -> Capacities | None:
    if plan.report.capacity is None:
        return None
    statement = Statement(plan, context)
    text = capacity.statement(statement, plan.report.capacity)
    return capacity.read(conn.execute(text, statement.values.all, prepare=False))


def streamed(conn: Connection, plan: Plan, context: Context, resources: ExitStack) -> Iterator[str]:
    """All rows of a plan as CSV, read from the database while it is written.

    Args:
        conn: in a transaction that stays open until the text ends.
        plan: the plan.
        context: the tenant's state.
        resources: what to let go of then.
    """
    pieces = _pieces(conn, plan, context, resources)
    return chain([next(pieces)], pieces)  # begun, so that errors come now and nothing stays open if nobody reads on


def _pieces(conn: Connection, plan: Plan, context: Context, resources: ExitStack) -> Iterator[str]:
    with resources:
        capacities = _capacities(conn, plan, context)
        statement = Statement(plan, context)
        ranking = Ranking(statement, newest_first=True, lengths=True)
        with conn.cursor(name="report") as cursor:
            cursor.itersize = _FETCHED
            cursor.execute(ranking.text(), statement.values.all)
            rows = iter(cursor)
            total = next(rows)
            _check_rates(total, ranking.columns(), plan, context)
            lengths = dict(zip(statement.lists, total[-len(statement.lists) :], strict=True))
            flat = Flat(Table(plan, ranking.columns(), total, rows, capacities), context.rates)
            yield from csv.write(flat.header(lengths), map(csv.flat, flat.rows()))
