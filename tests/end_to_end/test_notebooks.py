"""The notebooks of the documentation run, and show what their stored outputs show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from docs.notebook import NOTEBOOKS, execute, read

# the packages that run a kernel warn of each other
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def shown(notebook: Any) -> list[dict[str, str]]:
    """What the cells give as tables and texts. Pictures are compared by `test_plots`; progress depends on how fast we are."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "execute_result"]
    return [{kind: data for kind, data in o.data.items() if not kind.startswith("image/")} for o in outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_notebook(path: Path, dsn: str, tmp_path: Path) -> None:
    made = execute(path, tmp_path, {"KOKU_DATABASE_URL": dsn})
    assert shown(made) == shown(read(path)), "python -m docs.notebook renews them"
    outputs = [o for cell in made.cells for o in cell.get("outputs", [])]
    assert any("<table>" in o.get("data", {}).get("text/html", "") for o in outputs)
    assert sum("image/svg+xml" in o.get("data", {}) for o in outputs) >= 3


def test_there_is_one() -> None:
    assert [p.name for p in NOTEBOOKS] == ["costs.ipynb"]
