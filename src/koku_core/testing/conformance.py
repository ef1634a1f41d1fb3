"""What every template must do on every engine, and every engine with every template: two classes to inherit.

A provider's author:

```python
class TestAcmeOnEngines(EngineConformance):
    plugin = koku_acme
```

An engine's author, whose plugin registers the executor `mine`; its templates are those of every provider that is installed:

```python
class TestMine(ExecutorConformance):
    executor = "mine"
```

Both take line items that nobody would write by hand: days without rows, nulls, quotes and emoji in texts and labels, keys of 63 characters
and more, money up to 10^15 with 15 decimals, month ends, whatever labels are enabled and however cost groups overlap. What must come of
them is what PostgreSQL makes of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import ClassVar

import psycopg
import pytest

from koku_core.database.server import Connection
from koku_core.declare.summarize import Step, Summary
from koku_core.errors import KokuError
from koku_core.executors.postgres import PostgresExecutor
from koku_core.koku import Koku
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.settings import Settings
from koku_core.testing.agreement import CLOSE, Row, at_work, difference
from koku_core.testing.fixtures import database
from koku_core.testing.generated import Hints, Month, months, put

TENANT = "engines"
#: Templates, and why an engine does not run them right.
Gaps = Mapping[str, str]


class _Engines:
    """What both classes do.

    Attributes:
        seeds: what months of line items are made from, each of a source of its own. They lie in one lake, so that it is written once.
    """

    seeds: ClassVar[Sequence[int]] = range(8)

    @pytest.fixture
    def reference(self, server_dsn: str) -> Iterator[Connection]:
        """A PostgreSQL whose rows are right; override it to compare with another one."""
        with database(server_dsn) as dsn, psycopg.connect(dsn, autocommit=True) as conn:
            yield conn

    def _compare(
        self, settings: Settings, plugin: ProviderPlugin, made: Sequence[Month], reference: Connection, gaps: Gaps
    ) -> None:
        """Have both engines summarize months of line items, and compare.

        Args:
            settings: by which the engine works.
            plugin: whose templates are run.
            made: the line items.
            reference: where PostgreSQL runs them.
            gaps: templates that the engine is known not to run right, and why: one that it does is a failure.
        """
        summary = plugin.summary
        with _opened(settings) as (koku, conn):
            right, engine = PostgresExecutor(settings, koku.services.lake), koku.services.executor
            put(koku.services.lake, TENANT, summary, made)
            wrong = defaultdict[str, list[str]](list)
            for month in made:
                with at_work(reference, summary, month) as one, at_work(conn, summary, month) as other:
                    for step in summary.steps:
                        why = _difference(summary, step, one(right, step), partial(other, engine, step))
                        wrong[step.template] += [f"seed {month.seed}: {why}"] if why else []
        failed = {name: found for name, found in wrong.items() if found and name not in gaps}
        assert not failed, f"{plugin.name} on {settings.executor}: {failed}"
        closed = [name for name, why in gaps.items() if not wrong[name]]
        assert not closed, f"{plugin.name} on {settings.executor}: {closed} work now, so that they are gaps no more"


def _difference(summary: Summary, step: Step, expected: Sequence[Row], make: Callable[[], list[Row]]) -> str:
    """How the rows that an engine makes differ, or why it makes none."""
    try:
        found = make()
    except KokuError as error:
        return f"{type(error).__name__}: {error}"
    return difference(step.into or summary.fact, expected, found)


class EngineConformance(_Engines):
    """What a provider's templates must do on every engine that is here: PostgreSQL, and Trino where `koku-core[dev]` is installed.

    Attributes:
        plugin: the module with the hooks.
        hints: what the line items may hold.
        gaps: templates that Trino is known not to run right, each with the reason; one that it does run right fails the test.
        trino_seeds: as `seeds`, for Trino, which takes a second for a template.
        conserved: figures of the daily summary that are sums of a dataset's: `{"cost": "acme_line_items.cost"}`.
    """

    plugin: object
    hints: ClassVar[Hints] = Hints()
    gaps: ClassVar[Gaps] = {}
    trino_seeds: ClassVar[Sequence[int]] = range(2)
    conserved: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def provider(self) -> ProviderPlugin:
        """The plugin under test."""
        loaded: list[ProviderPlugin] = list(Plugins((), extra={"plugin": self.plugin}))
        return loaded[0]

    def test_the_order_of_line_items_is_of_no_account(
        self, settings: Settings, provider: ProviderPlugin, reference: Connection
    ) -> None:
        """Line items have none: an engine reads files as they come."""
        with _opened(settings) as (koku, _):
            lake, summary = koku.services.lake, provider.summary
            made = months(summary, TENANT, self.seeds, self.hints)
            turned = [_turned(month) for month in made]
            put(lake, TENANT, summary, made)
            put(lake, f"{TENANT}_turned", summary, turned)
            right = PostgresExecutor(settings, lake)
            for month, other in zip(made, turned, strict=True):
                found = []
                for each in (month, other):
                    with at_work(reference, summary, each) as rows_of:
                        found.append([rows_of(right, step) for step in summary.steps])
                for step, one, two in zip(summary.steps, *found, strict=True):
                    wrong = difference(step.into or summary.fact, one, two)
                    assert not wrong, f"{step.template}, seed {month.seed}: {wrong}"

    def test_what_adds_up_is_conserved(
        self, settings: Settings, provider: ProviderPlugin, reference: Connection
    ) -> None:
        """Nothing is lost, and nothing counts twice."""
        if not self.conserved:
            pytest.skip("the author names no figure that is conserved")
        with _opened(settings) as (koku, _):
            made = months(provider.summary, TENANT, self.seeds, self.hints)
            put(koku.services.lake, TENANT, provider.summary, made)
            for month in made:
                with at_work(reference, provider.summary, month) as rows_of:
                    right = PostgresExecutor(settings, koku.services.lake)
                    rows = [row for step in provider.summary.steps for row in rows_of(right, step)]
                for figure, of in self.conserved.items():
                    dataset, _, column = of.partition(".")
                    lines = month.tables[dataset][column].to_pylist()
                    sums = [
                        sum((v for v in values if v is not None), Decimal())
                        for values in ([r.get(figure) for r in rows], lines)
                    ]
                    assert abs(sums[0] - sums[1]) <= CLOSE, f"{figure}, seed {month.seed}"

    def test_trino_makes_the_same_rows(
        self, request: pytest.FixtureRequest, provider: ProviderPlugin, reference: Connection
    ) -> None:
        """Where a Trino can be started."""
        pytest.importorskip("trino", reason="needs koku-core[dev]")
        try:
            settings = request.getfixturevalue("trino_settings")
        except pytest.FixtureLookupError:
            pytest.skip("conftest.py does not import the fixtures of koku_core.testing.engines")
        made = months(provider.summary, TENANT, self.trino_seeds, self.hints)
        self._compare(settings, provider, made, reference, self.gaps)


class ExecutorConformance(_Engines):
    """What an executor must do with the templates of every provider.

    Attributes:
        executor: the name that its plugin registers it by.
        hints: by provider, what line items may hold.
        gaps: by provider, templates that the engine is known not to run right, as in `EngineConformance`.
    """

    executor: str
    hints: ClassVar[Mapping[str, Hints]] = {}
    gaps: ClassVar[Mapping[str, Gaps]] = {}

    @pytest.fixture
    def engine(self, settings: Settings) -> Settings:
        """Settings by which the engine works; override it if it takes more than its name."""
        return settings.model_copy(update={"executor": self.executor, "plugins": None})

    def test_it_makes_the_rows_that_postgresql_makes(self, engine: Settings, reference: Connection) -> None:
        """For every template of every provider that is installed."""
        for plugin in Plugins():
            made = months(plugin.summary, TENANT, self.seeds, self.hints.get(plugin.name, Hints()))
            self._compare(engine, plugin, made, reference, self.gaps.get(plugin.name, {}))


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Koku, Connection]]:
    """The library on the engine of some settings, and a connection of a tenant."""
    with Koku.open(settings=settings, tenant=TENANT) as koku, koku.handle.ensure().connection() as conn:
        yield koku, conn


def _turned(month: Month) -> Month:
    """The same line items from last to first."""
    tables = {name: table[::-1] for name, table in month.tables.items()}
    return replace(month, tables=tables, work=replace(month.work, tenant=f"{TENANT}_turned"))
