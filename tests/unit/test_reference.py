"""The reference is what the code says; `python -m docs.generate` makes it so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from docs import generate

from koku_core.settings import Settings


@pytest.mark.parametrize(("path", "text"), list(generate.pages()), ids=lambda p: p.name if isinstance(p, Path) else "")
def test_the_reference_is_up_to_date(path: Path, text: str) -> None:
    assert path.read_text() == text, "run `python -m docs.generate`"


def test_a_stale_page_is_told_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate", "--check"])
    with pytest.raises(SystemExit, match=r"Stale: settings.md, cli.md.*python -m docs.generate"):
        generate.main()
    monkeypatch.setattr(sys, "argv", ["generate"])
    generate.main()
    (tmp_path / "rest.md").write_text("old")
    monkeypatch.setattr(sys, "argv", ["generate", "--check"])
    with pytest.raises(SystemExit, match=r"Stale: rest.md\."):
        generate.main()


def test_pages_hold_what_they_are_for() -> None:
    made = {path.stem: text for path, text in generate.pages()}
    assert all(f"`KOKU_{name.upper()}`" in made["settings"] for name in Settings.model_fields)
    assert (
        "koku_normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized"
        in made["hooks"]
    )
    assert "## koku report PATH" in made["cli"]
    assert "| GET | `reports/openshift/costs/` |" in made["rest"]
    assert "ingest(source: Source | str, payload: Path | str" in made["python"]
