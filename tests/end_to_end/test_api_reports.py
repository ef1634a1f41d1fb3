"""Reports and tags over HTTP, on the recorded cluster: answers, tags of answers, errors, and what a restricted caller never sees."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from koku_core import Koku
from koku_core.api import create_app
from koku_core.settings import Settings
from tests.conftest import database
from tests.end_to_end.conftest import BASE, Api, cluster, model

pytestmark = [pytest.mark.shared, pytest.mark.slow]
NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)
COSTS = "reports/openshift/costs/"
MONTH = "filter[time_scope_value]=-1&filter[time_scope_units]=month&filter[resolution]=monthly"
PROJECTS = f"{COSTS}?group_by[project]=*&{MONTH}"
FORBIDDEN = [("You do not have permission to perform this action.", "detail")]


@pytest.fixture(scope="module")
def loaded(server_dsn: str, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    """The cluster of the recordings with two months and a cost model."""
    with database(server_dsn) as dsn, _opened(dsn, tmp_path_factory.mktemp("data")) as koku:
        api = Api(create_app(koku))
        source = cluster(api)["uuid"]
        org = koku.tenant("org1234567")
        org.tags.enable("OCP", ["app", "environment"])
        api.make("cost-models/", model(source_uuids=[source]))
        for payload in sorted((shared / "inputs" / "basic").glob("*.tar.gz")):
            org.receive(payload, "application/vnd.redhat.hccm.tar+tgz", payload.name)
        org.work()
        assert org.jobs.list(("failed",)) == []
        yield koku


def _opened(dsn: str, folder: Path) -> Koku:
    return Koku.open(settings=Settings(database_url=dsn, data_dir=folder, clock=NOW, plugins=("ocp",)))


@pytest.fixture
def api(loaded: Koku) -> Api:
    return Api(create_app(loaded))


def projects(caller: Api, query: str = "") -> set[str]:
    """The projects with a row."""
    return {p["project"] for bucket in caller.data(PROJECTS + query) for p in bucket["projects"]}


def test_the_library_and_the_api_say_the_same(api: Api, loaded: Koku) -> None:
    asked = loaded.tenant("org1234567").report("openshift/costs", group_by="project", months=-1, resolution="monthly")
    assert api.data(PROJECTS) == asked.body()["data"]
    assert "catalog" in projects(api)


def test_an_answer_is_sent_again_only_when_something_has_changed(api: Api, loaded: Koku) -> None:
    first = api.get(PROJECTS)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "private, no-cache"
    again = api.get(PROJECTS, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    restricted = api.of(access={"openshift.cluster": {"read": ["my-ocp-cluster-1"]}})
    assert restricted.get(PROJECTS).headers["etag"] != tag
    assert api.get(PROJECTS, headers={"accept": "text/csv"}).headers["etag"] != tag
    [kept] = api.data("cost-models/")
    api.put(
        f"cost-models/{kept['uuid']}/", json={**kept, "source_type": "OCP", "markup": {"value": 5, "unit": "percent"}}
    )
    loaded.tenant("org1234567").work()
    assert api.get(PROJECTS, headers={"if-none-match": tag}).status_code == 200


def test_errors_of_reports_are_bare(api: Api) -> None:
    for path in (COSTS, "tags/openshift/"):
        response = api.get(f"{path}?foo=bar")
        assert (response.status_code, response.json()) == (400, {"foo": ["Unsupported parameter or invalid value"]})
        refused = api.get(f"{path}?foo=bar", headers={"accept": "text/csv"})
        assert (refused.status_code, refused.content) == (400, b"")
    assert api.get("reports/openshift/nonsense/").status_code == 404
    assert api.get("reports/aws/costs/").status_code == 404
    assert api.errors("POST", COSTS, 405) == [('Method "POST" not allowed.', "detail")]
    assert api.get("reports/openshift/costs").status_code == 301
    assert api.get(COSTS, headers={"accept": "image/png"}).status_code == 406


def test_csv(api: Api) -> None:
    response = api.get(PROJECTS, headers={"accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert {r["project"] for r in rows} == projects(api)
    head = api.head(PROJECTS, headers={"accept": "text/csv"})
    assert (head.status_code, head.content) == (200, b"")


def test_a_stream_that_nobody_reads_holds_no_connection(api: Api, loaded: Koku) -> None:
    asked, csv_please = f"{PROJECTS}&limit=0", {"accept": "text/csv"}
    tag = api.get(asked, headers=csv_please).headers["etag"]
    for _ in range(loaded.services.settings.pool_size + 1):
        assert api.head(asked, headers=csv_please).status_code == 200
        assert api.get(asked, headers={**csv_please, "if-none-match": tag}).status_code == 304


def test_tags(api: Api) -> None:
    keys = {row["key"] for row in api.data("tags/openshift/?" + MONTH)}
    assert keys <= {"app", "environment"}
    assert keys
    key = sorted(keys)[0]
    assert api.data(f"tags/openshift/{key}/?" + MONTH)
    assert api.errors("GET", "tags/openshift/nokey/", 404) == [("Not found.", "detail")]


def test_links_begin_where_the_app_is_mounted(loaded: Koku) -> None:
    mounted = Api(Starlette(routes=[Mount("/costs", create_app(loaded))]))
    first = mounted.get(f"http://testserver/costs{BASE}{PROJECTS}").json()["links"]["first"]
    assert first.startswith(f"/costs{BASE}{COSTS}?")


def test_an_unknown_tenant_is_answered_empty(api: Api) -> None:
    body = api.of("404").get(COSTS).json()
    assert (body["meta"], body["data"]) == ({"count": 0}, [])
    assert body["links"]["first"] == f"{BASE}{COSTS}?limit=0&offset=0"
    assert api.of("404").get(f"{COSTS}?foo=bar").status_code == 400


ONE = {"openshift.cluster": {"read": ["my-ocp-cluster-1"]}, "openshift.project": {"read": ["catalog"]}}
LEAKS = [
    "&filter[exact:project]=install-test",
    "&filter[project]=install-test",
    "&filter[or:project]=install-test",
    "&filter[and:project]=install-test",
    "&filter[project]=a",
    "&exclude[project]=catalog",
    "&filter[exact:cluster]=my-ocp-cluster-1",
    "&group_by[or:project]=install-test",
    "&filter[limit]=1",
    "&filter[limit]=1&filter[offset]=1",
    "&order_by[cost]=desc",
]


@pytest.mark.parametrize("query", LEAKS)
def test_a_restricted_caller_sees_nothing_else(api: Api, query: str) -> None:
    response = api.of(access=ONE).get(PROJECTS + query)
    assert response.status_code in (200, 403, 400)
    if response.status_code == 200:
        body = response.json()
        assert {p["project"] for bucket in body["data"] for p in bucket["projects"]} <= {"catalog"}
        assert body["meta"].get("others", 0) == 0


def test_totals_are_of_what_may_be_seen(api: Api) -> None:
    def total(caller: Api, path: str) -> float:
        return float(caller.get(path).json()["meta"]["total"]["cost"]["total"]["value"])

    seen = total(api.of(access=ONE), f"{COSTS}?{MONTH}")
    assert seen == pytest.approx(total(api, f"{COSTS}?{MONTH}&filter[exact:project]=catalog"))
    assert 0 < seen < total(api, f"{COSTS}?{MONTH}")
    other = api.of(access={"openshift.cluster": {"read": ["another"]}})
    for query in (
        "",
        "&filter[exact:cluster]=my-ocp-cluster-1",
        "&group_by[cluster]=*&filter[exact:cluster]=my-ocp-cluster-1",
    ):
        assert total(other, f"{COSTS}?{MONTH}{query}") == 0


def test_what_may_not_be_asked_for_is_refused(api: Api) -> None:
    assert api.of(access=ONE).errors("GET", f"{PROJECTS}&filter[project]=install-test", 403) == FORBIDDEN
    for lists in (
        {"openshift.project": {"read": ["*"]}},
        {"cost_model": {"read": ["*"]}},
        {"aws.account": {"read": ["*"]}},
    ):
        for path in (COSTS, "tags/openshift/"):
            assert api.of(access=lists).errors("GET", path, 403) == FORBIDDEN
    assert api.of(access=ONE).errors("POST", COSTS, 403) == FORBIDDEN


def test_the_state_of_a_loaded_source(api: Api) -> None:
    [source] = api.data("sources/")
    assert {step: state["state"] for step, state in source["status"].items()} == dict.fromkeys(
        ("download", "processing", "summary"), "complete"
    )
    assert (source["current_month_data"], source["previous_month_data"], source["has_data"]) == (True, True, True)
    assert source["last_payload_received_at"]
    stats = api.get(f"sources/{source['id']}/stats/").json()
    assert set(stats) >= {"2026-10-01", "2026-11-01", "provider_linked"}
