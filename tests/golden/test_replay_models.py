"""The recorded answers about clusters with every kind of price: three with a cost model each, and one on premises that has everything.

Two rules of the reference show in every total (docs/differences.md): it divides a claim's price by the claims of its namespace (OpenShift
9), and hands on what is left of GPUs when the month is over (GPUs 9). Here that is done to our figures as well, so that all else can be
compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from psycopg import sql

from koku_core import Koku
from koku_core.settings import Settings
from koku_core.summarize.rollups import fill_rollups
from koku_core.testing.fixtures import database, settings_for
from tests.golden.test_daily_summary import load, price
from tests.golden.test_replay import replay as replay_reports
from tests.golden.test_replay_api import Replay, recorded, replay

__all__ = ["replay"]
pytestmark = [pytest.mark.slow, pytest.mark.shared]

_LABELS = "a cost that is priced by one label keeps all of them (OpenShift 20)"
MULTI = dict.fromkeys(
    ("018-costs-by-tag", "027-costs-by-project-tag", "040-costs-filter-tag-star", "293-volumes-by-tag-daily",
     "301-volumes-by-project-tag", "303-volumes-by-two-tags", "364-volumes-csv-tag"), _LABELS,
)  # fmt: skip
KITCHEN = {
    **dict.fromkeys(
        ("018-costs-by-tag", "027-costs-by-project-tag", "028-costs-by-tag-value", "039-costs-filter-tag", "040-costs-filter-tag-star",
         "041-costs-filter-tag-exact", "056-costs-toplimit-tag", "119-compute-by-two-tags", "200-memory-by-tag", "201-memory-by-tag-daily",
         "209-memory-by-project-tag", "210-memory-by-tag-value", "211-memory-by-two-tags", "221-memory-filter-tag",
         "222-memory-filter-tag-star", "223-memory-filter-tag-exact", "238-memory-toplimit-tag"), _LABELS,
    ),
    **dict.fromkeys(
        ("393-network", "401-network", "402-network", "414-network", "421-network", "430-network", "456-network", "457-network",
         "458-network"), "beside tags and categories it counts all that clusters cost (Reports 7)",
    ),
    **dict.fromkeys(("195-memory", "261-memory", "340-volumes"), "equal figures stand in alphabetical order, there as chance has it"),
    "121-compute": "capacity counts the nodes of the rows shown (Reports 2)",
    "/virtual-machines/": "tests/golden/test_machines.py",
}  # fmt: skip
_SHARE = """
    WITH claims AS (
        SELECT source_uuid, usage_start, namespace, count(DISTINCT persistentvolumeclaim) AS number
        FROM ocp_daily_summary WHERE monthly_cost_type = 'PVC' GROUP BY 1, 2, 3
    )
    UPDATE ocp_daily_summary AS f SET cost_model_volume_cost = cost_model_volume_cost / number
    FROM claims AS c
    WHERE f.source_uuid = c.source_uuid AND f.usage_start = c.usage_start AND f.namespace = c.namespace AND monthly_cost_type = 'PVC'
"""
_KEEP = "DELETE FROM ocp_daily_summary WHERE cost_model_rate_type = 'gpu_distributed' AND usage_start >= '2026-11-01'"
_OF_MONTH = (
    "(SELECT * FROM ocp_daily_summary WHERE source_uuid = {} AND date_trunc('month', usage_start::timestamp) = {})"
)


def cost_as_there(koku: Koku) -> None:
    """Do to the figures what the reference does."""
    fact = koku.services.plugins.provider("ocp").summary.fact
    with koku.handle.transaction() as conn:
        conn.execute(_SHARE)
        conn.execute(_KEEP)
        for uuid, month in conn.execute("SELECT source_uuid::text, month FROM published_month").fetchall():
            rows = sql.SQL(_OF_MONTH).format(sql.Literal(uuid), sql.Literal(month))
            fill_rollups(conn, fact, uuid, month, rows)


@pytest.fixture(scope="module")
def settings_of_module(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings for a database of the module's own, as of the recordings."""
    with database(server_dsn) as dsn:
        made = settings_for(dsn, tmp_path_factory.mktemp("models"))
        yield made.model_copy(update={"plugins": ("ocp",), "retain_months": 4})


@pytest.fixture(scope="module")
def three(settings_of_module: Settings, shared: Path) -> Iterator[Koku]:
    """Three clusters with a cost model each."""
    with Koku.open(settings=settings_of_module) as koku:
        org = koku.tenant("org1234567")
        clusters = load(org, sorted(p for f in ("basic", "nocm") for p in (shared / "inputs" / f).glob("*.tar.gz")))
        models = json.loads((shared / "inputs" / "nocm" / "multi_cost_models.json").read_text())
        for model, uuid in zip(models, clusters.values(), strict=True):
            price(org, model, uuid)
        cost_as_there(org)
        yield org


def test_reports(three: Koku, shared: Path) -> None:
    replay_reports(three, shared, "multi", listed_too=MULTI, most=0.04)


def test_other_currencies(three: Koku, shared: Path, replay: ModuleType) -> None:
    """All but money that the reference shows unconverted under another currency's name, whatever its rates are."""
    records = recorded(shared, "multi-currency")
    differing = set(Replay(three, replay).differing(records))
    money = [r for r in records if {"reports", "forecasts"} & set(r["request"]["path"].split("/"))]
    unconverted = {r["name"] for r in money if "-USD" not in r["name"]}
    assert differing - {"044-after-put-settings_currency_-set"} == unconverted
    assert len(records) - len(differing) > 25


def test_on_premises(settings: Settings, shared: Path) -> None:
    with Koku.open(settings=settings.model_copy(update={"retain_months": 4})) as koku:
        clusters = load(koku, sorted((shared / "inputs" / "kitchen").glob("*.tar.gz")))
        price(koku, json.loads((shared / "inputs" / "kitchen" / "cost_model.json").read_text()), *clusters.values())
        cost_as_there(koku)
        replay_reports(koku, shared, "kitchen2m", listed_too=KITCHEN, most=0.12)
