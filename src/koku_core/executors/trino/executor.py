"""Runs the summarize templates on Trino."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from koku_core.clock import month_end
from koku_core.database.server import Connection
from koku_core.declare.datasets import Dataset
from koku_core.declare.summarize import Context, Step, Summary
from koku_core.executors.base import CONTEXT_COLUMNS, Executor, Work
from koku_core.executors.capabilities import Mark
from koku_core.executors.trino import checks, relations
from koku_core.executors.trino.client import Trino
from koku_core.executors.trino.url import TrinoUrl
from koku_core.sql import Rendered, Table
from koku_core.summarize.staging import copy_rows

if TYPE_CHECKING:
    from koku_core.lake import Lake
    from koku_core.settings import Settings

#: Contexts with more characters reach the server by the lake: a statement has room for 1,000,000.
LONGEST_CONTEXT = 100_000


class TrinoExecutor(Executor):
    """Runs the templates on Trino, over the tables of the lake, and copies their rows into the publishing transaction."""

    package, engine = "koku_core", "trino"
    lacking: ClassVar = dict.fromkeys(
        (
            "wide products", "large sums", "exact quotients", "casts by colons", "distinct on", "groups by alias",
            "greatest without nulls", "dates by number", "escaped patterns",
        ),
        Mark.CANNOT,
    )  # fmt: skip

    def __init__(self, settings: Settings, lake: Lake) -> None:
        """Look at `KOKU_TRINO_URL`; the server is not asked anything yet.

        Raises:
            SettingError: it cannot be a Trino's.
        """
        super().__init__(settings, lake)
        self.trino = Trino(TrinoUrl.of(settings.trino_url))

    def summarize(self, conn: Connection, summary: Summary, step: Step, work: Work, into: Table) -> int:
        """As in the base class.

        Raises:
            EngineUnavailable: the server, or its way to the lake, is gone, too busy or too small; later it may be back.
            EngineRefused: the server does not take the statement, whenever it is asked.
            Cancelled, Interrupted: the job is not wanted any more, or not now; the server works on it no more.
        """
        datasets = {d.name: self._partitions(d, work) for d in step.reads}
        datasets.update({c.value: self._context(c, work) for c in step.contexts})
        with self.trino.query(self.render(summary, step, work, datasets)) as (names, blocks):
            return copy_rows(conn, into, names, blocks)

    def troubles(self, tenant: str) -> Iterator[tuple[str, str]]:
        """As in the base class: whether the server is there, new enough, and sees the lake as we do."""
        return checks.troubles(self.trino, self.lake, tenant)

    def _partitions(self, dataset: Dataset, work: Work) -> Rendered:
        """The rows that the lake has of a dataset for this source and month."""
        there = self.lake.columns(work.tenant, dataset)
        if not there:
            return relations.empty(dataset.all_columns)
        table = self.trino.url.table(work.tenant, dataset.name)
        return relations.partitions(
            table, dataset.all_columns, there, work.source_uuid, work.month, month_end(work.month)
        )

    def _context(self, context: Context, work: Work) -> Rendered:
        """What the core supplies: in the statement, or, if it is long, as a dataset that the statement reads."""
        rows, columns = work.contexts[context], CONTEXT_COLUMNS[context]
        if relations.length(rows) <= LONGEST_CONTEXT:
            return relations.values(columns, rows)
        dataset = Dataset(f"koku_{context.value}", columns)
        # the month's lock is held, so nobody else writes this partition
        self.lake.replace(work.tenant, dataset, work.source_uuid, [work.month], relations.stamped(dataset, rows, work))
        return self._partitions(dataset, work)
