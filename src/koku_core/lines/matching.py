"""Which line items fulfil a question: its conditions are asked of those that differ as far as the conditions can tell.

Of some data files the columns that matter are read, and equal rows are counted as one. Those few go to PostgreSQL, are dressed as rows of
the fact, and the report's own conditions choose among them, those of access included.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.declare.columns import Column, Kind
from koku_core.declare.datasets import Dataset
from koku_core.declare.lines import Found, Joined, LineItems
from koku_core.declare.summarize import Context
from koku_core.executors.base import CONTEXT_COLUMNS
from koku_core.lake import Lake
from koku_core.lake.scan import Chunk
from koku_core.lines.question import Question
from koku_core.lines.telling import DAY, telling
from koku_core.plugins import ProviderPlugin
from koku_core.reports.conditions import raw
from koku_core.sources.model import Source
from koku_core.sql import Table, templates
from koku_core.summarize.contexts import contexts
from koku_core.summarize.insert import insert_select
from koku_core.summarize.mapping import mapped_keys, renamed
from koku_core.summarize.staging import copy, stage
from koku_core.summarize.tables import temporary

if TYPE_CHECKING:
    import pyarrow as pa

_LINE = Column("line", Kind.INTEGER)
_LINES, _JOINED = Table("line", "pg_temp"), Table("line_joined", "pg_temp")


@dataclass(frozen=True, slots=True)
class Scope:
    """What the line items of a question are chosen in.

    Attributes:
        conn: in a transaction, with the tenant's search path.
        plugin: the provider's.
        lake: where the line items are.
        tenant: whose.
        asked: the question.
    """

    conn: Connection
    plugin: ProviderPlugin
    lake: Lake
    tenant: str
    asked: Question


class Matching:
    """Chooses the line items of one dataset and source."""

    def __init__(self, scope: Scope, declared: LineItems, source: Source) -> None:
        """Prepare.

        Args:
            scope: the question, and where it is asked.
            declared: the dataset, and how the fact's columns are told of it.
            source: whose line items.
        """
        self._scope, self._declared, self._source = scope, declared, source
        self._conn, self._fact = scope.conn, scope.asked.plan.fact
        tags = {report.tags for report in scope.plugin.report_map.reports}
        self._telling = telling(declared, self._fact, scope.asked.columns, tags)
        self._where, values = scope.asked.conditions()
        self._values = {**values, **mapped_keys(self._conn, scope.plugin.provider.family), **self._enabled()}

    def _enabled(self) -> dict[str, list[str]]:
        family = self._scope.plugin.provider.family
        rows = self._conn.execute("SELECT key FROM tag_key WHERE family = %s AND enabled", (family,))
        return {"enabled": [key for (key,) in rows]}

    def chosen(self, chunk: Chunk) -> pa.Array:
        """For each row of a chunk whether it is one of the line items that are asked for."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = chunk.read([c.name for c in self._telling.columns])
        numbers, firsts = numbered(rows)
        some = rows.take(firsts).append_column(_LINE.name, pa.array(range(len(firsts)), pa.int64()))
        return pc.is_in(numbers, value_set=pa.array(self._matches(some), pa.int64()))

    def _matches(self, lines: pa.Table) -> list[int]:
        """The numbers of the lines that fulfil the question."""
        self._fill(_LINES, (_LINE, *self._telling.columns))
        copy(self._conn, _LINES.name, lines)
        days = lines[DAY].to_pylist()
        text = self._statement(min(days), max(days))
        return [
            line for (line,) in self._conn.execute(text, {**self._values, "source": self._source.uuid}, prepare=False)
        ]

    def _fill(self, table: Table, columns: tuple[Column, ...]) -> None:
        """Make a temporary table, or empty it."""
        self._conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_name(table)))
        temporary(self._conn, table.name, columns)

    def _statement(self, first: date, last: date) -> sql.Composed:
        """The lines, dressed as rows of the fact, that fulfil the conditions."""
        exprs = [sql.SQL("{} AS {}").format(of, sql.Identifier(name)) for name, of in self._telling.exprs.items()]
        columns = [sql.SQL("line, %(source)s::uuid AS source_uuid, usage_start"), *exprs]
        where = raw(self._declared.where.sql) if self._declared.where else sql.SQL("true")
        dressed: sql.Composed = sql.SQL("(SELECT {} FROM {} WHERE {}) AS line").format(
            sql.SQL(", ").join(columns), _name(_LINES), where
        )
        if self._declared.joined and self._telling.joined:
            self._join(self._declared.joined, first, last)
            dressed += sql.SQL(" JOIN (SELECT line, {} FROM {}) AS joined USING (line)").format(
                sql.SQL(", ").join(map(self._joined_column, self._telling.joined)), _name(_JOINED)
            )
        for number, found in enumerate(self._telling.found):
            dressed += self._look_up(number, found, first, last)
        return sql.SQL("SELECT DISTINCT line FROM (SELECT * FROM {}) AS fact WHERE {}").format(dressed, self._where)

    def _joined_column(self, name: str) -> sql.Composable:
        column = sql.Identifier(name)
        if self._fact.column(name).kind is not Kind.LABELS:
            return column
        return sql.SQL("{} AS {}").format(renamed(column), column)

    def _look_up(self, number: int, found: Found, first: date, last: date) -> sql.Composed:
        """Columns that what is published tells, beside those that they follow from."""
        names = [sql.Identifier(n) for n in (DAY, *found.by)]
        text = """ LEFT JOIN (
            SELECT DISTINCT {} FROM {} WHERE source_uuid = %(source)s AND usage_start BETWEEN {} AND {} AND {}
        ) AS {} USING ({})"""
        return sql.SQL(text).format(
            sql.SQL(", ").join([*names, *map(sql.Identifier, found.columns)]), sql.Identifier(self._fact.name),
            sql.Literal(first), sql.Literal(last), raw(f"({found.where})") if found.where else sql.SQL("true"),
            sql.Identifier(f"found{number}"), sql.SQL(", ").join(names),
        )  # fmt: skip

    def _join(self, joined: Joined, first: date, last: date) -> None:
        """Run the declaration's template for the lines at hand."""
        datasets = {d.name: self._stage(d, first, last) for d in joined.reads}
        datasets |= {c.value: self._context(c) for c in joined.contexts}
        values = {
            "source_uuid": self._source.uuid, "source_name": self._source.name, "source_key": self._source.key,
            "lines": _LINES, "datasets": datasets,
        }  # fmt: skip
        self._fill(_JOINED, (_LINE, *(self._fact.column(n) for n in joined.columns)))
        insert_select(
            self._conn,
            _JOINED,
            templates(self._scope.plugin.summary.package, "postgres").render(joined.template, values),
        )

    def _stage(self, dataset: Dataset, first: date, last: date) -> Table:
        rows = self._scope.lake.read(self._scope.tenant, dataset, self._source.uuid, first, last)
        return self._put(dataset.name, dataset.all_columns, rows)

    def _context(self, context: Context) -> Table:
        return self._put(context.value, CONTEXT_COLUMNS[context], contexts(self._conn, self._scope.plugin)[context])

    def _put(self, name: str, columns: tuple[Column, ...], rows: pa.Table) -> Table:
        """Rows as a temporary table, instead of what it held before."""
        table = Table(name, "pg_temp")
        self._conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_name(table)))
        stage(self._conn, name, columns, rows)
        return table


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def numbered(rows: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Number the different rows of a table.

    Returns:
        The number of each row, and for each number the place of the first row that has it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pa.repeat(pa.scalar(0, pa.int64()), rows.num_rows)
    for column in rows.columns:
        values = column.combine_chunks().dictionary_encode(null_encoding="encode")
        mixed = pc.add(pc.multiply(numbers, len(values.dictionary)), values.indices.cast(pa.int64()))
        numbers = mixed.dictionary_encode().indices.cast(pa.int64())
    places = pa.table({"number": numbers, "place": pa.array(range(rows.num_rows), pa.int64())})
    firsts = places.group_by("number").aggregate([("place", "min")]).sort_by("number")
    return numbers, firsts["place_min"].combine_chunks()
