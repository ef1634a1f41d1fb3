"""Fixtures for tests on real engines: an object store and a Trino that all workers of a test run share.

`koku_core.testing.fixtures` has them too. They need the extra `koku-core[dev]`; Trino is installed once for a user (450 MB) and takes about
15 seconds to start.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from koku_core.koku import Koku
from koku_core.settings import Settings

if TYPE_CHECKING:
    from koku_core.devtools.object_store import ObjectStore
    from koku_core.devtools.trino_server import TrinoServer

__all__ = ["lake_url", "object_store", "trino", "trino_koku", "trino_settings"]


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store with the bucket `lake`; `environment` makes clients use it."""
    from koku_core.devtools.object_store import object_store as running

    with running(_common(tmp_path_factory) / "object-store") as store:
        yield store


@pytest.fixture(scope="session")
def trino(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoServer]:
    """A Trino without a catalog; `trino_settings` gives it one of the test's own."""
    from koku_core.devtools.trino_server import trino_server

    with trino_server(_common(tmp_path_factory) / "trino", quick=True) as server:
        yield server


def _common(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test run have in common."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def lake_url(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lake of the test's own on the object store; clients are set up to use that."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://lake/{uuid.uuid4().hex}"


@pytest.fixture
def trino_settings(
    settings: Settings, lake_url: str, trino: TrinoServer, object_store: ObjectStore
) -> Iterator[Settings]:
    """The test's settings, with the lake on the object store and the executor `trino`, which reads it there."""
    from pydantic import SecretStr

    assert settings.database_url is not None
    dsn = settings.database_url.get_secret_value()
    with Koku.open(settings=settings.model_copy(update={"lake_url": lake_url})) as koku:
        koku.services.lake.catalog  # noqa: B018 - makes the catalogue, which Trino then finds
    name = f"lake_{uuid.uuid4().hex[:12]}"
    url = trino.add_catalog(name, dsn, lake_url, object_store)
    yield settings.model_copy(update={"lake_url": lake_url, "executor": "trino", "trino_url": SecretStr(url)})
    trino.drop_catalog(name)


@pytest.fixture
def trino_koku(trino_settings: Settings) -> Iterator[Koku]:
    """The library with the executor `trino`."""
    with Koku.open(settings=trino_settings) as made:
        yield made
