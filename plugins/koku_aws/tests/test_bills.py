"""Whole bills, line by line: each line is in exactly one row of the summary, and reports add up to the file to the last decimal."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from plugins.koku_aws.tests import ledger, real
from plugins.koku_aws.tests.bills import Line
from plugins.koku_aws.tests.test_summary import local

import koku_aws
from koku_aws import sample
from koku_core import Koku
from koku_core.plugins import Plugins
from koku_core.settings import Settings


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    """The library in January 2025, where only what is said so is too old."""
    at = datetime(2025, 1, 20, tzinfo=UTC)
    changed = settings.model_copy(update={"local_sources": tmp_path, "plugins": None, "clock": at})
    with Koku.open(settings=changed, plugins=Plugins((), extra={"aws": koku_aws})) as opened:
        yield opened


def compare(koku: Koku, month: date, bill: list[dict[str, str]], tags: tuple[str, ...]) -> None:
    """The daily summary of a month, and reports of all of it, against the lines."""
    (source,) = koku.sources
    expected = ledger.expected(bill, tags)
    assert ledger.published(koku.daily_summary(source, month).to_pylist()) == expected
    last = max(date.fromisoformat(key[0]) for key in expected)
    for cost_type in ledger.COSTS:
        total = sum((row[cost_type] for row in expected.values()), Decimal())
        for group in ((), "account", "service", ("region", "az")) if cost_type == "unblended_cost" else ((),):
            rows = koku.report(
                "aws/costs", cost_type=cost_type, group_by=group, start=month, end=last, resolution="monthly"
            ).rows()
            assert sum(r["cost_raw"] for r in rows) == total, (cost_type, group)
    hours = {k: row for k, row in expected.items() if k[at("instance_type")] is not None}
    stored = {
        k: row
        for k, row in expected.items()
        if "Storage" in (k[at("product_family")] or "") and k[at("unit")] == "GB-Mo"
    }
    for report, rows_of in {"instance-types": hours, "storage": stored}.items():
        found = list(koku.report(f"aws/{report}", start=month, end=last, resolution="monthly").rows())
        for name, column in {"cost_raw": "unblended_cost", "usage": "usage_amount"}.items():
            assert sum(r[name] for r in found) == sum((row[column] for row in rows_of.values()), Decimal()), (
                report,
                name,
            )


def at(name: str) -> int:
    """Where a key of the ledger has a column."""
    return 2 + list(ledger.TEXTS).index(name)


def test_a_bill_like_that_of_a_real_account(koku: Koku, tmp_path: Path) -> None:
    path = real.write(tmp_path / "bill.csv")
    bill = ledger.lines(path)
    kinds = [line["lineItem/LineItemType"] for line in bill]
    assert (len(bill), kinds.count("Usage"), kinds.count("Tax")) == (1281, 1269, 12)
    assert any("E-" in line["lineItem/UnblendedCost"] for line in bill)
    made = koku.ingest(local(koku), path)
    assert (made.rows, made.months) == (1281, (date(2023, 11, 1),))
    compare(koku, date(2023, 11, 1), bill, ())


def test_the_minimal_bill_adds_up_as_written_in_its_specification(koku: Koku, tmp_path: Path, shared: Path) -> None:
    shutil.copytree(shared / "inputs/minimal/bucket", tmp_path / "bucket")
    koku.refresh(local(koku))
    month = date(2025, 1, 1)
    (file,) = (tmp_path / "bucket").rglob("*.csv.gz")
    compare(koku, month, ledger.lines(file), tuple(koku.tags.enabled("AWS")))
    whole = {"start": month, "end": date(2025, 1, 31), "resolution": "monthly"}
    by_family = {
        r["product_family"]: r["cost_raw"] for r in koku.report("aws/costs", group_by="product_family", **whole).rows()
    }
    assert by_family["Compute Instance"] == Decimal("2.304")
    assert by_family["Storage"] == Decimal("0.064516128")
    assert by_family["Data Transfer"] == Decimal("12")
    assert sum(by_family.values()) == Decimal("26.368516128")
    (hours,) = koku.report(
        "aws/instance-types", filter={"service": "AmazonEC2"}, group_by="instance_type", **whole
    ).rows()
    assert (hours["usage"], hours["cost_raw"]) == (24, Decimal("2.304"))
    (first,) = koku.report("aws/instance-types", filter={"service": "AmazonEC2"}, limit=1, **whole).rows()
    assert (first["instance_type"], first["rank"]) == (hours["instance_type"], 1)
    (stored,) = koku.report("aws/storage", **whole).rows()
    assert stored["usage"] == Decimal("0.64516128")
    tagged = {r["openshift_project"] if "openshift_project" in r else r["tag:openshift_project"]: r["cost_raw"]
              for r in koku.report("aws/costs", group_by="tag:openshift_project", **whole).to_arrow().to_pylist()}  # fmt: skip
    assert tagged["app-a"] == Decimal("12")


@pytest.mark.slow
def test_the_recorded_bills_line_by_line(settings: Settings, tmp_path: Path, shared: Path) -> None:
    with tarfile.open(shared / "inputs/clouds/aws.files.tar.gz") as tar:
        tar.extractall(tmp_path / "bucket", filter="data")
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    changed = settings.model_copy(update={"local_sources": tmp_path, "plugins": None, "clock": at})
    with Koku.open(settings=changed, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
        koku.refresh(local(koku))
        tags = tuple(koku.tags.enabled("AWS"))
        for month in (date(2026, 10, 1), date(2026, 11, 1)):
            files = [p for p in (tmp_path / "bucket").rglob("*.csv.gz") if f"{month:%Y%m%d}-" in str(p)]
            compare(koku, month, [line for file in files for line in ledger.lines(file)], tags)


def test_a_day_of_a_savings_plan(koku: Koku, tmp_path: Path) -> None:
    month = date(2025, 1, 1)

    def line(
        kind: str, resource: str, unblended: str, effective: str = "0", service: str = "AmazonEC2"
    ) -> dict[str, str]:
        made = Line(date(2025, 1, 10), service, kind, resource=resource, unblended=Decimal(unblended), effective=Decimal(effective),
                    amount=Decimal(24), month=month)  # fmt: skip
        family = "" if service == "ComputeSavingsPlans" else "Compute Instance"
        return {
            **made.cells(),
            "product/productFamily": family,
            "product/instanceType": "m5.large" if family else "",
            "pricing/unit": "Hrs",
        }

    bill = [
        line("SavingsPlanCoveredUsage", "i-1", "2.304", "1.08"), line("SavingsPlanNegation", "", "-2.304"),
        line("SavingsPlanRecurringFee", "", "1.2", service="ComputeSavingsPlans"), line("Usage", "i-2", "2.304"),
    ]  # fmt: skip
    sample.bill(tmp_path / "bucket", month, bill, bill[0])
    koku.refresh(local(koku))
    compare(koku, month, bill, ())
    expected = {"unblended_cost": "3.504", "savingsplan_effective_cost": "1.08", "calculated_amortized_cost": "3.384"}
    for cost_type, amount in expected.items():
        (row,) = koku.report("aws/costs", cost_type=cost_type, months=-1, resolution="monthly").rows()
        assert row["cost_raw"] == Decimal(amount)
    (hours,) = koku.report("aws/instance-types", months=-1, resolution="monthly").rows()
    assert hours["usage"] == 48, "what the negation takes back was used"
    for cost_type, covered in {
        "unblended_cost": "0",
        "savingsplan_effective_cost": "1.08",
        "calculated_amortized_cost": "1.08",
    }.items():
        rows = koku.report("aws/resources/ec2-compute", cost_type=cost_type, months=-1).rows()
        assert {r["resource_id"]: r["cost_raw"] for r in rows}["i-1"] == Decimal(covered), cost_type
