"""Organizational units: what lies in a unit, who may see it, and who was where on which day."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st
from plugins.koku_aws.tests.bills import Line
from plugins.koku_aws.tests.test_summary import koku, local
from starlette.testclient import TestClient

from koku_aws import sample
from koku_core import Koku
from koku_core.access import EVERYTHING, Access, Identity
from koku_core.api import create_app
from koku_core.errors import AccessDenied, InvalidInput, PayloadRefused
from koku_core.reports.service import Reports

__all__ = ["koku"]
MONTH = "filter[time_scope_units]=month&filter[time_scope_value]=-1&filter[resolution]=monthly"
SHOP, LAB = sample.SHOP, sample.LAB
TREE: dict[str, Any] = {
    "accounts": {SHOP: "shop", LAB: "lab", sample.PAYER: "payer"},
    "root": {"id": "r-1", "name": "Root", "accounts": [sample.PAYER], "children": [
        {"id": "ou-1", "name": "Sales", "accounts": [SHOP], "children": []},
        {"id": "ou-2", "name": "Research", "children": [{"id": "ou-3", "name": "Lab", "accounts": [LAB]}]}]},
}  # fmt: skip


def organized(koku: Koku, folder: Path, organization: Any = TREE) -> None:
    """The sample's bills, with an organization beside them."""
    sample.sample(folder, date(2026, 11, 22))
    (folder / "bucket/organizations.json").write_text(json.dumps(organization))
    koku.refresh(local(koku))


def ask(koku: Koku, question: str, access: Access = EVERYTHING, report: str = "costs") -> dict[str, Any]:
    return Reports(koku.services, koku.handle).answer(f"aws/{report}", f"{question}&{MONTH}", access).body()


def entities(body: dict[str, Any]) -> dict[tuple[str, str, str], float]:
    """By kind, id and name what lies in a node costs, over all buckets and groups below."""

    def rows(found: dict[str, Any]) -> list[dict[str, Any]]:
        if "values" in found:
            return list(found["values"])
        (below,) = (v for v in found.values() if isinstance(v, list))
        return [row for each in below for row in rows(each)]

    made: dict[tuple[str, str, str], float] = {}
    for bucket in body["data"]:
        for entity in bucket["org_entities"]:
            for row in rows(entity):
                place = (entity["type"], entity["id"], row["alias"])
                made[place] = made.get(place, 0.0) + row["cost"]["total"]["value"]
    return made


def total(body: dict[str, Any]) -> float:
    return float(body["meta"]["total"]["cost"]["total"]["value"])


def test_a_node_shows_the_nodes_below_it_and_its_own_accounts(koku: Koku, tmp_path: Path) -> None:
    organized(koku, tmp_path)
    whole, sales, lab = (total(ask(koku, q)) for q in ("", "filter[org_unit_id]=ou-1", "filter[org_unit_id]=ou-3"))
    root = ask(koku, "group_by[org_unit_id]=r-1")
    assert entities(root) == {
        ("organizational_unit", "ou-2", "Research"): pytest.approx(lab),
        ("organizational_unit", "ou-1", "Sales"): pytest.approx(sales),
    }
    assert total(root) == pytest.approx(whole)
    assert (root["meta"]["count"], root["meta"]["limit"], root["meta"]["group_by"]) == (2, 10, {})
    assert [e["id"] for e in root["data"][0]["org_entities"]] == ["ou-2", "ou-1"], "the largest first"
    leaf = ask(koku, "group_by[org_unit_id]=ou-3")
    assert entities(leaf) == {("account", LAB, "lab"): pytest.approx(lab)}
    assert leaf["meta"]["group_by"] == {"account": ["*"]}
    assert "date" not in leaf["data"][0]["org_entities"][0]
    assert entities(ask(koku, "group_by[org_unit_id]=ou-1&group_by[account]=*")) == {
        ("account", SHOP, "shop"): pytest.approx(sales)
    }


def test_a_second_group_stands_within_each_node(koku: Koku, tmp_path: Path) -> None:
    organized(koku, tmp_path)
    alone, grouped = (entities(ask(koku, f"group_by[org_unit_id]=r-1{more}")) for more in ("", "&group_by[service]=*"))
    assert grouped == pytest.approx(alone)
    (first, *_) = ask(koku, "group_by[org_unit_id]=r-1&group_by[service]=*")["data"][0]["org_entities"]
    assert {s["service"] for s in first["services"]} == {"AmazonEC2", "Red Hat OpenShift Service on AWS"}


def test_pages_orders_and_several_nodes(koku: Koku, tmp_path: Path) -> None:
    organized(koku, tmp_path)
    for page in ("filter[limit]=1&filter[offset]=1", "limit=1&offset=1"):
        body = ask(koku, f"group_by[org_unit_id]=r-1&{page}")
        assert {i for _, i, _ in entities(body)} == {"ou-1"}
        assert (body["meta"]["count"], body["links"]["next"]) == (2, None)
    rising = ask(koku, "group_by[org_unit_id]=r-1&order_by[cost]=asc")["data"][0]["org_entities"]
    assert [e["id"] for e in rising] == ["ou-1", "ou-2"]
    both = ask(koku, "group_by[or:org_unit_id]=r-1&group_by[or:org_unit_id]=ou-3")
    assert {i for _, i, _ in entities(both)} == {"ou-1", "ou-2"}, "what lies in both counts once, in the upper one"
    assert sum(entities(both).values()) == pytest.approx(total(both))
    assert entities(ask(koku, "group_by[org_unit_id]=nowhere")) == {}
    assert {i for _, i, _ in entities(ask(koku, "group_by[org_unit_id]=r-1&exclude[org_unit_id]=ou-1"))} == {"ou-2"}
    daily = koku.report("aws/costs", group_by={"org_unit_id": "r-1"}, months=-1)
    assert {(r["type"], r["id"], r["alias"]) for r in daily.rows()} == {
        ("organizational_unit", "ou-1", "Sales"), ("organizational_unit", "ou-2", "Research"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("question", "report", "told"),
    [
        ("group_by[org_unit_id]=*", "costs", {"group_by": {"org_unit_id": "Unsupported parameter or invalid value"}}),
        ("group_by[org_unit_id]=r-1", "storage", {"group_by": {"org_unit_id": "Unsupported parameter or invalid value"}}),
        ("group_by[org_unit_id]=a&group_by[org_unit_id]=b", "costs",
         {"group_by": {"or_unit_id": "Multiple org_unit_id must be represented with the or: prefix."}}),
        ("filter[exact:org_unit_id]=a", "costs",
         {"filter": {"exact:org_unit_id": ["The 'exact:' operator is not supported for the 'org_unit_id' filter."]}}),
    ],
)  # fmt: skip
def test_what_is_refused(koku: Koku, question: str, report: str, told: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(koku, question, report=report)
    assert refused.value.errors == told


def test_who_sees_a_node_sees_what_is_below_it_and_nothing_else(koku: Koku, tmp_path: Path) -> None:
    organized(koku, tmp_path)
    access = Access(lists={"aws.organizational_unit": {"read": ("ou-2",)}})
    for node in ("ou-2", "ou-3"):
        assert total(ask(koku, f"group_by[org_unit_id]={node}", access)) > 0
        assert total(ask(koku, f"filter[org_unit_id]={node}", access)) > 0
    for question in ("group_by[org_unit_id]=r-1", "filter[org_unit_id]=ou-1", "filter[account]=222222222222"):
        with pytest.raises(AccessDenied):
            ask(koku, question, access)
    accounts = Access(lists={"aws.account": {"read": (SHOP,)}})
    with pytest.raises(AccessDenied):
        ask(koku, "group_by[org_unit_id]=r-1", accounts)
    assert {i for _, i, _ in entities(ask(koku, "group_by[or:org_unit_id]=r-1", access))} == {"ou-2"}


def api(koku: Koku, access: Access = EVERYTHING) -> TestClient:
    app = create_app(koku, identify=lambda _: Identity("default", "tester", access))
    return TestClient(app, base_url="http://test/api/cost-management/v1/")


def test_the_tree_is_told(koku: Koku, tmp_path: Path) -> None:
    organized(koku, tmp_path)
    body = api(koku).get("organizations/aws/").json()
    assert [(r["org_unit_id"], r["org_unit_name"], r["level"], r["sub_orgs"], r["accounts"]) for r in body["data"]] == [
        ("ou-1", "Sales", 1, [], ["shop"]), ("ou-2", "Research", 1, ["ou-3"], []), ("ou-3", "Lab", 2, [], ["lab"]),
        ("r-1", "Root", 0, ["ou-1", "ou-2"], ["payer"]),
    ]  # fmt: skip
    assert body["data"][2]["org_unit_path"] == "r-1&ou-2&ou-3"
    assert api(koku).get("organizations/aws/?filter[org_unit_id]=OU-3&key_only=true").json()["data"] == [
        {"org_unit_id": "ou-3", "org_unit_name": "Lab", "org_unit_path": "r-1&ou-2&ou-3", "level": 2}
    ]
    access = Access(lists={"aws.organizational_unit": {"read": ("ou-2",)}, "aws.account": {"read": (SHOP,)}})
    seen = api(koku, access).get("organizations/aws/").json()
    assert [(r["org_unit_id"], r["accounts"]) for r in seen["data"]] == [("ou-2", []), ("ou-3", [])]
    assert seen["meta"]["access"] == {"account": [SHOP], "org_unit_id": ["ou-2"]}
    assert api(koku, access).get("organizations/aws/?filter[org_unit_id]=ou-1").status_code == 403
    assert api(koku, Access(lists={"aws.account": {"read": ("*",)}})).get("organizations/aws/").status_code == 403
    assert api(koku).get("organizations/aws/?nonsense=1").json() == {
        "nonsense": ["Unsupported parameter or invalid value"]
    }
    assert {r["org_unit_id"]: r["accounts"] for r in koku.organization("aws").rows()}["ou-1"] == ["shop"]
    units = api(koku).get("resource-types/aws-organizational-units/").json()
    assert [r["value"] for r in units["data"]] == ["ou-1", "ou-2", "ou-3", "r-1"]


def test_an_account_that_moves_counts_where_it_was(koku: Koku, tmp_path: Path) -> None:
    moved = json.loads(json.dumps(TREE))
    moved["root"]["children"][0]["accounts"], moved["root"]["accounts"] = [], [sample.PAYER, SHOP]
    organized(koku, tmp_path, [{**TREE, "since": "2026-09-01"}, {**moved, "since": "2026-11-11"}])
    days = list(koku.report("aws/costs", group_by={"org_unit_id": "r-1"}, months=-1, resolution="daily").rows())
    in_unit = {r["date"] for r in days if r["id"] == "ou-1"}
    in_root = {r["date"] for r in days if r["id"] == SHOP}
    assert (max(in_unit), min(in_root)) == ("2026-11-10", "2026-11-11")
    assert total(ask(koku, "group_by[org_unit_id]=r-1")) == pytest.approx(total(ask(koku, "")))
    tree = api(koku).get("organizations/aws/?filter[time_scope_units]=month&filter[time_scope_value]=-1").json()["data"]
    assert {r["org_unit_id"]: r["accounts"] for r in tree}["r-1"] == ["payer", "shop"], "where it was last"


def trees() -> st.SearchStrategy[dict[str, Any]]:
    """Any organization of eight accounts: each unit but the root is below an earlier one."""
    parents = st.lists(st.integers(0, 5), max_size=6)
    homes = st.lists(st.integers(-1, 6), min_size=8, max_size=8)
    return st.builds(_tree, parents, homes)


def _tree(parents: list[int], homes: list[int]) -> dict[str, Any]:
    units: list[dict[str, Any]] = [{"id": f"u{n}", "accounts": [], "children": []} for n in range(len(parents) + 1)]
    for n, parent in enumerate(parents):
        units[min(parent, n)]["children"].append(units[n + 1])
    for account, home in enumerate(homes):
        if 0 <= home < len(units):
            units[home]["accounts"].append(f"{account:012}")
    return {"root": units[0]}


@pytest.mark.slow
def test_every_cent_of_a_node_is_in_exactly_one_thing_that_lies_in_it(koku: Koku, tmp_path: Path) -> None:
    source = local(koku)

    @tried(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(trees(), st.lists(st.decimals(-1000, 1000, places=9), min_size=8, max_size=8))
    def check(tree: dict[str, Any], amounts: list[Decimal]) -> None:
        lines = [Line(account=f"{n:012}", unblended=amount) for n, amount in enumerate(amounts)]
        manifest = sample.bill(
            tmp_path / "bucket", date(2026, 11, 1), [line.cells() for line in lines], lines[0].cells()
        )
        (tmp_path / "bucket/organizations.json").write_text(json.dumps(tree))
        assert manifest.exists()
        koku.refresh(source)
        rows = koku.report("aws/costs", group_by="account", months=-1, resolution="monthly").rows()
        by_account = {r["id"]: r["cost_raw"] for r in rows}
        assert by_account == {f"{n:012}": amount for n, amount in enumerate(amounts)}
        compare(tree["root"], by_account)

    def compare(unit: dict[str, Any], amounts: dict[str, Decimal]) -> None:
        found = koku.report("aws/costs", group_by={"org_unit_id": unit["id"]}, months=-1, resolution="monthly").rows()
        own = {a: amounts[a] for a in unit["accounts"]}
        below = {
            c["id"]: sum((amounts[a] for a in _accounts(c)), Decimal()) for c in unit["children"] if list(_accounts(c))
        }
        assert {r["id"]: r["cost_raw"] for r in found} == {**own, **below}
        for child in unit["children"]:
            compare(child, amounts)

    check()


def _accounts(unit: dict[str, Any]) -> list[str]:
    return [*unit["accounts"], *(a for child in unit["children"] for a in _accounts(child))]


@pytest.mark.parametrize("text", ["{", "[1]", '{"root": {"name": "no id"}}', '{"since": "soon"}'])
def test_a_file_that_describes_no_organization_is_refused(koku: Koku, tmp_path: Path, text: str) -> None:
    sample.sample(tmp_path, date(2026, 11, 22))
    (tmp_path / "bucket/organizations.json").write_text(text)
    with pytest.raises(PayloadRefused, match="does not describe an organization"):
        koku.refresh(local(koku))


def test_csv_has_a_row_for_each_day_and_entity(koku: Koku, tmp_path: Path) -> None:
    organized(koku, tmp_path)
    path = f"reports/aws/costs/?group_by[org_unit_id]=r-1&{MONTH.replace('monthly', 'daily')}"
    rows = list(csv.DictReader(api(koku).get(path, headers={"Accept": "text/csv"}).text.splitlines()))
    assert len(rows) == 42, "21 days of two units"
    assert {(r["type"], r["id"], r["alias"]) for r in rows} == {
        ("organizational_unit", "ou-1", "Sales"), ("organizational_unit", "ou-2", "Research"),
    }  # fmt: skip


def test_a_tenant_that_does_not_exist_has_no_units(koku: Koku) -> None:
    access = Access(lists={"aws.organizational_unit": {"read": ("ou-2",)}})
    client = api(koku, access)
    for path in (
        "organizations/aws/",
        "reports/aws/costs/?group_by[org_unit_id]=ou-2",
        "reports/aws/costs/",
        "resource-types/aws-organizational-units/",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["data"]) == (200, []), path
    everything = api(koku)
    assert everything.get("resource-types/aws-categories/").json()["data"] == []
    assert everything.get("settings/aws_category_keys/").json()["data"] == []
