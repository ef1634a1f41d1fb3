"""The recorded answers about AWS: reports, lists, settings, and who may see what."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.golden.test_replay_api import Replay, recorded, replay

import koku_aws
from koku_core import Koku
from koku_core.plugins import Plugins
from koku_core.settings import Settings

__all__ = ["replay"]
pytestmark = [pytest.mark.slow, pytest.mark.shared]
#: Why an answer may differ (docs/differences.md), by what its name or question holds.
LISTED = {
    "currency=EUR": "Reports 1",
    "group_by[org_unit_id]=R_001&group_by[service]=*": "Amazon Web Services 9",
    "group_by[org_unit_id]=R_001&delta=cost": "Amazon Web Services 10",
    "filter[org_unit_id]=OU_002&group_by[account]=*": "Amazon Web Services 12",
    "aws-ou-only-forecasts_aws_costs": "Amazon Web Services 17",
    "forecasts/aws/costs/?cost_type=savingsplan_effective_cost": "Amazon Web Services 18",
}


class WithoutOrder(Replay):
    """Equal rows stand in an order that the reference leaves to chance (Amazon Web Services 2)."""

    def _differences(self, record: dict[str, Any]) -> list[Any]:
        return [d for d in super()._differences(record) if d[-1] != "order"]


@pytest.fixture
def loaded(settings: Settings, shared: Path, tmp_path: Path) -> Iterator[Koku]:
    """The library for the recorded tenant, with AWS alone of the recorded sources."""
    inputs = shared / "inputs" / "clouds"
    with tarfile.open(inputs / "aws.files.tar.gz") as tar:
        tar.extractall(tmp_path / "aws", filter="data")
    shutil.copy(inputs / "organizations.json", tmp_path / "aws")
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    changed = settings.model_copy(update={"local_sources": tmp_path, "clock": at, "retain_months": 4})
    with Koku.open(settings=changed, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
        org = koku.tenant("org1234567")
        role = "arn:aws:iam::111111111111:role/CostManagement"
        source = org.sources.add("AWS-local", name="Test AWS Source", role_arn=role, data_source={"bucket": "aws"})
        model = next(
            m for m in json.loads((inputs / "cost_models.json").read_text()) if m["source_uuids"][0] == source.name
        )
        org.cost_models.create({**model, "source_uuids": [source.uuid]})
        org.refresh(source)
        yield org


@pytest.mark.parametrize(("scenario", "least"), [("clouds-aws", 400), ("clouds-misc", 50), ("clouds-auth", 190)])
def test_answers_are_as_recorded(loaded: Koku, shared: Path, replay: ModuleType, scenario: str, least: int) -> None:
    def meant(path: str) -> bool:
        return "aws" in path.partition("?")[0] and "openshift" not in path

    records = [r for r in recorded(shared, scenario) if meant(r["request"]["path"])]
    assert len(records) >= least
    names = set(WithoutOrder(loaded, replay).differing(records))
    differing = [f"{r['name']} {r['request']['path']}" for r in records if r["name"] in names]
    assert [d for d in differing if not any(text in d for text in LISTED)] == []
    assert len(differing) <= 0.03 * len(records)
