"""Lists of what reports can be asked about, `user-access/`, and who sees which rows of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from koku_core.api import create_app
from tests.conftest import database
from tests.end_to_end.conftest import BASE, Api, model
from tests.end_to_end.tenants_data import OTHER, SENTINEL, fill, opened

TYPES = "resource-types/openshift-"
FORBIDDEN = [("You do not have permission to perform this action.", "detail")]
EAST = {"openshift.cluster": {"read": ["c-1"]}}


@pytest.fixture(scope="module")
def filled(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with database(server_dsn) as dsn, opened(dsn, tmp_path_factory.mktemp("data")) as koku:
        fill(koku)
        yield Api(create_app(koku))


def values(caller: Api, path: str) -> list[str]:
    return [row["value"] for row in caller.data(path)]


def test_rows_are_sorted_without_regard_to_case_and_show_other_names(filled: Api) -> None:
    assert values(filled, f"{TYPES}projects/") == ["openshift-dns", "shop", "Web", "Worker unallocated"]
    assert values(filled, f"{TYPES}nodes/") == ["n1", "n2", "n3"]
    assert filled.data(f"{TYPES}clusters/") == [
        {"cluster_alias": "east", "value": "c-1"},
        {"cluster_alias": "c-2", "value": "c-2"},
    ]
    assert values(filled, f"{TYPES}virtual-machines/?namespace=shop") == ["vm-shop"]
    assert values(filled, f"{TYPES}virtual-machines/?node=n3&search=WEB") == ["vm-Web"]


def test_pages_and_searches(filled: Api) -> None:
    body = filled.get(f"{TYPES}projects/?limit=2&search=sho").json()
    assert (body["meta"], body["data"]) == ({"count": 1, "limit": 2, "offset": 0}, [{"value": "shop"}])
    first = filled.get(f"{TYPES}projects/?limit=1").json()
    assert (first["meta"]["count"], len(first["data"])) == (4, 1)
    assert first["links"]["next"] == f"{BASE}{TYPES}projects/?limit=1&offset=1"
    assert filled.get(f"{TYPES}projects/?limit=99999").json()["meta"]["limit"] == 20000
    assert filled.get(f"{TYPES}projects/?limit=0").json()["meta"]["limit"] == 10
    assert values(filled, f"{TYPES}clusters/?search=EAS") == ["c-1"]
    assert values(filled, f"{TYPES}projects/?search=%25") == []
    assert values(filled, f"{TYPES}projects/?aws=false") == values(filled, f"{TYPES}projects/")
    assert values(filled, f"{TYPES}projects/?aws=true") == []


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("foo=1", {"foo": [["Unsupported parameter"]]}),
        ("offset=2", {"offset": [["Unsupported parameter"]]}),
        ("aws=true&gcp=true", {
            name: [["Only one cloud provider parameter can be supplied at a time."]] for name in ("aws", "gcp")}),
    ],
)  # fmt: skip
def test_a_parameter_that_is_not_known(filled: Api, query: str, body: Any) -> None:
    response = filled.get(f"{TYPES}nodes/?{query}")
    assert (response.status_code, response.json()) == (400, body)


@pytest.mark.parametrize(
    ("access", "clusters", "nodes", "projects"),
    [
        (EAST, ["c-1"], ["n1", "n2"], ["openshift-dns", "shop", "Worker unallocated"]),
        ({"openshift.cluster": {"read": ["nonsense"]}}, [], [], []),
        ({**EAST, "openshift.project": {"read": ["shop"]}}, ["c-1"], ["n1", "n2"], ["shop"]),
        (
            {**EAST, "openshift.node": {"read": ["n1"]}},
            ["c-1"],
            ["n1"],
            ["openshift-dns", "shop", "Worker unallocated"],
        ),
        ({"openshift.project": {"read": ["shop"]}}, None, None, ["shop"]),
        ({"openshift.project": {"read": ["sho"]}}, None, None, []),
        ({"cost_model": {"read": ["*"]}}, None, None, None),
        ({"aws.account": {"read": ["*"]}}, None, None, None),
    ],
)
def test_lists_hold_what_the_caller_may_see(filled: Api, access: Any, clusters: Any, nodes: Any, projects: Any) -> None:
    caller = filled.of(access=access)
    for name, wanted in (("clusters", clusters), ("nodes", nodes), ("projects", projects)):
        if wanted is None:
            assert caller.errors("GET", f"{TYPES}{name}/", 403) == FORBIDDEN
        else:
            assert values(caller, f"{TYPES}{name}/") == wanted
            assert values(caller, f"{TYPES}{name}/?search=n3") == [v for v in wanted if v == "n3"]


def test_machines_are_those_of_the_projects_that_the_caller_may_see(filled: Api) -> None:
    path = f"{TYPES}virtual-machines/"
    assert values(filled.of(access=EAST), path) == ["vm-openshift-dns", "vm-shop", "vm-Worker unallocated"]
    assert values(filled.of(access={"openshift.project": {"read": ["Web"]}}), path) == ["vm-Web"]
    assert values(filled.of(access={**EAST, "openshift.project": {"read": ["Web", "shop"]}}), path) == ["vm-shop"]
    assert filled.of(access={"cost_model": {"read": ["*"]}}).errors("GET", path, 403) == FORBIDDEN


def test_the_list_of_lists_counts_what_the_caller_may_see(filled: Api) -> None:
    rows = {r["value"]: r for r in filled.data("resource-types/")}
    assert {n: r["count"] for n, r in rows.items()} == {
        "aws.account": 0, "aws.organizational_unit": 0, "azure.subscription_guid": 0, "gcp.account": 0, "gcp.project": 0,
        "openshift.cluster": 2, "openshift.node": 3, "openshift.project": 4, "cost_model": 0, "settings": 1,
    }  # fmt: skip
    assert list(rows)[:8] == [
        "aws.account", "aws.organizational_unit", "azure.subscription_guid", "openshift.cluster", "openshift.node",
        "openshift.project", "gcp.account", "gcp.project",
    ]  # fmt: skip
    assert rows["settings"] == {"value": "settings", "count": 1}
    assert rows["openshift.node"]["path"] == f"{BASE}resource-types/openshift-nodes/"
    limited = {r["value"]: r["count"] for r in filled.of(access=EAST).data("resource-types/")}
    assert (limited["openshift.cluster"], limited["openshift.node"], limited["cost_model"]) == (1, 2, 0)


def test_cost_models(filled: Api) -> None:
    made = [filled.make("cost-models/", model(name))["uuid"] for name in ("b", "A")]
    assert values(filled, "resource-types/cost-models/") == [f"{made[1]} (A)", f"{made[0]} (b)"]
    limited = filled.of(access={"cost_model": {"read": [made[0]]}})
    assert values(limited, "resource-types/cost-models/") == [f"{made[0]} (b)"]
    assert filled.of(access=EAST).errors("GET", "resource-types/cost-models/", 403) == FORBIDDEN
    assert filled.get("resource-types/cost-models/?foo=1").json() == {"foo": [["Unsupported parameter"]]}


@pytest.mark.parametrize("name", ["clusters", "nodes", "projects", "virtual-machines"])
def test_nobody_sees_another_tenant(filled: Api, name: str) -> None:
    assert SENTINEL not in filled.get(f"{TYPES}{name}/?limit=1000").text
    theirs = filled.of(OTHER.removeprefix("org")).get(f"{TYPES}{name}/").text
    assert (SENTINEL in theirs) == (name != "virtual-machines")
    assert filled.of("777").get(f"{TYPES}{name}/").json()["data"] == []


def test_what_the_caller_may_use(filled: Api) -> None:
    rows = filled.data("user-access/?limit=1")
    assert [r["type"] for r in rows] == ["aws", "azure", "gcp", "ocp", "cost_model", "settings", "any"]
    assert [r["access"] for r in rows] == [False, False, False, True, True, True, True]
    limited = filled.of(access={"openshift.project": {"read": ["x"]}, "settings": {"write": ["*"]}})
    assert {r["type"]: (r["access"], r["write"]) for r in limited.data("user-access/")} == {
        "aws": (False, False), "azure": (False, False), "gcp": (False, False), "ocp": (True, False),
        "cost_model": (False, False), "settings": (True, True), "any": (True, False),
    }  # fmt: skip
    nobody = filled.of(access={})
    assert not any(r["access"] for r in nobody.data("user-access/"))
    assert filled.get("user-access/?type=Ocp").json() == {"data": True, "access": True, "write": True}
    assert filled.get("user-access/?beta=true").json() == {"data": False}
    unknown = filled.get("user-access/?type=foo")
    assert (unknown.status_code, unknown.json()) == (400, ["Unknown source type: foo"])
