"""Uploads, administration and jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku
from koku_core.jobs.queue import enqueue
from tests.end_to_end.conftest import Api, cluster, header, identity, model

UPLOAD = "http://testserver/api/ingress/v1/upload"
KIND = "application/vnd.redhat.hccm.tar+tgz"
PAYLOAD = "my-ocp-cluster-1.2026_11.tar.gz"


def upload(
    api: Api, content: bytes, kind: str = KIND, part: str = "file", name: str = "tmp/koku/upload/p.tar.gz"
) -> Any:
    return api.post(UPLOAD, files={part: (name, content, kind)})


@pytest.fixture
def payload(shared: Path) -> bytes:
    return (shared / "inputs" / "basic" / PAYLOAD).read_bytes()


@pytest.mark.parametrize("part", ["file", "upload"])
def test_an_upload_is_kept_and_its_job_listed_when_it_is_answered(
    api: Api, org: Koku, payload: bytes, part: str
) -> None:
    cluster(api)
    response = upload(api, payload, part=part)
    assert response.status_code == 202
    body = response.json()
    assert body["upload"] == {"account_number": "10001", "org_id": "1234567"}
    assert response.headers["x-rh-insights-request-id"] == body["request_id"]
    [job] = api.data("jobs/")
    assert (job["kind"], job["state"]) == ("ingest", "waiting")
    with org.handle.connection() as conn:
        row = conn.execute("SELECT kept FROM report_file").fetchone()
    assert row is not None
    with org.services.kept.fetch(row[0]) as path:
        assert path.read_bytes() == payload


def test_what_is_not_an_upload(api: Api) -> None:
    assert api.post(UPLOAD, data={"other": "x"}, files={"other": ("a", b"x")}).status_code == 400
    assert api.post(UPLOAD, content=b"x").status_code == 400
    assert api.post(UPLOAD, content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 400
    assert upload(api, b"x", "application/zip").status_code == 415
    assert api.get(UPLOAD).status_code == 405
    assert Api(api.app, {}).post(UPLOAD, files={"file": ("a", b"x", KIND)}).status_code == 401
    assert api.data("jobs/") == []


def test_a_trial_is_answered_and_leaves_nothing(api: Api) -> None:
    assert api.post(UPLOAD, data={"test": "test"}, files={"nothing": ("", b"")}).status_code == 200
    assert api.post(UPLOAD, json={"test": "test"}).status_code == 200
    assert api.data("jobs/") == []


def test_too_large_an_upload_is_refused(api: Api, koku: Koku) -> None:
    limit = koku.services.settings.upload_limit_mib * 1024 * 1024
    assert upload(api, b"\0" * (limit + 1)).status_code == 413


def test_a_payload_that_cannot_be_read_is_a_failed_job_with_its_reason(api: Api) -> None:
    assert upload(api, b"this is no archive").status_code == 202
    [job] = api.data("jobs/")
    assert job["state"] == "failed"
    assert job["error"]


def test_a_payload_without_a_source_waits_for_it(api: Api, payload: bytes) -> None:
    assert upload(api, payload).status_code == 202
    assert [j["state"] for j in api.data("jobs/")] == []
    made = cluster(api)
    assert [(j["state"], j["source_uuid"]) for j in api.data("jobs/")] == [("waiting", made["uuid"])]


def test_storage_that_is_in_trouble_is_said_so(api: Api, koku: Koku, payload: bytes) -> None:
    place = koku.services.settings.data_dir / "lake"
    assert not place.exists()
    place.parent.mkdir(exist_ok=True)
    place.write_text("a file where a folder must be")
    assert upload(api, payload).status_code == 503


def body(**changed: Any) -> dict[str, Any]:
    return {"schema": "org1234567", "action": "create", "tag_keys": ["app", "stage"], "provider_type": "ocp", **changed}


def test_tag_keys_are_enabled_and_every_month_made_anew(api: Api, admin: Api, org: Koku) -> None:
    source = cluster(api)["uuid"]
    with org.handle.transaction() as conn:
        conn.execute("INSERT INTO published_month VALUES (%s, '2026-10-01', now(), now())", (source,))
    response = admin.post("enabled_tags/", json=body())
    assert response.status_code == 200
    [job] = api.data("jobs/")
    assert response.json() == {"jobs": [job["id"]]}
    assert (job["kind"], job["source_uuid"]) == ("summarize", source)
    assert org.tags.enabled("OCP") == ["app", "stage"]
    assert admin.post("enabled_tags/", json=body()).json() == {"jobs": []}
    admin.post("enabled_tags/", json=body(action="delete", tag_keys=["app", "unknown"]))
    assert org.tags.enabled("OCP") == ["stage"]


@pytest.mark.parametrize(
    ("changed", "source"),
    [
        ({"schema": "pg_catalog"}, "tenant"), ({"schema": None}, "schema"), ({"action": "drop"}, "action"),
        ({"tag_keys": "app"}, "tag_keys"), ({"tag_keys": [1]}, "tag_keys"), ({"provider_type": "zz"}, "provider_type"),
    ],
)  # fmt: skip
def test_an_administration_call_that_is_not_valid(admin: Api, changed: Any, source: str) -> None:
    assert [s for _, s in admin.errors("POST", "enabled_tags/", json=body(**changed))] == [source]


def test_more_tag_keys_than_may_be(admin: Api, org: Koku) -> None:
    limit = org.services.settings.enabled_tag_limit
    response = admin.post("enabled_tags/", json=body(tag_keys=[f"k{n}" for n in range(limit + 1)]))
    assert response.status_code == 412
    assert response.json()["error"] == f"The maximum number of enabled tags is {limit}."
    assert org.tags.enabled("OCP") == []


def test_administration_is_not_part_of_the_api(api: Api) -> None:
    assert api.post("enabled_tags/", json=body()).status_code == 404


def test_jobs_are_listed_newest_first_and_can_be_cancelled(api: Api, org: Koku) -> None:
    source = cluster(api)["uuid"]
    with org.services.system.transaction() as conn:
        first = enqueue(conn, org.handle.name, "note", key="1")
        second = enqueue(conn, org.handle.name, "note", key="2", source_uuid=source)
        enqueue(conn, "org2", "note", key="1")
    rows = api.data("jobs/")
    assert [r["id"] for r in rows] == [second, first]
    assert set(rows[0]) == {
        "id", "kind", "source_uuid", "state", "progress", "error", "created", "started", "finished", "attempts", "request_id", "timings",
    }  # fmt: skip
    assert [r["id"] for r in api.data(f"jobs/?filter[source_uuid]={source}")] == [second]
    cancelled = api.post(f"jobs/{first}/cancel/").json()
    assert (cancelled["state"], cancelled["id"]) == ("cancelled", first)
    assert [r["id"] for r in api.data("jobs/?filter[state]=waiting,running")] == [second]
    assert api.get("jobs/?limit=1").json()["meta"] == {"count": 2, "limit": 1, "offset": 0}
    assert api.errors("GET", "jobs/?filter[state]=done,x")[0][1] == "filter.state"
    assert api.errors("GET", "jobs/?filter[source_uuid]=x") == [("Must be a valid UUID.", "filter.source_uuid")]
    assert api.errors("POST", f"jobs/{second + 1}/cancel/", 404) == [("No Job matches the given query.", "detail")]


def test_another_tenant_sees_nothing(api: Api, org: Koku) -> None:
    source = cluster(api, "sentinel-cluster", "sentinel")
    made = api.make("cost-models/", model("sentinel", source_uuids=[source["uuid"]]))
    with org.services.system.transaction() as conn:
        job = enqueue(conn, org.handle.name, "note", key="sentinel", source_uuid=source["uuid"])
    other = Api(api.app, header(identity("2")))
    for path in (
        "sources/",
        "cost-models/",
        "price-lists/",
        "jobs/",
        "applications",
        f"jobs/?filter[source_uuid]={source['uuid']}",
    ):
        response = other.get(path)
        assert response.status_code == 200
        assert "sentinel" not in response.text
        assert response.json()["data"] == []
    for method, path in (
        ("GET", f"sources/{source['uuid']}/"), ("DELETE", f"sources/{source['id']}/"), ("GET", f"cost-models/{made['uuid']}/"),
        ("PUT", f"cost-models/{made['uuid']}/"), ("DELETE", f"cost-models/{made['uuid']}/"),
        ("PUT", f"price-lists/{made['price_lists'][0]['uuid']}/"), ("POST", f"jobs/{job}/cancel/"),
    ):  # fmt: skip
        assert other.request(method, path, json=model()).status_code == 404, path
    assert other.errors("POST", "cost-models/", json=model(source_uuids=[source["uuid"]])) == [
        ("Invalid request. Source UUID validation failed.", "source_uuids")
    ]
    [kept] = api.data("sources/")
    assert kept["cost_models"] == [{"name": "sentinel", "uuid": made["uuid"]}]
    assert [j["state"] for j in api.data("jobs/")] == ["waiting"]
