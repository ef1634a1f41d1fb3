"""The page about plugins says how large their hooks are, and it is about true."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.sizes import HOOKS, NAMES, PLUGINS, ROOT, SHARED, sizes

PAGE = ROOT / "docs/explanation/plugins.md"
COLUMNS = (NAMES, *HOOKS, SHARED)


def said(plugin: str) -> dict[str, int]:
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{plugin}` |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")[1:]]
    return {name: int(cell) for name, cell in zip(COLUMNS, cells, strict=True) if cell}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_page_tells_how_many_lines_each_hook_has(plugin: str) -> None:
    counted, told = sizes(PLUGINS[plugin]), said(plugin)
    assert counted.keys() == told.keys()
    assert {n: (told[n], c) for n, c in counted.items() if abs(told[n] - c) > max(50, c * 0.2)} == {}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_line_of_a_plugin_is_counted_once(plugin: str) -> None:
    files = [p for p in PLUGINS[plugin].rglob("*") if p.suffix in (".py", ".sql")]
    assert sum(sizes(PLUGINS[plugin]).values()) == sum(len(Path(p).read_text().splitlines()) for p in files)
