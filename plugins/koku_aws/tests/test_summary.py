"""From a bill to reports: nothing is lost, whatever is asked; restated bills replace what they must, once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from plugins.koku_aws.tests.bills import Line, exported, slash
from plugins.koku_aws.tests.test_normalize import lines

import koku_aws
from koku_aws import sample
from koku_aws.facts import COST_TYPES
from koku_core import Koku
from koku_core.access import Access
from koku_core.errors import AccessDenied, PayloadRefused, SettingError, SourceUnreadable
from koku_core.plugins import Plugins
from koku_core.reports.service import Reports
from koku_core.settings import Settings
from koku_core.sources.model import Source

ROLE = "arn:aws:iam::111111111111:role/costs"
ATTRIBUTES = {"unblended_cost": "unblended", "blended_cost": "blended", "savingsplan_effective_cost": "effective",
              "calculated_amortized_cost": "amortized"}  # fmt: skip


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    changed = settings.model_copy(update={"local_sources": tmp_path, "plugins": None})
    with Koku.open(settings=changed, plugins=Plugins((), extra={"aws": koku_aws})) as opened:
        yield opened


def local(koku: Koku, folder: str = "bucket", **place: str) -> Source:
    return koku.sources.add("AWS-local", name="bills", role_arn=ROLE, data_source={"bucket": folder, **place})


def total(koku: Koku, cost_type: str = "unblended_cost", **question: object) -> tuple[Decimal, Decimal]:
    rows = list(
        koku.report("aws/costs", cost_type=cost_type, **{"months": -1, "resolution": "monthly", **question}).rows()
    )
    return sum((r["cost_raw"] for r in rows), Decimal()), sum((r["cost_markup"] for r in rows), Decimal())


def test_every_line_is_in_one_row_for_each_cost_type(koku: Koku, tmp_path: Path) -> None:
    source = local(koku)
    koku.tags.enable("AWS", ["app"])
    koku.cost_models.create({
        "name": "m", "description": "", "source_type": "AWS", "currency": "USD", "rates": [], "distribution_info": {},
        "markup": {"value": "10", "unit": "percent"}, "source_uuids": [source.uuid],
    })  # fmt: skip

    @tried(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(lines(last=date(2026, 11, 22)))  # reports end today
    def check(bill: list[Line]) -> None:
        koku.ingest(source, slash(tmp_path, bill))
        koku.work()
        for cost_type in COST_TYPES:
            expected = sum((getattr(line, ATTRIBUTES[cost_type]) for line in bill), Decimal())
            for group in ((), "account", "service", ("region", "az"), "tag:app"):
                raw, markup = total(koku, cost_type, group_by=group)
                assert raw == expected, (cost_type, group)
                assert abs(markup - expected / 10) < Decimal("1e-13")

    check()


def test_savings_plans_as_in_the_worked_example(koku: Koku, tmp_path: Path) -> None:
    def line(kind: str, unblended: str, effective: str = "0") -> Line:
        return Line(kind=kind, unblended=Decimal(unblended), effective=Decimal(effective), amount=Decimal(24))

    bill = [line("SavingsPlanCoveredUsage", "2.304", "1.08"), line("SavingsPlanNegation", "-2.304"),
            line("SavingsPlanRecurringFee", "1.2"), line("Usage", "2.304")]  # fmt: skip
    koku.ingest(local(koku), slash(tmp_path, bill))
    found = {name: total(koku, name)[0] for name in COST_TYPES}
    assert found["unblended_cost"] == Decimal("3.504")
    assert found["savingsplan_effective_cost"] == Decimal("1.08")
    assert found["calculated_amortized_cost"] == Decimal("3.384")


def test_a_restated_bill_replaces_its_month_alone(koku: Koku, tmp_path: Path) -> None:
    sample.sample(tmp_path, date(2026, 11, 22))
    source = local(koku)
    assert [r.months for r in koku.refresh(source)] == [(date(2026, 10, 1),), (date(2026, 11, 1),)]
    last_month = total(koku, months=-2)
    rows = [{**row, "lineItem/UnblendedCost": "1"} for row in sample.lines(date(2026, 11, 3))]
    sample.bill(tmp_path / "bucket", date(2026, 11, 1), rows)
    for expected in (1, 0):
        assert len(koku.refresh(source)) == expected
        assert total(koku)[0] == len(sample.LINES)
        assert total(koku, months=-2) == last_month


def test_a_refund_for_another_month_stays_when_that_month_is_restated(koku: Koku, tmp_path: Path) -> None:
    october = date(2026, 10, 1)
    old = [Line(day=date(2026, 10, 5), month=october, unblended=Decimal(5))]
    new = [Line(unblended=Decimal(1)), Line(day=date(2026, 10, 5), kind="Refund", unblended=Decimal(-3))]
    source = local(koku)
    for bill in (old, new, [Line(day=date(2026, 10, 5), month=october, unblended=Decimal(6))]):
        koku.ingest(source, slash(tmp_path, bill))
    assert total(koku, months=-2)[0] == 3
    assert total(koku)[0] == 1


def test_a_source_that_gets_another_role_keeps_what_came_before(koku: Koku, tmp_path: Path) -> None:
    october = date(2026, 10, 1)
    refund = Line(day=date(2026, 10, 5), kind="Refund", unblended=Decimal(-3))
    source = local(koku)
    koku.ingest(source, slash(tmp_path, [Line(unblended=Decimal(1)), refund]))
    moved = koku.sources.update(source, credentials={"role_arn": "arn:aws:iam::111111111111:role/other"})
    assert moved.key != source.key
    koku.ingest(moved, slash(tmp_path, [Line(day=date(2026, 10, 5), month=october, unblended=Decimal(6))]))
    assert total(koku, months=-2)[0] == 3, "the refund is read again from the delivery that came under the old role"


def test_only_folders_that_are_open_to_sources_are_read(
    koku: Koku, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    sample.sample(outside, date(2026, 11, 22))
    (tmp_path / "link").symlink_to(outside / "bucket")
    for folder in ("link", "..", str(outside / "bucket")):
        source = local(koku, folder)
        with pytest.raises(SettingError, match="is not beneath"):
            koku.refresh(source)
        koku.sources.remove(source)
    sample.sample(tmp_path, date(2026, 11, 22))
    data = next((tmp_path / "bucket").rglob("*.gz"))
    shutil.move(data, outside / "secret.gz")
    data.symlink_to(outside / "secret.gz")
    with pytest.raises(SourceUnreadable, match="which is not there"):
        koku.refresh(local(koku))


def test_files_stay_as_they_are(koku: Koku, tmp_path: Path) -> None:
    sample.sample(tmp_path, date(2026, 11, 22))
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "bucket").rglob("*") if p.is_file()}
    for path in before:
        path.chmod(0o444)
    koku.refresh(local(koku))
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in before} == before


def test_several_reports_must_be_told_apart(koku: Koku, tmp_path: Path) -> None:
    sample.sample(tmp_path, date(2026, 11, 22))
    shutil.copytree(tmp_path / "bucket/cur", tmp_path / "bucket/deep/er/other")
    source = local(koku)
    with pytest.raises(SourceUnreadable, match=r"several reports \(cur, deep/er/other\)"):
        koku.refresh(source)
    koku.sources.remove(source)
    assert len(koku.refresh(local(koku, report="other"))) == 2


def test_accounts_have_the_names_of_the_organization(koku: Koku, tmp_path: Path) -> None:
    sample.sample(tmp_path, date(2026, 11, 22))
    organization = """{"since": "2026-11-05", "accounts": {"222222222222": "shop"},
        "root": {"id": "r-1", "children": [{"id": "ou-1", "accounts": ["222222222222"]}]}}"""
    (tmp_path / "bucket/organizations.json").write_text(organization)
    source = local(koku)
    koku.refresh(source)
    names = {(r["id"], r["alias"]) for r in koku.report("aws/costs", group_by="account", months=-1).rows()}
    assert names == {("222222222222", "shop"), ("333333333333", "333333333333")}
    rows = koku.daily_summary(source, date(2026, 11, 1)).to_pylist()
    days = {r["usage_start"].day for r in rows if r["organizational_unit_path"] == "r-1&ou-1"}
    assert days == set(range(5, 22))


@pytest.mark.parametrize(
    ("lists", "seen"),
    [
        ({"aws.account": ["222222222222"]}, {"222222222222"}),
        ({"aws.organizational_unit": ["r-1"]}, {"222222222222", "333333333333"}),
        ({"aws.organizational_unit": ["ou-1"]}, {"222222222222"}),
        ({"aws.account": ["333333333333"], "aws.organizational_unit": ["ou-1"]}, set()),
        ({"aws.account": ["*"], "aws.organizational_unit": ["ou-2"]}, {"333333333333"}),
    ],
)
def test_accounts_and_units_restrict_each_other(
    koku: Koku, tmp_path: Path, lists: dict[str, list[str]], seen: set[str]
) -> None:
    sample.sample(tmp_path, date(2026, 11, 22))
    organization = """{"root": {"id": "r-1", "children": [
        {"id": "ou-1", "accounts": ["222222222222"]}, {"id": "ou-2", "accounts": ["333333333333"]}]}}"""
    (tmp_path / "bucket/organizations.json").write_text(organization)
    koku.refresh(local(koku))
    reports = Reports(koku.services, koku.handle)
    access = Access(lists={name: {"read": tuple(values)} for name, values in lists.items()})
    for report in koku.services.plugins.provider("aws").report_map.reports:
        found = reports.answer(
            f"aws/{report.name}", "filter[time_scope_value]=-1&filter[time_scope_units]=month", access
        )
        assert (found.body()["meta"]["total"]["cost"]["raw"]["value"] != 0) == bool(seen & costly(report.name)), (
            report.name
        )
    rows = reports.answer("aws/costs", "group_by[account]=*", access).rows()
    assert {row["id"] for row in rows} == seen


def costly(report: str) -> set[str]:
    """The accounts of the sample that a report shows costs of."""
    return {
        "costs": {"222222222222", "333333333333"}, "storage": {"333333333333"},
        "instance-types": {"222222222222"}, "resources/ec2-compute": {"222222222222"},
    }[report]  # fmt: skip


def test_without_any_list_there_is_no_answer(koku: Koku) -> None:
    with pytest.raises(AccessDenied):
        Reports(koku.services, koku.handle).answer("aws/costs", "", Access())


def test_a_data_export_is_found_by_its_metadata(koku: Koku, tmp_path: Path) -> None:
    period = "BILLING_PERIOD=2026-11"
    data, metadata = (tmp_path / "bucket/exports/costs" / name / period for name in ("data", "metadata"))
    data.mkdir(parents=True)
    metadata.mkdir(parents=True)
    path = exported(data, [Line(unblended=Decimal("1.5"))])
    manifest = {"executionId": "1", "dataFiles": [f"s3://bills/exports/costs/data/{period}/{path.name}"]}
    (metadata / "costs-Manifest.json").write_text(json.dumps(manifest))
    (made,) = koku.refresh(local(koku))
    assert made.months == (date(2026, 11, 1),)
    assert total(koku)[0] == Decimal("1.5")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"billingPeriod": {"start": "soon"}}', '{"reportKeys": 1}'])
def test_a_manifest_that_is_none_is_refused(koku: Koku, tmp_path: Path, text: str) -> None:
    sample.sample(tmp_path, date(2026, 11, 22))
    next((tmp_path / "bucket").rglob("*202610*/cur-Manifest.json")).write_text(text)
    with pytest.raises(PayloadRefused, match="is no manifest"):
        koku.refresh(local(koku))
    assert total(koku)[0] > 0, "the other month came in"
