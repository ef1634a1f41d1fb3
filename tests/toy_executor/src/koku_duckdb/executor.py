"""Runs the summarize templates on DuckDB, in the process, over what the lake has of a month."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from koku_core.cancellation import interruptible
from koku_core.clock import month_end
from koku_core.database.server import Connection
from koku_core.declare.summarize import Step, Summary
from koku_core.errors import EngineRefused
from koku_core.executors.base import Executor, Work
from koku_core.executors.capabilities import Mark
from koku_core.sql import Table
from koku_core.summarize.staging import copy
from koku_duckdb.arithmetic import exact_product, exact_quotient

if TYPE_CHECKING:
    import pyarrow as pa


class DuckDBExecutor(Executor):
    """Shows DuckDB the lake's rows as Arrow tables, and copies what it makes of them into the publishing transaction."""

    package, engine = "koku_duckdb", "duckdb"
    lacking: ClassVar = {"wide products": Mark.CANNOT, "escaped patterns": Mark.CANNOT}

    def summarize(self, conn: Connection, summary: Summary, step: Step, work: Work, into: Table) -> int:
        """As in the base class; raises EngineRefused if DuckDB does not take the statement."""
        import duckdb

        tables = self._tables(step, work)
        statement = self.render(summary, step, work, {name: Table(name) for name in tables})
        with duckdb.connect() as db, interruptible(db.interrupt):
            for name, rows in tables.items():
                db.register(name, rows)
            for function in (exact_product, exact_quotient):
                db.create_function(function.__name__, function, ["VARCHAR", "VARCHAR"], "DECIMAL(38, 15)")
            try:
                made = db.execute(*statement.qmark()).to_arrow_table()
            except duckdb.Error as error:
                raise EngineRefused("duckdb", str(error)) from error
        copy(conn, into.name, made)
        return len(made)

    def _tables(self, step: Step, work: Work) -> dict[str, pa.Table]:
        last = month_end(work.month)
        read = {d.name: self.lake.read(work.tenant, d, work.source_uuid, work.month, last) for d in step.reads}
        return read | {c.value: work.contexts[c] for c in step.contexts}
