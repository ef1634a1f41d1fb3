"""Every macro means the same on every engine: one template with all of them, on the real servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

import koku_core.sql
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.testing import EngineConformance
from koku_core.testing.bench import bench
from koku_core.testing.generated import Hints, Month
from tests import macro_cases

ROW = {
    "labels": '{"app":"web \\"1\\"","emoji":"🦜","tier":"a,b"}', "other": '{"app":"right","new":""}',
    "large": Decimal("999999999999999.123456789012345"), "small": Decimal("77.000000000000007"), "half": Decimal("0.000000070710678"),
    "word": "axe", "first": date(2024, 2, 28), "last": date(2024, 3, 1), "place": 1,
}  # fmt: skip
MONTH = Month(date(2024, 2, 1), {"macro_cases": [ROW]}, ("app", "emoji", "it's"))
HINTS = Hints(
    texts={"other": (None, "{}", str(ROW["other"])), "word": (None, "", "a", "axe", "xx", "it's, B", "☕x")},
    keys=("emoji", "tier"), largest={"small": 100, "half": 1}, whole=("small",),
)  # fmt: skip
EXPECTED: Mapping[str, Any] = {
    "kept": {"app": 'web "1"', "emoji": "🦜"}, "kept_of_none": {}, "kept_without_keys": {},
    "merged": {"app": "right", "emoji": "🦜", "new": ""}, "merged_with_none": {"app": "right", "new": ""}, "none": None,
    "got": "🦜", "missing": None, "as_text": 'app\x01web "1"\x02emoji\x01🦜\x02tier\x01a,b', "each_length": 11, "is_in": True,
    "quotient": Decimal("12987012987012.974448671403938"), "half_quotient": Decimal("499999982322330.686728385806788"),
    "by_zero": None, "negative": Decimal("-25.666666666666669"),
    "whole_numbers": Decimal("0.666666666666667"), "product": Decimal("76999999999999939.506172753950559"),
    "negative_product": Decimal("-76999999999999939.506172753950559"), "small_product": Decimal("0.000000000000005"),
    "figure": Decimal("77.000000000000007"), "days": 2, "seconds": 172800, "joined": "B, axe", "found": "a", "not_found": None,
    "among": True, "place": 1,
}  # fmt: skip


def test_the_template_uses_every_macro_and_all_engines_have_the_same() -> None:
    folder = Path(koku_core.sql.__file__).parent / "macros"
    macros = {path.stem: set(re.findall(r"{% macro ([a-z]\w*)", path.read_text())) for path in folder.glob("*.sql")}
    assert macros.pop("postgres") == macros.pop("trino")
    assert macros == {}
    used = set(re.findall(r"\bm\.(\w+)", (Path(macro_cases.__file__).parent / "sql" / "macros.sql").read_text()))
    assert used == set(re.findall(r"{% macro ([a-z]\w*)", (folder / "trino.sql").read_text()))


def test_postgresql_makes_what_is_expected(settings: Settings, tmp_path: Path) -> None:
    plugins = Plugins((), extra={"macros": macro_cases})
    with bench(settings, plugins, plugins.provider("macro_cases"), tmp_path) as made:
        ((row,),) = made.by_postgres(MONTH).rows.values()
    assert {name: row[name] for name in EXPECTED} == EXPECTED


@pytest.mark.slow
class TestMacros(EngineConformance):
    plugin = macro_cases
    hints = HINTS
    examples: ClassVar = (MONTH,)
