"""The kit finds what is wrong with a plugin: each defect here is one that an author could make."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import koku_acme
from koku_acme.normalize import LINE_ITEMS
from koku_acme.report_map import ACCOUNT, COSTS, KEYS, REPORT_MAP
from koku_acme.summarize import DAILY_SUMMARY, SUMMARY
from koku_core import hookimpl
from koku_core.declare.columns import text
from koku_core.declare.deliveries import Download, Normalized
from koku_core.declare.facts import Fact, Rollup
from koku_core.declare.lines import Joined, LineItems
from koku_core.declare.reports import Key, ReportMap, column
from koku_core.declare.summarize import CostModelSpec, Distribution, Step
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.sources.model import Source
from koku_core.testing.case import Case, opened
from koku_core.testing.conformance import hold_or_shrink
from koku_core.testing.consistency import problems
from koku_core.testing.generated import Hints, Month, traps

PROVIDER = koku_acme.koku_provider()


def altered(**hooks: Any) -> ModuleType:
    """Acme's plugin with other hooks: functions, or what a hook returns."""
    made = ModuleType("altered")
    for name, hook in vars(koku_acme).items():
        if name.startswith("koku_"):
            setattr(made, name, hook)
    for name, given in hooks.items():
        implementation = given if callable(given) else (lambda made=given: made)
        marked = hasattr(implementation, "koku_impl")
        setattr(made, name, implementation if marked else hookimpl(implementation, specname=name))
    return made


def found(**hooks: Any) -> str:
    return "\n".join(problems(Plugins((), extra={"acme": altered(**hooks)}).provider("acme")))


def reports(*made: Any, **changes: Any) -> ReportMap:
    return replace(REPORT_MAP, reports=made or REPORT_MAP.reports, **changes)


def fact(**changes: Any) -> Fact:
    return replace(DAILY_SUMMARY, **changes)


NAMED_TWICE = (LINE_ITEMS, replace(LINE_ITEMS, columns=(text("hours"),)))
OF_NOWHERE = Rollup("acme_cost", ("planet",), ("unit",))
OPEN_TO_ALL = replace(COSTS, keys=tuple(replace(k, access="") for k in KEYS))
OF_NO_COLUMN = replace(COSTS, keys=(*KEYS, Key("size", column("no such column"))))


def test_what_fits_has_no_problems() -> None:
    assert found() == ""


@pytest.mark.parametrize(("hooks", "said"), [
    ({"koku_provider": replace(PROVIDER, source_types=())}, "no source type"),
    ({"koku_provider": replace(PROVIDER, source_types=(replace(PROVIDER.source_types[0], key="id"),))}, "'id' .* no field"),
    ({"koku_provider": replace(PROVIDER, source_types=(replace(PROVIDER.source_types[0], key="token"),))}, "'token' .* is a secret"),
    ({"koku_provider": replace(PROVIDER, source_types=(replace(PROVIDER.source_types[0], pushed=True),))}, "no koku_receive"),
    ({"koku_provider": replace(PROVIDER, uploads=("text/csv",))}, "belong together"),
    ({"koku_provider": replace(PROVIDER, datasets=())}, "reads acme_line_items"),
    ({"koku_provider": replace(PROVIDER, datasets=NAMED_TWICE)}, "twice(.|\n)*the core adds"),
    ({"koku_summarize": replace(SUMMARY, steps=(Step("weekly.sql", (LINE_ITEMS,)),))}, "weekly.sql .* not in its folder"),
    ({"koku_summarize": replace(SUMMARY, fact=fact(columns=(*DAILY_SUMMARY.columns, text("Größe"))))}, "'Größe' is not lower snake"),
    ({"koku_summarize": replace(SUMMARY, fact=fact(rollups=(OF_NOWHERE,)))}, "uses planet(.|\n)*no number"),
    ({"koku_summarize": replace(SUMMARY, fact=fact(name="x" * 60))}, "longer than"),
    ({"koku_cost_model": CostModelSpec("koku_acme", distributions=(Distribution("flat", "daily.sql", True, True),))}, "told is not given"),
    ({"koku_report_map": reports(COSTS, COSTS)}, "'costs' is declared twice"),
    ({"koku_report_map": reports(replace(COSTS, keys=(*KEYS, Key("planet", column("planet")))))}, "uses planet"),
    ({"koku_report_map": reports(replace(COSTS, aggregates=(replace(COSTS.aggregates[0], how="each", per=("planet",)),)))}, "uses planet"),
    ({"koku_report_map": reports(replace(COSTS, aggregates=(replace(COSTS.aggregates[0], how="mean"),)))}, "'mean', not sum, max, each"),
    ({"koku_report_map": reports(replace(COSTS, keys=KEYS[1:]))}, "restricted by acme.account, so it leaks"),
    ({"koku_report_map": reports(replace(COSTS, keys=(replace(ACCOUNT, access="acme.planet"),)))}, "acme.planet, which Provider.access"),
    ({"koku_report_map": reports(replace(COSTS, order="size"))}, "'size' is no figure"),
    ({"koku_report_map": reports(replace(COSTS, orders={"cost": ("cost_total", ("planet",))}))}, "needs a key 'planet'"),
    ({"koku_report_map": reports(replace(COSTS, tags="unit"))}, "no column of labels"),
    ({"koku_report_map": reports(currency="money")}, "currency is in money"),
    ({"koku_report_map": reports(lines=(LineItems(LINE_ITEMS, {"planet": column("moon")}),))}, "tell planet(.|\n)*told by moon"),
    ({"koku_report_map": reports(lines=(LineItems(LINE_ITEMS, joined=Joined("no.sql", ("tags",), ())),))}, "no.sql .* not in its folder"),
])  # fmt: skip
def test_what_does_not_fit_is_told(hooks: Mapping[str, Any], said: str) -> None:
    assert re.search(said, found(**hooks)), found(**hooks)


def test_a_template_that_joins_text_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_joins" / "sql").mkdir(parents=True)
    (tmp_path / "acme_joins" / "__init__.py").touch()
    (tmp_path / "acme_joins" / "sql" / "daily.sql").write_text("SELECT {{ 'a' ~ source_name }} FROM x")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "text is never joined in SQL" in found(koku_summarize=replace(SUMMARY, package="acme_joins"))


def without_credits(files: Sequence[Path], only: Mapping[date, int] | None) -> Normalized:
    import pyarrow.compute as pc

    made = koku_acme.normalize.normalize(files, only)
    table = made.tables[LINE_ITEMS.name]
    return replace(made, tables={LINE_ITEMS.name: table.filter(pc.greater_equal(pc.sign(table["cost"]), 0))})


def always_new(source: Source, state: Mapping[str, Any], folder: Path, settings: Settings) -> Iterator[Download]:
    for made in koku_acme.download.download(source, {}, folder, settings):
        yield replace(made, delivery=uuid.uuid4().hex)


def in_half(files: Sequence[Path], only: Mapping[date, int] | None) -> Normalized:
    """Reads what it can, and says nothing of the rest."""
    whole = [f.read_bytes().rpartition(b"\n")[0] + b"\n" for f in files]
    folder = Path(files[0]).parent
    copies = [folder / f"half-{n}-{f.name}" for n, f in enumerate(files)]
    for copy, content in zip(copies, whole, strict=True):
        copy.write_bytes(content)
    return koku_acme.normalize.normalize(copies, only)


@pytest.mark.parametrize(("hooks", "test"), [
    ({"koku_normalize": without_credits}, "test_awkward_names_and_amounts_come_out_as_they_went_in"),
    ({"koku_download": always_new}, "test_a_source_that_is_asked_gives_the_sample"),
    ({"koku_normalize": in_half}, "test_broken_payloads_are_refused"),
    ({"koku_report_map": reports(OPEN_TO_ALL)}, "test_who_may_see_nothing_sees_nothing"),
    ({"koku_report_map": reports(OF_NO_COLUMN)}, "test_every_report_answers_every_question"),
], ids=lambda x: x if isinstance(x, str) else "")  # fmt: skip
def test_what_goes_wrong_is_found(server_dsn: str, tmp_path: Path, hooks: Mapping[str, Any], test: str) -> None:
    from tests.toy_provider.tests import test_acme

    def run(case: Case) -> None:
        getattr(test_acme.TestAcme(), test)(case)

    with (
        opened(altered(**hooks), server_dsn, tmp_path, {}) as case,
        pytest.raises((AssertionError, pytest.fail.Exception)),
    ):
        run(case)


def test_traps_hold_all_digits_and_shrink_to_the_rows_that_go_wrong() -> None:
    most, tried = Decimal("999999999999999.999999999999999"), []

    def holds(month: Month) -> None:
        table = month.table(LINE_ITEMS, str(uuid.UUID(int=1)))
        wrong = most in table["cost"].to_pylist() and date(2024, 2, 29) in table["usage_start"].to_pylist()
        tried.append((wrong, table.num_rows))
        assert not wrong

    with pytest.raises(AssertionError):
        hold_or_shrink(holds, traps(SUMMARY, Hints()))
    assert min(rows for wrong, rows in tried if wrong) <= 2


def test_its_parts_without_pytest_need_no_pytest() -> None:
    parts = ", ".join(f"koku_core.testing.{p}" for p in ("consistency", "corpus", "questions"))
    check = f"import sys, koku_core.testing, {parts}; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True)
