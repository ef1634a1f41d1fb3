"""Which lines are behind a figure: those whose costs add up to it, to the last digit, whatever it is grouped and filtered by."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from plugins.koku_aws.tests.bills import Line, slash
from plugins.koku_aws.tests.test_normalize import lines
from plugins.koku_aws.tests.test_summary import koku, local

from koku_core import Koku
from koku_core.access import Access
from koku_core.lines.service import LineItemReports

__all__ = ["koku"]
SCOPE: dict[str, Any] = {"months": -1, "resolution": "monthly"}


def cost(koku: Koku, column: str, **question: Any) -> Decimal:
    found = koku.line_items("aws/costs", **{**SCOPE, **question}).to_arrow()
    return sum(found[column].to_pylist(), Decimal())


@pytest.mark.slow
def test_the_lines_of_a_row_add_up_to_it(koku: Koku, tmp_path: Path) -> None:
    source = local(koku)
    koku.tags.enable("AWS", ["app"])

    @tried(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(lines())
    def check(bill: list[Line]) -> None:
        koku.ingest(source, slash(tmp_path, bill))
        koku.work()
        for column in ("unblended_cost", "blended_cost") if len(bill) < 4 else ("unblended_cost",):
            for group in ("service", "account", "tag:app"):
                question = {"group_by": group, "cost_type": column}
                rows = list(koku.report("aws/costs", **SCOPE, **question).rows())
                found = {}
                for row in rows:
                    value = row[
                        {"service": "service", "account": "id"}.get(
                            group, next((n for n in row if n.startswith("INTERNAL")), "")
                        )
                    ]
                    found[row["date"], value] = row["cost_raw"]
                    assert cost(koku, column, **question, row={"date": row["date"], group: value}) == row["cost_raw"], (
                        row
                    )
                assert sum(found.values()) == cost(koku, column, **question)

    check()


BILL = [
    Line(service="AmazonEC2", resource="i-1", unblended=Decimal("1.000000000000001"), tags={"app": "shop", "secret": "x"}),
    Line(service="AmazonEC2", resource="i-2", unblended=Decimal(2), tags={"App": "bank"}, account="333333333333"),
    Line(service="AmazonS3", unblended=Decimal("0.5"), tags={"app": ""}),
]  # fmt: skip


def loaded(koku: Koku, folder: Path) -> None:
    source = local(koku)
    koku.tags.enable("AWS", ["app", "App"])
    koku.ingest(source, slash(folder, BILL))


def test_mapped_labels_are_those_of_the_report(koku: Koku, tmp_path: Path) -> None:
    """A child's lines are behind its parent's figure; a label that is not enabled is behind none."""
    loaded(koku, tmp_path)
    assert cost(koku, "unblended_cost", filter={"tag:app": "shop"}) == Decimal("1.000000000000001")
    assert cost(koku, "unblended_cost", filter={"tag:app": "bank"}) == 0
    ids = {tag["key"]: tag["uuid"] for tag in koku.tags.rows()}
    koku.tag_mappings.add(ids["app"], [ids["App"]])
    koku.work()
    for question in ({"filter": {"tag:app": "bank"}}, {"group_by": "tag:app", "row": {"tag:app": "bank"}}):
        assert cost(koku, "unblended_cost", **question) == 2
    assert cost(koku, "unblended_cost", group_by="tag:app", row={"app": "No-app"}) == Decimal("0.5")


def test_a_restricted_caller_sees_the_lines_of_his_accounts(koku: Koku, tmp_path: Path) -> None:
    loaded(koku, tmp_path)
    mine = Access(lists={"aws.account": {"read": ("333333333333",)}})
    reports = LineItemReports(koku.services, koku.handle)
    for query in (
        "",
        "group_by[service]=*&row[service]=AmazonEC2",
        "filter[service]=Amazon",
        "exclude[service]=AmazonS3",
    ):
        rows = list(
            reports.lines(
                "aws/costs", f"filter[time_scope_value]=-1&filter[time_scope_units]=month&{query}", mine
            ).rows()
        )
        assert [r["usage_account_id"] for r in rows] == ["333333333333"], query
