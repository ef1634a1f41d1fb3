"""Administration calls: the inbox, downloads and prices anew; each answers with the jobs that it started."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku
from koku_core.settings import Settings
from tests.end_to_end.conftest import Api, cluster, model

INGEST, DOWNLOAD, PRICE = "ingest_ocp_payload/", "download/", "update_cost_model_costs/"
NOBODY = "00000000-0000-0000-0000-000000000000"
PAYLOAD = "my-ocp-cluster-1.2026_11.tar.gz"


@pytest.fixture
def inbox(settings: Settings, shared: Path) -> Path:
    """An inbox with one payload, and with a file beside it that is none of its own."""
    place = settings.data_dir / "inbox"
    place.mkdir(parents=True)
    shutil.copy(shared / "inputs" / "basic" / PAYLOAD, place / "payload.tar.gz")
    (place.parent / "secret.tar.gz").write_bytes(b"secret")
    (place / "link.tar.gz").symlink_to(place.parent / "secret.tar.gz")
    return place


@pytest.mark.shared
@pytest.mark.parametrize("name", ["payload", "payload.tar.gz"])
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_payload_in_the_inbox_is_ingested_and_stays(
    api: Api, admin: Api, org: Koku, inbox: Path, name: str, verb: str
) -> None:
    cluster(api)
    response = admin.request(verb, f"{INGEST}?org_id=1234567&payload_name={name}")
    assert response.status_code == 200
    [job] = api.data("jobs/")
    assert (response.json(), job["kind"]) == ({"jobs": [job["id"]]}, "ingest")
    assert (inbox / "payload.tar.gz").exists()
    assert api.of("777").data("jobs/") == []


@pytest.mark.shared
def test_all_files_of_a_folder_in_the_inbox_are_ingested(api: Api, admin: Api, inbox: Path, shared: Path) -> None:
    cluster(api)
    (inbox / "two").mkdir()
    for payload in (shared / "inputs" / "basic").glob("*.tar.gz"):
        shutil.copy(payload, inbox / "two")
    (inbox / "two" / "secret.tar.gz").symlink_to(inbox.parent / "secret.tar.gz")
    jobs = admin.get(f"{INGEST}?org_id=1234567&payload_name=two").json()["jobs"]
    assert sorted(jobs) == sorted(j["id"] for j in api.data("jobs/"))
    assert len(jobs) == len(list((shared / "inputs" / "basic").glob("*.tar.gz")))


def test_a_payload_that_cannot_be_read_is_a_failed_job(admin: Api, org: Koku, settings: Settings) -> None:
    place = settings.data_dir / "inbox"
    place.mkdir(parents=True)
    (place / "broken").write_bytes(b"not an archive")
    [job] = admin.get(f"{INGEST}?org_id=1234567&payload_name=broken").json()["jobs"]
    assert org.jobs.get(job).state == "failed"


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["../secret.tar.gz", "/etc/passwd", "..", ".", "a/b", "a\\b", "link.tar.gz", "link", "payloa", "none"]
)
def test_nothing_outside_the_inbox_is_read(admin: Api, org: Koku, inbox: Path, name: str) -> None:
    response = admin.get(f"{INGEST}?org_id=1234567", params={"payload_name": name, "org_id": "1234567"})
    assert response.status_code in (400, 404)
    assert response.json()["errors"][0]["source"] == "payload_name"
    assert not org.handle.exists()


def test_what_is_missing_is_named(admin: Api) -> None:
    required = "This field is required."
    assert admin.errors("GET", INGEST) == [(required, "org_id"), (required, "payload_name")]
    assert admin.errors("GET", f"{INGEST}?org_id=1234567") == [(required, "payload_name")]
    assert admin.errors("GET", DOWNLOAD) == [(required, "provider_uuid")]
    assert admin.errors("GET", PRICE) == [(required, "provider_uuid"), (required, "schema")]
    for uuid in ("x", NOBODY):
        assert admin.errors("GET", f"{DOWNLOAD}?provider_uuid={uuid}", 404) == [
            (f"There is no source {uuid}.", "provider_uuid")
        ]
        assert admin.get(f"{PRICE}?provider_uuid={uuid}&schema=org1234567").status_code == 404
    assert admin.get(f"{INGEST}?org_id=../x&payload_name=x").status_code == 400
    assert admin.get(f"{PRICE}?provider_uuid={NOBODY}&schema=pg_catalog").status_code == 400
    assert admin.get("status/").json() == {"status": "OK"}


def test_prices_are_made_anew(api: Api, admin: Api, org: Koku) -> None:
    source = cluster(api)["uuid"]
    with org.handle.transaction() as conn:
        for month in (9, 10, 11):
            conn.execute("INSERT INTO published_month VALUES (%s, %s, now(), now())", (source, f"2026-{month:02}-01"))
    path = f"{PRICE}?provider_uuid={source}&schema=org1234567"
    assert len(admin.get(path).json()["jobs"]) == 3
    within = admin.get(f"{path}&start_date=2026-10-05&end_date=2026-10-31").json()["jobs"]
    assert [(j["id"], j["kind"]) for j in api.data("jobs/") if j["id"] in within] == [(within[0], "price")]
    assert admin.get(f"{PRICE}?provider_uuid={source}&schema=org777").status_code == 404
    for query in ("start_date=x", "start_date=2026-11-01&end_date=2026-10-01"):
        assert admin.errors("GET", f"{path}&{query}")[0][1] == "start_date"


def test_uploaded_reports_are_not_downloaded(api: Api, admin: Api) -> None:
    source = cluster(api)["uuid"]
    text = "The reports of 'prod' are uploaded; there is nothing to download."
    assert admin.errors("GET", f"{DOWNLOAD}?provider_uuid={source}") == [(text, "provider_uuid")]


def test_the_account_number_is_kept_when_it_is_first_stated(api: Api, koku: Koku) -> None:
    def number() -> Any:
        with koku.services.system.connection() as conn:
            return conn.execute("SELECT account_number FROM tenant WHERE name = 'org1234567'").fetchone()

    api.make("cost-models/", model())
    assert number() == (None,)
    cluster(api)
    assert number() == ("10001",)
    koku.tenant("org1234567").handle.note_account("2")
    assert number() == ("10001",)
