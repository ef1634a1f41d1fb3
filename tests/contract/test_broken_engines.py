"""The kit finds an engine that slips, and shrinks what it slips on to the rows and columns that it takes."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import hypothesis
import pytest

from koku_core import hookimpl
from koku_core.database.server import Connection
from koku_core.declare.summarize import Step, Summary
from koku_core.executors.base import Executor, Work
from koku_core.executors.postgres import PostgresExecutor
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.sql import Rendered, Table, templates
from koku_core.summarize.insert import insert_select
from koku_core.testing import ExecutorConformance
from koku_core.testing.generated import Month
from tests import macro_cases
from tests.contract.test_macros import HINTS

pytestmark = pytest.mark.slow


def misspelt(right: str, wrong: str) -> type[Executor]:
    """An engine whose macros say something else."""

    class Misspelt(PostgresExecutor):
        def summarize(self, conn: Connection, summary: Summary, step: Step, work: Work, into: Table) -> int:
            datasets = {d.name: self._stage(conn, d, work) for d in step.reads}
            datasets.update({c.value: self._context(conn, c, work) for c in step.contexts})
            values = {**work.values, "datasets": datasets}
            rendered = templates(summary.package, "postgres").render(step.template, values)
            texts = tuple(re.sub(right, wrong, text) for text in rendered.texts)
            assert texts != rendered.texts
            return insert_select(conn, into, Rendered(texts, rendered.values))

    return Misspelt


class WithoutLastDay(PostgresExecutor):
    """Takes a month to end a day early."""

    def summarize(self, conn: Connection, summary: Summary, step: Step, work: Work, into: Table) -> int:
        made = super().summarize(conn, summary, step, work, into)
        lost = conn.execute(f"DELETE FROM {into.__html__()} WHERE usage_start = '{work.values['month_end']}'".encode())
        return made - lost.rowcount


class Kit(ExecutorConformance):
    executor = "broken"
    hints: ClassVar = {"macro_cases": HINTS}
    generated = hypothesis.settings(ExecutorConformance.generated, max_examples=20)


def smallest(error: AssertionError) -> Month:
    """The month that the kit shows."""
    shown = re.search(r" of (Month\(.*\))$", str(error), re.MULTILINE)
    assert shown
    found: Month = eval(shown[1], {"Month": Month, "Decimal": Decimal, "datetime": datetime})  # noqa: S307 - of the kit
    return found


@pytest.mark.parametrize(("broken", "columns"), [
    (misspelt(r"\), 15\)", "), 9)"), set()),  # the template divides 2 by 3
    (WithoutLastDay, {"day"}),
], ids=("divides to 9 decimals", "ends the month early"))  # fmt: skip
def test_it_is_found_and_shrunk(broken: type[Executor], columns: set[str], settings: Settings, tmp_path: Path) -> None:
    engines = ModuleType("engines")
    engines.koku_executors = hookimpl(lambda: {"broken": broken}, specname="koku_executors")  # type: ignore[attr-defined]  # a module has what it is given
    plugins = Plugins((), extra={"cases": macro_cases, "engines": engines})
    with pytest.raises(AssertionError) as failed:
        Kit().test_it_makes_the_rows_that_postgresql_makes(
            settings.model_copy(update={"executor": "broken", "plugins": None}), settings, plugins, tmp_path
        )
    (row,) = smallest(failed.value).rows["macro_cases"]
    assert {name for name, value in row.items() if value} == columns
