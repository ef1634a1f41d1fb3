"""The executor `trino` on the whole way, beside the conformance of its templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import SecretStr

import koku_acme
from koku_core import Koku
from koku_core.devtools.object_store import ObjectStore
from koku_core.devtools.trino_server import TrinoServer
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.testing.fixtures import database

#: More characters than a statement of Trino has room for.
MANY = [f"key-{'k' * 250}-{number}" for number in range(5_000)]


@pytest.fixture
def plugins() -> Plugins:
    return Plugins((), extra={"acme": koku_acme})


@pytest.fixture
def koku(trino_settings: Settings, plugins: Plugins) -> Iterator[Koku]:
    with Koku.open(settings=trino_settings.model_copy(update={"enabled_tag_limit": 0}), plugins=plugins) as opened:
        yield opened


def ingested(koku: Koku, folder: Path) -> list[pa.Table]:
    sample = koku.sample("acme", folder)
    source = koku.sources.add(
        sample.source_type, name="shop", data_source=sample.data_source or None, **sample.credentials
    )
    for bill in sample.payloads:
        koku.ingest(source, bill)
    return published(koku)


def published(koku: Koku) -> list[pa.Table]:
    with koku.handle.connection() as conn:
        months = [month for (month,) in conn.execute("SELECT month FROM published_month ORDER BY 1")]
    tables = (koku.daily_summary("shop", month) for month in months)
    return [table.sort_by([(name, "ascending") for name in table.column_names]) for table in tables]


def test_five_thousand_long_keys_are_enabled_and_both_engines_have_the_same(
    koku: Koku, trino_settings: Settings, plugins: Plugins, tmp_path: Path
) -> None:
    koku.tags.enable("ACME", ["app", *MANY])
    found = ingested(koku, tmp_path)
    assert "koku_enabled_tag_keys" in koku.services.lake.tables(koku.handle.name)
    assert {text for table in found for text in table["tags"].to_pylist()} == {'{"app": "shop"}', "{}"}
    with Koku.open(settings=trino_settings.model_copy(update={"executor": "postgres"}), plugins=plugins) as other:
        other.recalculate("shop")
        other.work()
        assert published(other) == found
    assert [f for f in koku.doctor() if f.severity == "error"] == []


def test_fewer_keys_are_bound_and_leave_nothing_in_the_lake(koku: Koku, tmp_path: Path) -> None:
    koku.tags.enable("ACME", ["env", "it's"])
    found = ingested(koku, tmp_path)
    assert {text for table in found for text in table["tags"].to_pylist()} == {
        '{"env": "prod"}', '{"env": "test"}', "{}"}  # fmt: skip
    assert koku.services.lake.tables(koku.handle.name) == ["acme_line_items"]


def test_the_doctor_tells_a_catalog_that_is_of_another_database(
    trino_settings: Settings,
    trino: TrinoServer,
    object_store: ObjectStore,
    server_dsn: str,
    plugins: Plugins,
    tmp_path: Path,
) -> None:
    by_postgres = trino_settings.model_copy(update={"executor": "postgres"})
    with Koku.open(settings=by_postgres, plugins=plugins) as koku:
        ingested(koku, tmp_path)
    with database(server_dsn) as dsn:
        elsewhere = by_postgres.model_copy(update={"database_url": SecretStr(dsn)})
        with Koku.open(settings=elsewhere, plugins=plugins) as koku:
            lake = koku.services.lake
            assert lake.tables("default") == []  # makes the catalogue
        url = trino.add_catalog("elsewhere", dsn, lake.url, object_store)
        wrong = trino_settings.model_copy(update={"trino_url": SecretStr(url)})
        with Koku.open(settings=wrong, plugins=plugins) as koku:
            (finding,) = [f for f in koku.doctor() if f.where == "executor trino"]
        trino.drop_catalog("elsewhere")
    assert "has no table default.acme_line_items" in finding.what
    assert "the database of KOKU_DATABASE_URL" in finding.do
