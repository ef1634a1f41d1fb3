"""Prices by label through the library: they follow keys and mappings to every report, and outlive an upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku, Rate
from koku_core.settings import Settings
from tests.end_to_end.sample_cluster import add_sample, costs

RATES = (
    Rate("project_per_month", tag="team", values={"storefront": 300, "other": 30}, default="other"),
    Rate("node_cost_per_month", tag="environment", values={"production": 3000, "other": 3000}, default="other"),
)


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    """The sample cluster's last payload, priced by labels."""
    with Koku.open(settings=settings) as koku:
        source = add_sample(koku, tmp_path, ("team", "environment"), last=1)
        koku.cost_models.add("by label", rates=RATES, sources=[source], platform_cost=False, worker_cost=False)
        yield koku


def days(koku: Koku) -> dict[Any, list[dict[str, Any]]]:
    """The projects of each day."""
    with koku.handle.connection() as conn:
        found = conn.execute("SELECT usage_start, namespace FROM ocp_project_days").fetchall()
    return {day: [n for d, n in found if d == day] for day, _ in found}


@pytest.mark.slow
def test_prices_by_label_follow_keys_and_mappings(koku: Koku) -> None:
    before = costs(koku, "project")
    by_team, by_environment = costs(koku, "tag:team"), costs(koku, "tag:environment")
    assert before[""] == pytest.approx(by_team[""]) == pytest.approx(by_environment[""])
    assert by_team["storefront"] > 0
    assert before["Worker unallocated"] > 0
    assert "openshift-ingress" not in {k for k, v in before.items() if v}
    koku.tags.enable("OCP", ["app"])
    keys = {row["key"]: row["uuid"] for row in koku.tags.rows()}
    assert costs(koku, "project") == before

    koku.tag_mappings.add(keys["environment"], [keys["app"]])  # the platform's pods have no other label
    assert costs(koku, "project")["openshift-ingress"] > 0
    koku.tag_mappings.remove_parents([keys["environment"]])
    assert costs(koku, "project") == before

    koku.tags.disable("OCP", ["environment"])
    of_projects = costs(koku, "project")
    assert of_projects["shop"] == pytest.approx(of_projects["shop-staging"]) == pytest.approx(10 * of_projects["ci"])
    koku.tags.disable("OCP", ["team"])
    assert costs(koku, "project")[""] == 0
    koku.tags.enable("OCP", ["team", "environment"])
    assert costs(koku, "project") == before


@pytest.mark.slow
def test_what_a_newer_version_needs_is_made_at_the_next_calculation(koku: Koku) -> None:
    before = costs(koku, "project")
    assert all(len(names) == len(set(names)) for names in days(koku).values())
    with koku.handle.transaction() as conn:  # as an older version left it
        conn.execute("DROP TABLE ocp_project_days")
        conn.execute("UPDATE published_month SET declared = 'less'")
    koku.recalculate("sample")
    assert costs(koku, "project") == before
    assert days(koku)
    koku.sources.remove(koku.sources.get("sample"))
    assert not days(koku)
