"""Executes the notebooks: `python -m docs.notebook` renews their outputs, the tests see that they run.

As of a fixed day, so that the same notebook gives the same outputs.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent / "notebooks").glob("*.ipynb"))


def read(path: Path) -> Any:
    """A notebook as it is stored."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types


def execute(path: Path, folder: Path, environment: dict[str, str]) -> Any:
    """Run a notebook in a folder, with these variables and no other `KOKU_…`; gives it with its outputs."""
    notebook = read(path)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KOKU_")}
    ours = {"KOKU_CLOCK": "2026-11-22T20:00:00", "KOKU_DATA_DIR": str(folder / "data"), "KOKU_PLUGINS": "ocp"}
    client = NotebookClient(notebook, timeout=300, record_timing=False, resources={"metadata": {"path": str(folder)}})
    client.execute(env=kept | ours | environment)
    return notebook


if __name__ == "__main__":
    for each in NOTEBOOKS:
        with TemporaryDirectory() as place:
            nbformat.write(execute(each, Path(place), {}), each)  # type: ignore[no-untyped-call]  # nbformat has no types
