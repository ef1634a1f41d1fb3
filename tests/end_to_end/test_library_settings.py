"""Settings through the library: a change of a mapping or a cost group reaches every figure, moves no money away, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from koku_core import Koku, Rate
from koku_core.enabled_currencies import CurrencyInUse
from koku_core.errors import InvalidInput
from koku_core.settings import Settings
from tests.end_to_end.sample_cluster import add_sample, costs


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    """The sample cluster with all its tag keys enabled, priced by CPU."""
    with Koku.open(settings=settings) as koku:
        source = add_sample(koku, tmp_path, ("app", "environment", "team"))
        koku.cost_models.add("prices", rates=[Rate("cpu_core_usage_per_hour", Decimal(1))], sources=[source])
        yield koku


def test_labels_of_a_child_count_as_its_parents_until_they_are_taken_back(koku: Koku) -> None:
    keys = {row["key"]: row["uuid"] for row in koku.tags.rows()}
    before, of_child = costs(koku, "tag:team"), costs(koku, "tag:app")
    koku.tag_mappings.add(keys["team"], [keys["app"]])
    after = costs(koku, "tag:team")
    assert after[""] == pytest.approx(before[""])
    assert before["No-team"] > after.get("No-team", 0)
    assert set(after) & set(of_child) > {""}
    assert sum(v for k, v in after.items() if k) == pytest.approx(after[""])
    with pytest.raises(InvalidInput, match="mapping"):
        koku.tags.disable("OCP", ["app"])
    with pytest.raises(InvalidInput, match="NUL"):
        koku.tags.enable("OCP", ["a\x00"])
    with pytest.raises(InvalidInput, match="uuid"):
        koku.tag_mappings.remove_parents(["no uuid"])
    koku.tag_mappings.remove_parents([keys["team"]])
    assert costs(koku, "tag:team") == before


def test_a_project_that_joins_a_cost_group_is_distributed_until_it_leaves(koku: Koku) -> None:
    before = costs(koku, "project")
    project = next(row["project"] for row in koku.cost_groups.rows() if row["group"] is None)
    assert koku.cost_groups.names() == ["Platform"]
    koku.cost_groups.add([(project, "Platform")])
    shown = {row["project"]: (row["group"], row["default"]) for row in koku.cost_groups.rows()}
    assert shown[project] == ("Platform", False)
    [row] = [
        row["values"][0]
        for bucket in koku.report("openshift/costs", group_by="project", months=-1, resolution="monthly").body()["data"]
        for row in bucket["projects"]
        if row["project"] == project
    ]
    assert row["cost"]["distributed"]["value"] == pytest.approx(0, abs=1e-9)
    assert costs(koku, "project")[""] == pytest.approx(before[""])
    koku.cost_groups.remove([(project, "Platform")])
    assert costs(koku, "project") == before


def test_answers_are_given_in_the_accounts_currency_by_the_rate_that_was_set(koku: Koku) -> None:
    dollars = costs(koku, "project")[""]
    koku.exchange_rates.add("USD", "EUR", Decimal("0.5"), date(2026, 11, 1), date(2026, 11, 30))
    koku.account.set_currency("EUR")
    assert koku.account.read().currency == "EUR"
    assert costs(koku, "project")[""] == pytest.approx(dollars / 2)
    with pytest.raises(CurrencyInUse, match="it is the account default currency") as caught:
        koku.currencies.disable("EUR")
    assert caught.value.uses.cost_models == []
    koku.currencies.disable("CHF")
    assert "CHF" not in koku.currencies.list()
