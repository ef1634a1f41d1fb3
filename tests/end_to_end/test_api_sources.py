"""`sources/` and what an operator calls to register its cluster."""

from __future__ import annotations

from typing import Any

import pytest

from koku_core import Koku
from tests.end_to_end.conftest import Api, cluster, model

REQUIRED = "This field is required."
DUPLICATE = (
    "Cost management does not allow duplicate accounts. An integration already exists with these details. "
    "Edit integration settings to configure a new integration."
)
MISSING = "One or more required fields is invalid/missing. Required fields are ['cluster_id']"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (REQUIRED, "name")),
        ({"name": "x" * 257}, ("Ensure this field has no more than 256 characters.", "name")),
        ({"name": "x"}, ("Either source_type or source_type_id is required", "source_type")),
        ({"name": "x", "source_type": "ZZ"}, ("Invalid source_type, ZZ, provided.", "source_type.source_type")),
        ({"name": "x", "source_type_id": "9"}, ("Invalid source_type_id: 9", "source_type_id")),
        ({"name": "x", "source_type": "OCP"}, ("Missing credentials", None)),
        ({"name": "x", "source_type": "OCP", "authentication": {"credentials": {}}}, ("Missing credentials", None)),
        ({"name": "x", "source_type": "OCP", "authentication": []}, ("Missing credentials", None)),
        ({"name": "x", "source_type": "OCP", "authentication": {"credentials": {"id": "a"}}}, (
            MISSING, "authentication.credentials.cluster_id")),
        ({"name": "x", "source_type": "OCP", "authentication": {"credentials": {"cluster_id": ""}}}, (
            "Provider resource name is a required parameter for OCP.", "authentication.cluster_id")),
        ({"name": "x", "source_type": "OCP", "authentication": {"credentials": {"cluster_id": 7}}}, (
            "Not a valid string.", "authentication.credentials.cluster_id")),
        ({"name": "x", "paused": "maybe"}, ("Must be a valid boolean.", "paused")),
        ([], ("Invalid data. Expected a dictionary, but got list.", "non_field_errors")),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_made(api: Api, body: Any, expected: tuple[str, str | None]) -> None:
    assert api.errors("POST", "sources/", json=body) == [expected]
    assert api.data("sources/") == []


def test_the_life_of_a_source(api: Api) -> None:
    made = cluster(api)
    assert set(made) == {
        "id",
        "uuid",
        "name",
        "source_type",
        "authentication",
        "billing_source",
        "paused",
        "updated_timestamp",
    }
    assert (made["id"], made["source_type"], made["billing_source"], made["paused"]) == ("1", "OCP", {}, False)
    for path in (f"sources/{made['id']}/", f"sources/{made['uuid']}/"):
        seen = api.get(path).json()
        assert made.items() <= seen.items()
    assert (seen["source_ref"], seen["source_type_id"], seen["provider_linked"], seen["active"]) == (
        "my-ocp-cluster-1", "1", True, True,
    )  # fmt: skip
    assert (seen["status"], seen["has_data"], seen["infrastructure"], seen["cost_models"]) == (None, False, {}, [])
    changed = api.patch("sources/1/", json={"name": "renamed", "paused": True}).json()
    assert (changed["name"], changed["paused"]) == ("renamed", True)
    assert api.errors("PATCH", "sources/1/", json={"source_type": "AWS"}) == [
        ("Invalid source_type, AWS, provided.", "source_type.source_type")
    ]
    assert api.errors("PUT", "sources/1/", 405, json={}) == [('Method "PUT" not allowed.', "detail")]
    assert api.delete("sources/1/").status_code == 204
    assert api.errors("DELETE", "sources/1/", 404) == [("No Sources matches the given query.", "detail")]
    assert api.errors("GET", f"sources/{made['uuid']}/", 404) == [("Not found.", "detail")]


def test_no_two_sources_of_one_cluster(api: Api) -> None:
    cluster(api)
    body = {"name": "again", "source_type_id": "1", "source_ref": "my-ocp-cluster-1"}
    assert api.errors("POST", "sources/", json=body) == [(DUPLICATE, "source.duplicate")]
    second = cluster(api, "second", "prod")
    assert second["id"] == "2"
    assert api.errors("PATCH", f"sources/{second['id']}/", json={"source_ref": "my-ocp-cluster-1"}) == [
        (DUPLICATE, "source.duplicate")
    ]
    assert api.of("2").data("sources/") == []
    cluster(api.of("2"))


def test_lists_are_by_name_and_can_be_filtered(api: Api) -> None:
    for number, name in enumerate(("b two", "A one", "c three"), start=1):
        cluster(api, f"cluster-{number}", name)

    def names(query: str = "") -> list[str]:
        return [s["name"] for s in api.data("sources/" + query)]

    assert names() == ["A one", "b two", "c three"]
    assert names("?name=O") == ["A one", "b two"]
    assert names("?filter[name]=o,t") == ["b two"]
    assert names("?type=ocp") == ["A one", "b two", "c three"]
    assert names("?type=AWS") == []
    assert names("?filter[source_ref]=cluster-3&filter[source_type_id]=1") == ["c three"]
    assert names("?source_ref=cluster") == []
    assert names("?nonsense=1&limit=1&offset=1") == ["b two"]
    assert [s["id"] for s in api.get("sources").json()["data"]] == ["2", "1", "3"]


def test_the_state_of_a_source(api: Api, org: Koku) -> None:
    made = cluster(api)
    prices = api.make("cost-models/", model(source_uuids=[made["uuid"]]))
    with org.handle.transaction() as conn:
        conn.execute("INSERT INTO published_month VALUES (%s, '2026-10-01', now(), now())", (made["uuid"],))
        conn.execute(
            """INSERT INTO report (provider, source_key, source_uuid, delivery, state, expected, months, details, started)
               VALUES ('ocp', 'my-ocp-cluster-1', %s, 'd1', 'running', '{a.csv,b.csv}', '{2026-10-01}', %s, now())""",
            (made["uuid"], '{"operator_version": "4.0", "secret": 1}'),
        )
    seen = api.get("sources/1/").json()
    assert (seen["has_data"], seen["previous_month_data"], seen["current_month_data"]) == (True, True, False)
    assert {step: state["state"] for step, state in seen["status"].items()} == {
        "download": "complete", "processing": "in-progress", "summary": "pending",
    }  # fmt: skip
    assert seen["cost_models"] == [{"name": "list prices", "uuid": prices["uuid"]}]
    assert seen["additional_context"] == {"operator_version": "4.0", "operator_update_available": False}
    stats = api.get("sources/1/stats/").json()
    assert stats["2026-10-01"]["manifests"][0]["assembly_id"] == "d1"
    assert stats["2026-10-01"]["manifests"][0]["files_processed"] == "0/2"
    assert api.get("cost-models/").json()["data"][0]["sources"][0]["operator_update_available"] is False


def test_an_operator_registers_its_cluster(api: Api) -> None:
    kinds = api.get("source_types?filter[name]=openshift").json()
    assert kinds == {"meta": {"count": 1}, "data": [{"id": "1", "name": "openshift"}]}
    query = "sources?filter[name]=c&filter[source_ref]=id-1&filter[source_type_id]=1"
    assert api.get(query).json()["meta"]["count"] == 0
    kind = api.get("application_types?filter[name]=/insights/platform/cost-management").json()["data"][0]["id"]
    made = api.post("sources", json={"name": "c", "source_ref": "id-1", "source_type_id": "1"}).json()
    assert isinstance(made["id"], str)
    connected = api.post("applications", json={"application_type_id": kind, "source_id": made["id"]})
    assert (connected.status_code, connected.json()["source_id"]) == (201, made["id"])
    assert api.get(query).json()["meta"]["count"] == 1
    assert api.get("applications").json()["data"] == [{"id": "1", "source_id": "1", "application_type_id": "0"}]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "source_id is required"),
        (
            {"source_id": "1", "application_type_id": "3"},
            400,
            "Only application_type_id '0' (cost-management) is supported",
        ),
        ({"source_id": "1", "application_type_id": "0"}, 404, "Source 1 not found"),
    ],
)
def test_an_application_that_cannot_be_made(api: Api, body: Any, status: int, message: str) -> None:
    response = api.post("applications", json=body)
    assert (response.status_code, response.json()) == (status, {"error": message})
