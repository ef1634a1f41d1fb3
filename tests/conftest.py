"""Fixtures that every test may use: those that are published for plugins, and the recorded inputs and answers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from koku_core.settings import Settings
from koku_core.testing.engines import lake_url, object_store, trino, trino_koku, trino_settings
from koku_core.testing.fixtures import database, dsn, koku, server_dsn, settings_for

__all__ = ["database", "dsn", "koku", "lake_url", "object_store", "server_dsn", "trino", "trino_koku", "trino_settings"]

SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded inputs and answers; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    return SHARED


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Settings for a database and a data folder of the test's own, on 2026-11-22, with the OpenShift plugin alone."""
    return settings_for(dsn, tmp_path).model_copy(update={"plugins": ("ocp",)})


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own: root's embedded server keeps its data in there, not elsewhere."""
    place = Path(tempfile.mkdtemp(prefix="koku-test-", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)
