"""The default engine: PostgreSQL itself. It stages the lake's partitions that a step reads and runs the template where the result lies."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from koku_core.clock import month_end
from koku_core.database.server import Connection
from koku_core.declare.datasets import Dataset
from koku_core.declare.summarize import Context, Step, Summary
from koku_core.executors.base import CONTEXT_COLUMNS, Executor, Work
from koku_core.executors.capabilities import Mark
from koku_core.sql import Table
from koku_core.summarize.insert import insert_select
from koku_core.summarize.staging import stage, stage_each


class PostgresExecutor(Executor):
    """Stages Arrow data by COPY, a few files at a time, into tables of the publishing transaction; the templates run there."""

    package, engine = "koku_core", "postgres"
    lacking: ClassVar = {"the value at the largest": Mark.CANNOT, "nulls last": Mark.CANNOT}

    def summarize(self, conn: Connection, summary: Summary, step: Step, work: Work, into: Table) -> int:
        """As in the base class; a dataset is staged once for all steps of the transaction."""
        datasets = {d.name: self._stage(conn, d, work) for d in step.reads}
        datasets.update({c.value: self._context(conn, c, work) for c in step.contexts})
        return insert_select(conn, into, self.render(summary, step, work, datasets))

    def _stage(self, conn: Connection, dataset: Dataset, work: Work) -> Table:
        if not _staged(conn, dataset.name):
            days = [work.month + timedelta(n) for n in range(month_end(work.month).day)]
            chunks = self.lake.scan(work.tenant, dataset, work.source_uuid, days)
            names = [c.name for c in dataset.all_columns]
            stage_each(conn, dataset.name, dataset.all_columns, (chunk.read(names) for chunk in chunks))
        return Table(dataset.name, "pg_temp")

    def _context(self, conn: Connection, context: Context, work: Work) -> Table:
        if not _staged(conn, context.value):
            stage(conn, context.value, CONTEXT_COLUMNS[context], work.contexts[context])
        return Table(context.value, "pg_temp")


def _staged(conn: Connection, name: str) -> bool:
    row = conn.execute("SELECT to_regclass('pg_temp.' || quote_ident(%s)) IS NOT NULL", (name,)).fetchone()
    return bool(row and row[0])
