"""The five distributions as a user gets them: built, installed by pip in a clean environment, and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DISTRIBUTIONS = {".": "koku_core", **{f"plugins/koku_{p}": f"koku_{p}" for p in ("aws", "azure", "gcp", "ocp")}}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pip of a clean environment."""
    place = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    return place / "bin" / "pip"


@pytest.fixture(scope="module")
def wheels(pip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each distribution's wheel."""
    place = tmp_path_factory.mktemp("wheels")
    folders = [str(ROOT / folder) for folder in DISTRIBUTIONS]
    subprocess.run([pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", place, *folders], check=True)
    return {w.name.partition("-")[0]: w for w in place.glob("*.whl")}


def test_a_wheel_holds_every_file_of_its_package(wheels: dict[str, Path]) -> None:
    for folder, package in DISTRIBUTIONS.items():
        source = ROOT / folder / "src"
        tracked = subprocess.run(
            ["git", "ls-files", "."], cwd=source, capture_output=True, text=True, check=True
        ).stdout.split()
        expected = set(tracked) or {
            str(p.relative_to(source)) for p in source.rglob("*.*") if "__pycache__" not in p.parts
        }
        assert expected <= set(zipfile.ZipFile(wheels[package]).namelist()), package


def test_they_install_and_work(wheels: dict[str, Path], pip: Path, open_folder: Path) -> None:
    core, *plugins = (wheels[p] for p in DISTRIBUTIONS.values())
    subprocess.run([pip, "install", "--quiet", f"{core}[embedded,api,cli]", *plugins], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KOKU_", "PYTHON", "XDG_"))} | {
        "HOME": str(open_folder)
    }

    def koku(*arguments: str) -> str:
        command: list[str | Path] = [pip.parent / "koku", *arguments]
        done = subprocess.run(command, env=environment, cwd=open_folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    found = {p["name"]: p["error"] for p in json.loads(koku("plugins", "--json"))}
    assert found == dict.fromkeys(("aws", "azure", "gcp", "ocp"), "")
    assert "analytics" in koku("demo", "--no-serve")
    answer = json.loads(
        koku("--tenant", "demo", "report", "openshift/costs", "--months", "-2", "--resolution", "monthly", "--json")
    )
    assert answer["meta"]["total"]["cost"]["total"]["value"] > 0
