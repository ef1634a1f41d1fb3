"""Files that somebody names are a month's bill, through the API; and what may be named."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from plugins.koku_aws.tests.bills import Line, slash
from plugins.koku_aws.tests.test_summary import ROLE, total
from starlette.testclient import TestClient

import koku_aws
from koku_core import Koku
from koku_core.access import Access, Identity
from koku_core.api import create_app
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.sources.model import Source

PATH = "ingress/reports/"
READER = Access(lists={"settings": {"read": ("*",)}})


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    (tmp_path / "bucket").mkdir()
    changed = settings.model_copy(update={"local_sources": tmp_path, "plugins": None})
    with Koku.open(settings=changed, plugins=Plugins((), extra={"aws": koku_aws})) as opened:
        yield opened


@pytest.fixture
def source(koku: Koku) -> Source:
    return koku.sources.add("AWS-local", name="bills", role_arn=ROLE, data_source={"bucket": "bucket"})


def client(koku: Koku, access: Access | None = None) -> TestClient:
    who = Identity(koku.handle.name, "tester", access or Access(admin=True))
    return TestClient(create_app(koku, identify=lambda _: who), base_url="http://testserver/api/cost-management/v1/")


def body(of: Source, **changed: Any) -> dict[str, Any]:
    return {
        "source": of.id,
        "reports_list": ["sub/bill.csv.gz"],
        "bill_year": "2026",
        "bill_month": "11",
        **changed,
    }


def put(folder: Path, *lines: Line) -> None:
    (folder / "bucket" / "sub").mkdir(exist_ok=True)
    slash(folder / "bucket" / "sub", lines)


def test_named_files_become_the_bill_of_their_month(koku: Koku, source: Source, tmp_path: Path) -> None:
    api = client(koku)
    put(tmp_path, Line(unblended=Decimal(3)), Line(unblended=Decimal("0.25"), service="AmazonS3"))
    asked = api.post(PATH, json=body(source)).json()
    assert asked["meta"]["count"] == len(asked["data"]) == 8
    assert asked["data"]["status"] == "pending"
    assert [(j["kind"], j["state"]) for j in api.get("jobs/").json()["data"]] == [("fetch", "waiting")]
    koku.work()
    assert total(koku)[0] == Decimal("3.25")
    [row] = api.get(PATH).json()["data"]
    assert (row["status"], row["uuid"]) == ("complete", asked["data"]["ingress_report_uuid"])
    assert row["completed_timestamp"] > row["created_timestamp"]
    put(tmp_path, Line(unblended=Decimal(1)))
    assert api.post(PATH, json=body(source, source=source.uuid)).json()["data"]["source_id"] == source.id
    koku.work()
    assert total(koku)[0] == 1, "a new bill replaces the month"
    assert [r["status"] for r in api.get(f"{PATH}{source.uuid}/").json()["data"]] == ["complete", "complete"]


def test_a_month_that_is_being_ingested_is_not_asked_for_again(koku: Koku, source: Source, tmp_path: Path) -> None:
    api = client(koku)
    put(tmp_path, Line())
    assert api.post(PATH, json=body(source)).status_code == 200
    refused = api.post(PATH, json=body(source))
    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    assert error["detail"].startswith("Reports for billing month 11 are currently already being processed.")
    assert error["source"] == "Processing"
    assert api.post(PATH, json=body(source, bill_month="10")).status_code == 200


def test_a_file_that_is_not_there_fails_its_job_alone(koku: Koku, source: Source, tmp_path: Path) -> None:
    api = client(koku)
    api.post(PATH, json=body(source, reports_list=["../bucket/none.csv"]))
    koku.work()
    [job] = api.get("jobs/").json()["data"]
    assert "../bucket/none.csv is not there" in job["error"]
    assert [r["status"] for r in api.get(PATH).json()["data"]] == ["failed"]
    put(tmp_path, Line(unblended=Decimal(2)))
    assert api.post(PATH, json=body(source)).status_code == 200
    koku.work()
    assert total(koku)[0] == 2


def test_nothing_outside_of_the_source_can_be_named(koku: Koku, source: Source, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    slash(tmp_path / "other", [Line(unblended=Decimal(5))])
    api = client(koku)
    for number, name in enumerate(("../other/bill.csv.gz", str(tmp_path / "other" / "bill.csv.gz"))):
        api.post(PATH, json=body(source, reports_list=[name], bill_month=f"{10 + number}"))
        koku.work()
    assert {r["status"] for r in api.get(PATH).json()["data"]} == {"failed"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bill_month": "01"}, ("Invalid bill, year must be 2026 and month must be 10 or 11", "bill_period")),
        ({"bill_year": "26"}, ("Invalid bill, year must be 2026 and month must be 10 or 11", "bill_period")),
        ({"bill_month": "x"}, ("Invalid bill, year must be 2026 and month must be 10 or 11", "bill_period")),
        ({"reports_list": "a"}, ('Expected a list of items but got type "str".', "reports_list")),
        ({"reports_list": []}, ("This list may not be empty.", "reports_list")),
        ({"reports_list": [1]}, ("Not a valid string.", "reports_list.0")),
        ({"bill_year": None}, ("This field may not be null.", "bill_year")),
    ],
)
def test_what_may_not_be_asked(koku: Koku, source: Source, changed: dict[str, Any], said: tuple[str, str]) -> None:
    refused = client(koku).post(PATH, json=body(source, **changed))
    assert refused.status_code == 400
    assert [(e["detail"], e["source"]) for e in refused.json()["errors"]] == [said]
    assert client(koku).get(PATH).json() == {
        "meta": {"count": 0, "limit": 10, "offset": 0}, "data": [],
        "links": {"first": f"/api/cost-management/v1/{PATH}?limit=10&offset=0", "next": None, "previous": None,
                  "last": f"/api/cost-management/v1/{PATH}?limit=10&offset=0"},
    }  # fmt: skip


def test_sources_that_do_not_exist(koku: Koku, source: Source) -> None:
    api = client(koku)
    for asked in ({}, body(source, source="abc"), body(source, source=99), body(source, source=True)):
        answer = api.post(PATH, json=asked)
        assert (answer.status_code, answer.json()) == (400, {"Error": "Invalid request."})
    assert api.get(f"{PATH}abc/").json() == {"Error": "Invalid request."}
    missing = api.get(f"{PATH}00000000-0000-4000-8000-000000000000/")
    assert (missing.status_code, missing.json()) == (404, {"Error": "Source not found."})


def test_who_may_read_settings_may_look_and_not_ask(koku: Koku, source: Source) -> None:
    assert client(koku, READER).get(PATH).status_code == 200
    assert client(koku, READER).post(PATH, json=body(source)).status_code == 403
    assert client(koku, Access(lists={"aws.account": {"read": ("*",)}})).get(PATH).status_code == 403


def test_the_account_that_reads_sources_is_told_if_it_is_known(koku: Koku, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client(koku).get("cloud-accounts/").json()["data"] == []
    monkeypatch.setenv("KOKU_AWS_ACCOUNT_ID", "123456789012")
    [row] = client(koku).get("cloud-accounts/").json()["data"]
    assert (row["name"], row["value"]) == ("AWS", "123456789012")
