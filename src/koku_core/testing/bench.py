"""Has an engine summarize and price months of line items, as publishing does, and gives the rows; nothing of them stays but the lake's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from koku_core.clock import month_end
from koku_core.costing.engine import run_costs
from koku_core.database.server import Connection
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Step
from koku_core.errors import KokuError
from koku_core.executors.base import Executor, Work
from koku_core.executors.postgres import PostgresExecutor
from koku_core.koku import Koku
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.settings import Settings
from koku_core.sql import Table
from koku_core.summarize.insert import name_of
from koku_core.summarize.publish import USAGE, make_tables, rows_of
from koku_core.summarize.staging import stage
from koku_core.summarize.tables import temporary
from koku_core.testing.case import begin
from koku_core.testing.generated import Month, datasets_of
from koku_core.testing.optional import everything

TENANT = "engines"
#: What the costs of a month are called among its templates.
PRICED = "costs"
COSTS = Table("costs", "pg_temp")
Rows = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a month.

    Attributes:
        rows: by template; those of `PRICED` are what all others cost, if no template failed.
        failed: templates that made none, and why.
    """

    rows: Mapping[str, Rows]
    failed: Mapping[str, KokuError]


@dataclass(frozen=True, slots=True)
class Bench:
    """A tenant with a source of one provider, where months are tried.

    Attributes:
        koku: on the engine.
        plugin: the provider's.
        conn: of the tenant.
        source_uuid: whose line items months are; all that can be priced has a price.
    """

    koku: Koku
    plugin: ProviderPlugin
    conn: Connection
    source_uuid: str

    def by_engine(self, month: Month) -> Made:
        """What the engine makes of a month that lies in the lake."""
        lake = self.koku.services.lake
        for dataset in datasets_of(self.plugin.summary):
            lake.replace(TENANT, dataset, self.source_uuid, month.days, month.table(dataset, self.source_uuid))
        with self._publishing():
            return self._made(self.koku.services.executor, month)

    def by_postgres(self, month: Month) -> Made:
        """What PostgreSQL makes of it, without a lake."""
        with self._publishing():
            for dataset in datasets_of(self.plugin.summary):
                stage(self.conn, dataset.name, dataset.all_columns, month.table(dataset, self.source_uuid))
            made = self._made(PostgresExecutor(self.koku.services.settings, self.koku.services.lake), month)
        for error in made.failed.values():
            raise error
        return made

    @contextmanager
    def _publishing(self) -> Iterator[None]:
        with self.conn.transaction(force_rollback=True):
            self.conn.execute("SET LOCAL jit = off")
            make_tables(self.conn, self.plugin.summary, self.source_uuid)
            temporary(self.conn, COSTS.name, self.plugin.summary.fact.all_columns)
            yield

    def _made(self, executor: Executor, month: Month) -> Made:
        work, rows, failed = self._work(month), dict[str, Rows](), dict[str, KokuError]()
        for step in self.plugin.summary.steps:
            try:
                rows[step.template] = self._step(executor, step, work)
            except KokuError as error:
                failed[step.template] = error
        if self.plugin.cost_model and not failed:
            run_costs(self.conn, self.plugin, self.source_uuid, month.first, USAGE, COSTS)
            rows[PRICED] = self._rows(self.plugin.summary.fact, COSTS)
        return Made(rows, failed)

    def _work(self, month: Month) -> Work:
        end = month_end(month.first)
        values = {
            "source_uuid": self.source_uuid, "source_name": 'it\'s "☕"', "source_key": "key-1", "month_start": month.first,
            "month_end": end, "days_in_month": end.day,
        }  # fmt: skip
        return Work(TENANT, self.source_uuid, month.first, values, month.contexts)

    def _step(self, executor: Executor, step: Step, work: Work) -> Rows:
        summary = self.plugin.summary
        fact = step.into or summary.fact
        into = rows_of(summary, fact)
        before = len(self._rows(fact, into))
        count = executor.summarize(self.conn, summary, step, work, into)
        rows = self._rows(fact, into)[before:]
        assert count == len(rows), f"{step.template}: it says that it made {count} rows, and made {len(rows)}"
        return rows

    def _rows(self, fact: Fact, table: Table) -> Rows:
        """The rows of a table that is only appended to, in the order that they came in."""
        names = [c.name for c in fact.all_columns]
        query = sql.SQL("SELECT {} FROM {} ORDER BY ctid").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), name_of(table)
        )
        return [dict(zip(names, row, strict=True)) for row in self.conn.execute(query)]


@contextmanager
def bench(settings: Settings, plugins: Plugins, plugin: ProviderPlugin, folder: Path) -> Iterator[Bench]:
    """A bench of the engine of some settings.

    Args:
        settings: by which the engine works.
        plugins: among them those of the provider and of the engine.
        plugin: the provider's.
        folder: where its sample may be written.
    """
    with (
        Koku.open(settings=settings, plugins=plugins, tenant=TENANT) as koku,
        koku.handle.ensure().connection() as conn,
    ):
        yield Bench(koku, plugin, conn, _priced_source(koku, plugin, folder))


def _priced_source(koku: Koku, plugin: ProviderPlugin, folder: Path) -> str:
    """A source like that of the provider's sample, with a price on all that can be priced; without a sample one that is not registered."""
    if not plugin.has("koku_sample"):
        return str(uuid.uuid4())
    folder.mkdir(parents=True)
    case = begin(koku, plugin, plugin.call("koku_sample", folder=folder, today=koku.services.clock.today()), folder)
    if plugin.cost_model:
        for old in list(koku.cost_models):
            koku.cost_models.remove(old["uuid"])
        koku.cost_models.create({**everything(case, plugin.cost_model), "source_uuids": [case.source.uuid]})
    return case.source.uuid
