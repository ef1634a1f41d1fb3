"""What the documentation tells authors of plugins is what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from koku_core import hookspecs

ROOT = Path(__file__).parent.parent.parent
TOY = ROOT / "tests" / "toy_provider"
TUTORIAL, CONTRACT, EXECUTOR = (
    ROOT / "docs" / name for name in ("tutorial-provider.md", "plugin-contract.md", "howto/executor.md")
)
SHOWN = re.compile(r"<!-- (tests/toy_\w+/\S+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
MOST_LINES = 300


def files() -> set[str]:
    """What an author writes."""
    kinds = (".py", ".sql", ".toml", ".sh")
    return {
        str(p.relative_to(ROOT)) for p in TOY.rglob("*") if p.suffix in kinds and not {"build", "dist"} & set(p.parts)
    }


def test_the_tutorial_shows_every_file_as_it_is() -> None:
    shown = dict(SHOWN.findall(TUTORIAL.read_text()))
    assert shown.keys() == files()
    assert [name for name, text in shown.items() if text != (ROOT / name).read_text()] == []


def test_the_page_about_executors_shows_files_as_they_are() -> None:
    shown = dict(SHOWN.findall(EXECUTOR.read_text()))
    assert shown
    assert [name for name, text in shown.items() if text != (ROOT / name).read_text()] == []


def test_the_provider_of_the_tutorial_is_small() -> None:
    sources = [p for p in (TOY / "src").rglob("*") if p.suffix in (".py", ".sql")]
    assert sum(len(p.read_text().splitlines()) for p in sources) < MOST_LINES


@pytest.mark.parametrize("name", [n for n in vars(hookspecs) if n.startswith("koku_")])
def test_the_contract_has_every_hook_with_its_arguments(name: str) -> None:
    signature = str(inspect.signature(getattr(hookspecs, name))).replace("'", "")
    assert f"`{name}{signature}`" in CONTRACT.read_text().replace("\\|", "|")


def test_the_contract_names_every_macro() -> None:
    macros = re.findall(r"{% macro (\w+)", (ROOT / "src/koku_core/sql/macros/postgres.sql").read_text())
    assert [m for m in macros if f"`m.{m}`" not in CONTRACT.read_text()] == []


def test_the_contract_fits_on_a_page() -> None:
    assert len(CONTRACT.read_text().splitlines()) <= 100
