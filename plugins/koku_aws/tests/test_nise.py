"""A bill of every generator of AWS that koku-nise has: the reports say what its file adds up to, to the last decimal."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from plugins.koku_aws.tests.test_summary import ROLE

import koku_aws
from koku_core import Koku
from koku_core.plugins import Plugins
from koku_core.settings import Settings

HERE = Path(__file__).parent / "nise"
MONTH = {"months": -1, "resolution": "monthly"}
Line = dict[str, str]


@pytest.fixture(scope="module")
def bill() -> list[Line]:
    [file] = HERE.rglob("*.csv.gz")
    with gzip.open(file, "rt", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    shutil.copytree(HERE / "bucket", tmp_path / "bucket")
    changed = settings.model_copy(update={"local_sources": tmp_path, "plugins": None})
    with Koku.open(settings=changed, plugins=Plugins((), extra={"aws": koku_aws})) as opened:
        opened.tags.enable("AWS", ["app"])
        opened.refresh(opened.sources.add("AWS-local", name="nise", role_arn=ROLE, data_source={"bucket": "bucket"}))
        yield opened


def number(line: Line, column: str) -> Decimal:
    """A cell, rounded to the 15 decimals that are kept."""
    cell = line[column]
    return Decimal(0) if cell in ("", "None") else Decimal(cell).quantize(Decimal("1e-15"), ROUND_HALF_UP)


def effective(line: Line) -> Decimal:
    return number(line, "savingsPlan/SavingsPlanEffectiveCost")


def amortized(line: Line) -> Decimal:
    covered = line["lineItem/LineItemType"].startswith("SavingsPlan")
    return effective(line) if covered else number(line, "lineItem/UnblendedCost")


COSTS: dict[str, Callable[[Line], Decimal]] = {
    "unblended_cost": lambda line: number(line, "lineItem/UnblendedCost"),
    "blended_cost": lambda line: number(line, "lineItem/BlendedCost"),
    "savingsplan_effective_cost": effective,
    "calculated_amortized_cost": amortized,
}


def service(line: Line) -> str:
    """What is sold: of the Marketplace the product."""
    return line["product/ProductName" if line["bill/BillingEntity"] == "AWS Marketplace" else "lineItem/ProductCode"]


GROUPS: dict[str, Callable[[Line], str]] = {
    "service": service,
    "account": lambda line: line["lineItem/UsageAccountId"],
    "product_family": lambda line: line["product/productFamily"],
    "region": lambda line: line["product/region"],
    "tag:app": lambda line: line["resourceTags/user:app"],
}


def added(lines: list[Line], of: Callable[[Line], Decimal], by: Callable[[Line], str]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[by(line)] += of(line)
    return {name: value for name, value in sums.items() if value}


def test_all_generators_are_there(bill: list[Line]) -> None:
    families = {(line["lineItem/ProductCode"], line["product/productFamily"]) for line in bill}
    assert len(families) == 8
    assert {line["lineItem/LineItemType"] for line in bill} == {"Usage", "SavingsPlanCoveredUsage"}


def test_every_group_of_every_cost_type_is_what_the_file_adds_up_to(koku: Koku, bill: list[Line]) -> None:
    for cost_type, cost in COSTS.items():
        for group, name in GROUPS.items():
            rows = koku.report("aws/costs", cost_type=cost_type, group_by=group, **MONTH).to_arrow().to_pylist()
            told: dict[str, Decimal] = defaultdict(Decimal)
            for row in rows:
                told[row[group] or ""] += row["cost_raw"]
            assert {k: v for k, v in told.items() if v} == added(bill, cost, name), (cost_type, group)


def test_usage_is_what_the_file_adds_up_to(koku: Koku, bill: list[Line]) -> None:
    used = lambda line: number(line, "lineItem/UsageAmount")  # noqa: E731 - as the others
    instances = [line for line in bill if line["product/instanceType"]]
    rows = koku.report("aws/instance-types", **MONTH).rows()
    assert {r["instance_type"]: r["usage"] for r in rows} == added(instances, used, lambda x: x["product/instanceType"])
    stored = [x for x in bill if "Storage" in x["product/productFamily"] and x["pricing/unit"] == "GB-Mo"]
    [row] = koku.report("aws/storage", **MONTH).rows()
    assert row["usage"] == sum(map(used, stored))
