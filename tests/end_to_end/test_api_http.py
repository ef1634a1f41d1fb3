"""What every path of the API does: verbs, media types, pages, tags of answers, and errors that say nothing of our insides."""

from __future__ import annotations

import csv
import io
from typing import Any

import psycopg
import pytest

from koku_core import Koku
from koku_core.api import create_app
from koku_core.settings import Settings
from tests.end_to_end.conftest import BASE, Api, model


def test_a_missing_slash_is_a_redirect_for_readers_alone(api: Api) -> None:
    response = api.get("metrics?limit=2")
    assert (response.status_code, response.headers["location"]) == (301, f"{BASE}metrics/?limit=2")
    assert api.post("metrics").status_code == 404
    assert api.get("cost-models").status_code == 200
    assert api.get("nonsense").status_code == 404


def test_verbs(api: Api) -> None:
    assert api.errors("PATCH", "cost-models/", 405) == [('Method "PATCH" not allowed.', "detail")]
    assert api.errors("POST", "metrics/", 405) == [('Method "POST" not allowed.', "detail")]
    head, options = api.head("metrics/"), api.options("metrics/")
    assert (head.status_code, head.content) == (200, b"")
    assert options.status_code == 200
    assert options.json()["renders"] == ["application/json", "text/csv"]
    assert options.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("accept", "status"), [("*/*", 200), ("application/json;q=1", 200), ("text/csv", 200), ("image/png", 406)]
)
def test_media_types(api: Api, accept: str, status: int) -> None:
    assert api.get("metrics/", headers={"accept": accept}).status_code == status


def test_csv_is_the_flattened_rows(api: Api) -> None:
    made = api.make("cost-models/", model())
    response = api.get("cost-models/", headers={"accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert rows[0]["uuid"] == made["uuid"]
    assert rows[0]["rates.0.tiered_rates.0.value"] == "0.007"
    assert list(rows[0]) == sorted(rows[0])
    assert "\r\n" in response.text
    refused = api.get("cost-models/?nonsense=1", headers={"accept": "text/csv"})
    assert (refused.status_code, refused.content) == (400, b"")


def test_an_answer_that_the_client_has_is_not_sent_again(api: Api) -> None:
    first = api.get("cost-models/")
    tag = first.headers["etag"]
    again = api.get("cost-models/", headers={"if-none-match": f'"x", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    api.make("cost-models/", model())
    changed = api.get("cost-models/", headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_pages_and_their_links(api: Api) -> None:
    first = api.get("metrics/?limit=8&offset=8").json()
    path = f"{BASE}metrics/"
    assert first["meta"] == {"count": 21, "limit": 8, "offset": 8}
    assert first["links"] == {
        "first": f"{path}?limit=8&offset=0", "next": f"{path}?limit=8&offset=16", "previous": f"{path}?limit=8",
        "last": f"{path}?limit=8&offset=13",
    }  # fmt: skip
    assert api.get("metrics/?limit=100").json()["meta"]["limit"] == 21
    assert api.errors("GET", "metrics/?limit=0") == [("Ensure this value is greater than or equal to 1.", "limit")]
    assert api.errors("GET", "metrics/?limit=x") == [("A valid integer is required.", "limit")]
    assert api.get("cost-models/?limit=5000&name=a,%20b").json()["links"]["first"] == (
        f"{BASE}cost-models/?limit=1000&name=a%2C+b&offset=0"
    )
    assert api.get("cost-models/?limit=junk&offset=-5").json()["meta"] == {"count": 0, "limit": 10, "offset": 0}


def test_the_request_id_comes_back(api: Api) -> None:
    assert (
        api.get("status/", headers={"x-rh-insights-request-id": "abc-1"}).headers["x-rh-insights-request-id"] == "abc-1"
    )
    made_up = api.get("status/", headers={"x-rh-insights-request-id": "a b\tc"}).headers["x-rh-insights-request-id"]
    assert len(made_up) == 32


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"name": "\\u0000"}', "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b'{"markup": NaN}', "application/json", 400),
        (b'{"markup": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"x", "text/plain", 415),
        (b"x" * (11 * 1024 * 1024), "application/json", 413),
        (b"name=x", "application/x-www-form-urlencoded", 400),
        (b"--x", "multipart/form-data", 400),
        (b"", "application/json", 400),
    ],
    ids=range(12),
)
def test_a_body_that_cannot_be_read_is_refused(api: Api, body: bytes, kind: str, status: int) -> None:
    response = api.post("cost-models/", content=body, headers={"content-type": kind})
    assert response.status_code == status
    assert response.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    "path",
    ["cost-models/?name=%00", "sources/?name=%00", "jobs/?filter[state]=%00", "sources/%00/", "cost-models/?uuid=%00"],
)
def test_null_characters_never_reach_the_database(api: Api, path: str) -> None:
    assert api.get(path).status_code in (400, 404)


def test_a_defect_of_ours_says_nothing_of_our_insides(koku: Koku) -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("password is hunter2")

    response = Api(create_app(koku, identify=broken), {}).get("cost-models/")
    assert response.status_code == 500
    assert "hunter2" not in response.text
    assert response.headers["x-rh-insights-request-id"] in response.text


def test_a_database_that_has_gone_is_a_failed_dependency(settings: Settings, dsn: str) -> None:
    with Koku.open(settings=settings) as koku:
        api = Api(create_app(koku))
        assert api.get("cost-models/").status_code == 200
        info: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(dsn)
        with psycopg.connect(psycopg.conninfo.make_conninfo(**{**info, "dbname": "postgres"}), autocommit=True) as conn:
            conn.execute(f'ALTER DATABASE "{info["dbname"]}" ALLOW_CONNECTIONS false')
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (info["dbname"],))
            response = api.get("cost-models/")
            conn.execute(f'ALTER DATABASE "{info["dbname"]}" ALLOW_CONNECTIONS true')
    assert response.status_code == 424
    assert response.json()["errors"][0]["title"] == "Failed Dependency"


def test_openapi_describes_every_path(api: Api) -> None:
    document = api.get("openapi.json").json()
    assert document["openapi"].startswith("3.")
    paths = document["paths"]
    assert {"/status/", "/sources/", "/cost-models/{uuid}/", "/jobs/{id}/cancel/"} <= set(paths)
    costs = {p["name"]: p["schema"] for p in paths["/reports/openshift/costs/"]["get"]["parameters"]}
    assert {"start_date", "filter", "group_by", "exclude", "order_by", "limit", "currency"} <= set(costs)
    assert "exact:project" in costs["filter"]["properties"]
    assert [p["name"] for p in paths["/tags/openshift/{key}/"]["get"]["parameters"]].count("key") == 1
    made = paths["/cost-models/"]["post"]
    assert made["requestBody"]["content"]["application/json"]["schema"]["required"] == [
        "name",
        "description",
        "source_type",
    ]
    assert "rates" in made["responses"]["201"]["content"]["application/json"]["schema"]["required"]
    assert (
        paths["/settings/cost-groups/add/"]["put"]["requestBody"]["content"]["application/json"]["schema"]["type"]
        == "array"
    )
    ids = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(ids) == len(set(ids))
