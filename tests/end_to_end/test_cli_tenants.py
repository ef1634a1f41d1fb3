"""`koku tenants`, run for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.test_cli import Run, runner, settings


@pytest.fixture
def koku(dsn: str, tmp_path: Path) -> Run:
    return runner(settings(dsn, tmp_path), tmp_path)


@pytest.mark.slow
def test_tenants_are_listed_purged_and_deleted(koku: Run) -> None:
    assert "There are no tenants yet" in koku("tenants", "list").out
    for name in ("acme", "beta"):
        assert koku("--tenant", name, "sources", "add", "ocp", "prod", "cluster_id=c").status == 0
    assert koku("tenants", "list", "--json").json == [
        {"name": "acme", "sources": 1, "kept from": "2025-10"},
        {"name": "beta", "sources": 1, "kept from": "2025-10"},
    ]
    purged = koku("tenants", "purge", KOKU_RETAIN_MONTHS="3")
    assert (purged.status, purged.err) == (0, "acme: kept from 2026-08.\nbeta: kept from 2026-08.\n")
    refused = koku("tenants", "delete", "acme", input="n\n")
    assert refused.status == 1
    assert "Delete the tenant acme, its 1 sources and all their data?" in refused.out
    assert koku("tenants", "delete", "acme", "--yes").status == 0
    gone = koku("tenants", "delete", "acme", "--yes")
    assert (gone.status, gone.err) == (1, "koku: There is no tenant 'acme'. Known: beta.\n")
    assert [t["name"] for t in koku("tenants", "list", "--json").json] == ["beta"]
