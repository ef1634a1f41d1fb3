"""Cost categories: grouped, filtered and excluded by like tags; known once seen, until somebody disables them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from plugins.koku_aws.tests.bills import Line, slash
from plugins.koku_aws.tests.test_organization import api, ask
from plugins.koku_aws.tests.test_summary import koku, local

from koku_core import Koku
from koku_core.access import Access
from koku_core.errors import InvalidInput, UnknownName

__all__ = ["koku"]
BILL = [
    Line(unblended=Decimal(1), categories={"team": "red", "env": "prod"}, tags={"team": "a tag"}),
    Line(unblended=Decimal(2), categories={"team": "blue"}, account="333333333333"),
    Line(unblended=Decimal(4)),
]


@pytest.fixture
def billed(koku: Koku, tmp_path: Path) -> Koku:
    koku.ingest(local(koku), slash(tmp_path, BILL))
    return koku


def groups(koku: Koku, question: str, key: str = "team", report: str = "costs") -> dict[str, float]:
    data = ask(koku, question, report=report)["data"]
    return {g[key]: g["values"][0]["cost"]["total"]["value"] for b in data for g in b[f"{key}s"]}


def cost(koku: Koku, question: str) -> float:
    return float(ask(koku, question)["meta"]["total"]["cost"]["total"]["value"])


def test_groups_and_filters(billed: Koku) -> None:
    assert groups(billed, "group_by[aws_category:team]=*") == {"red": 1, "blue": 2, "No-team": 4}
    assert groups(billed, "group_by[tag:team]=*") == {"a tag": 1, "No-team": 6}
    assert groups(billed, "group_by[aws_category:team]=red") == {"red": 1}
    for question, expected in {
        "filter[aws_category:team]=e": 3, "filter[exact:aws_category:team]=red": 1, "filter[aws_category:team]=*": 3,
        "exclude[aws_category:team]=red": 6, "filter[or:aws_category:team]=red&filter[or:aws_category:team]=blue": 3,
        "filter[or:aws_category:team]=blue&filter[or:aws_category:env]=prod": 0, "filter[aws_category:team]=red&filter[account]=2": 1,
    }.items():  # fmt: skip
        assert cost(billed, question) == expected, question
    rows = billed.report("aws/costs", group_by=("service", "aws_category:env"), months=-1, resolution="monthly").rows()
    assert sum(r["cost_total"] for r in rows) == 7


def test_a_key_is_known_once_it_was_seen(billed: Koku) -> None:
    for where in ("filter", "group_by", "exclude"):
        with pytest.raises(InvalidInput) as refused:
            ask(billed, f"{where}[aws_category:nosuch]=x")
        assert refused.value.errors == {where: {"aws_category:nosuch": ["Unsupported parameter or invalid value"]}}
    with pytest.raises(InvalidInput):
        ask(billed, "group_by[other:team]=*")
    assert billed.tags.enabled("AWS") == ["team"], "categories are no tags"


def test_settings(billed: Koku) -> None:
    client = api(billed)
    listed = client.get("settings/aws_category_keys/").json()
    assert [(r["key"], r["enabled"]) for r in listed["data"]] == [("env", True), ("team", True)]
    uuid = listed["data"][1]["uuid"]
    etag = client.get("reports/aws/costs/?group_by[aws_category:team]=*").headers["etag"]
    assert client.put("settings/aws_category_keys/disable/", json={"ids": [uuid]}).status_code == 204
    answer = client.get("reports/aws/costs/?group_by[aws_category:team]=*", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.json()["data"], answer.json()["meta"]["count"]) == (200, [], 0)
    assert answer.json()["meta"]["total"]["cost"]["total"]["value"] == 0
    assert cost(billed, "filter[aws_category:env]=prod") == 1
    for query, keys in {
        "filter[enabled]=false": ["team"], "filter[key]=NV": ["env"], "order_by[key]=desc": ["team", "env"],
        f"filter[uuid]={uuid}": ["team"],
    }.items():  # fmt: skip
        assert [r["key"] for r in client.get(f"settings/aws_category_keys/?{query}").json()["data"]] == keys, query
    assert client.put("settings/aws_category_keys/enable/", json={"ids": [uuid]}).status_code == 204
    assert groups(billed, "group_by[aws_category:team]=red") == {"red": 1}


@pytest.mark.parametrize(("ids", "status", "said"), [
    ([], 204, ""), (["abc"], 400, "id_list.0"), (["00000000-0000-0000-0000-000000000000"], 204, ""), ("x", 400, "id_list"),
])  # fmt: skip
def test_bodies(billed: Koku, ids: Any, status: int, said: str) -> None:
    answer = api(billed).put("settings/aws_category_keys/enable/", json={"ids": ids})
    assert answer.status_code == status
    assert not said or answer.json()["errors"][0]["source"] == said


def test_keys_are_listed_with_the_values_that_somebody_may_see(billed: Koku) -> None:
    listed = api(billed).get("resource-types/aws-categories/").json()["data"]
    assert listed == [
        {"key": "env", "values": ["prod"], "enabled": "True"}, {"key": "team", "values": ["red", "blue"], "enabled": "True"},
    ]  # fmt: skip
    one = Access(lists={"aws.account": {"read": ("333333333333",)}})
    seen = api(billed, one).get("resource-types/aws-categories/").json()
    assert (seen["data"], seen["meta"]["count"]) == ([{"key": "team", "values": ["blue"], "enabled": "True"}], 1)
    assert api(billed).get("resource-types/aws-categories/?key_only=true&search=E").json()["data"] == ["env", "team"]
    assert api(billed).get("resource-types/aws-categories/?offset=1").json() == {"offset": [["Unsupported parameter"]]}
    assert (
        api(billed, Access(lists={"settings": {"read": ("*",)}})).get("resource-types/aws-categories/").status_code
        == 403
    )
    tags = api(billed).get("tags/aws/").json()["data"]
    assert [(r["key"], r["values"]) for r in tags] == [("team", ["a tag"])], "categories are not listed among tags"


def test_the_library_has_them_too(billed: Koku) -> None:
    keys = billed.labels("aws_category")
    keys.enable([r["uuid"] for r in keys.rows() if r["key"] == "team"], enabled=False)
    assert {r["key"]: r["enabled"] for r in keys.rows()} == {"env": True, "team": False}
    assert list(billed.report("aws/costs", group_by="aws_category:team", months=-1).rows()) == []
    with pytest.raises(UnknownName, match="aws_category"):
        billed.labels("nosuch")


def test_a_mapping_of_tags_leaves_categories_alone(billed: Koku, tmp_path: Path) -> None:
    billed.tags.enable("AWS", ["crew"])
    uuids = {r["key"]: r["uuid"] for r in billed.tags.rows()}
    billed.tag_mappings.add(uuids["crew"], [uuids["team"]])
    billed.work()
    assert groups(billed, "group_by[aws_category:team]=red") == {"red": 1}
    assert groups(billed, "group_by[tag:crew]=*", "crew") == {"a tag": 1, "No-crew": 6}
