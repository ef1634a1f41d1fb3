"""`line-items/` over HTTP: pages, JSON lines, CSV; errors, links, access, and memory."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import koku_acme
from koku_acme.normalize import LINE_ITEMS
from koku_core import Koku
from koku_core.api import create_app
from koku_core.plugins import Plugins
from koku_core.testing.case import Case, begin
from koku_core.testing.fixtures import NOW, database, settings_for
from tests.end_to_end.conftest import Api

COSTS = "line-items/acme/costs/"
MONTH = "filter[time_scope_value]=-2&filter[time_scope_units]=month&filter[resolution]=monthly"
ROW = f"{COSTS}?{MONTH}&group_by[service]=*&row[service]=disks&row[date]=2026-10"


@pytest.fixture(scope="module")
def case(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder, plugins = tmp_path_factory.mktemp("lines"), Plugins((), extra={"acme": koku_acme})
    with database(server_dsn) as dsn, Koku.open(settings=settings_for(dsn, folder), plugins=plugins) as koku:
        plugin = plugins.provider("acme")
        sample = plugin.call("koku_sample", folder=folder, today=NOW.date())
        case = begin(koku.tenant("org1234567"), plugin, sample, folder)
        case.load()
        yield case


@pytest.fixture
def api(case: Case) -> Api:
    return Api(create_app(case.koku))


def lines(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return [json.loads(line, parse_float=Decimal) for line in response.text.splitlines()]


def test_pages_of_the_lines_behind_a_row(api: Api) -> None:
    body = api.get(f"{ROW}&limit=20").json()
    assert (body["meta"]["count"], len(body["data"])) == (31, 20)
    assert body["data"][0] | {"delivery": ""} == {
        "dataset": "acme_line_items", "source_uuid": body["data"][0]["source_uuid"], "usage_start": "2026-10-01", "delivery": "",
        "account": "shop", "region": "north", "service": "disks", "resource": "disk-1", "unit": "GB-Mo", "currency": "USD",
        "tags": {"env": "prod"}, "usage": 3.225806451612903, "cost": 0.32258064516129,
    }  # fmt: skip
    rest = api.get(f"http://testserver{body['links']['next']}").json()
    days = [row["usage_start"] for row in body["data"] + rest["data"]]
    assert days == [f"{date(2026, 10, 1) + timedelta(n)}" for n in range(31)]
    assert rest["links"]["next"] is None


def test_the_same_as_json_lines_and_csv(api: Api) -> None:
    found = lines(api.get(ROW, headers={"accept": "application/x-ndjson"}))
    assert len(found) == 31
    assert sum(row["cost"] for row in found) == Decimal("9.99999999999999")
    assert lines(api.get(f"{ROW}&limit=2&offset=30", headers={"accept": "application/x-ndjson"})) == found[30:]
    table = list(csv.DictReader(api.get(ROW, headers={"accept": "text/csv"}).text.splitlines()))
    assert [Decimal(row["cost"]) for row in table] == [row["cost"] for row in found]
    assert json.loads(table[0]["tags"]) == {"env": "prod"}


def test_what_is_known_is_not_sent_again(api: Api, case: Case) -> None:
    for accept in ("application/json", "text/csv", "application/x-ndjson"):
        first = api.get(ROW, headers={"accept": accept})
        again = api.get(ROW, headers={"accept": accept, "if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert api.head(ROW, headers={"accept": accept}).status_code == 200
    assert api.get(f"{ROW}&row[region]=x").status_code == 400


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("row[region]=north", {"row": {"region": ["Unsupported parameter or invalid value; a row of this question has date"]}}),
        ("row=1", {"row": {"non_field_errors": ["Write row[NAME]=VALUE."]}}),
        ("group_by[colour]=*", {"group_by": {"colour": ["Unsupported parameter or invalid value"]}}),
        ("columns=all", {"columns": ["Unsupported parameter or invalid value"]}),
    ],
)  # fmt: skip
def test_errors_are_those_of_reports(api: Api, query: str, body: dict[str, Any]) -> None:
    response = api.get(f"{COSTS}?{query}")
    assert (response.status_code, response.json()) == (400, body)


def test_nobody_sees_more_than_the_report_shows(api: Api) -> None:
    mine = api.of(access={"acme.account": {"read": ["shop"]}, "acme.region": {"read": ["south"]}})
    assert {row["region"] for row in mine.get(f"{COSTS}?{MONTH}&limit=1000").json()["data"]} == {"south"}
    assert mine.get(ROW).json()["meta"]["count"] == 0
    assert mine.get(f"{COSTS}?filter[region]=north").status_code == 403
    assert api.of(access={"openshift.cluster": {"read": ["*"]}}).get(ROW).status_code == 403
    assert api.of("7654321").get(ROW).json()["meta"]["count"] == 0
    assert api.get(ROW, headers={"accept": "text/html"}).status_code == 406
    assert api.get("openapi.json").json()["paths"][f"/{COSTS}"]["get"]["responses"]["200"]["content"].keys() == {
        "application/json", "text/csv", "application/x-ndjson",
    }  # fmt: skip


@pytest.mark.slow
def test_many_lines_take_little_memory(case: Case) -> None:
    """300,000 lines of one day are streamed a block at a time."""
    other = case.another("many")
    other.load()
    day, number = date(2026, 10, 5), 300_000
    rows = pa.table(
        {
            "source_uuid": pa.repeat(other.source.uuid, number), "usage_start": pa.repeat(pa.scalar(day), number),
            "delivery": pa.repeat("d", number), "hours": pa.repeat(pa.scalar(-1, pa.int64()), number),
            "plugin_version": pa.repeat("1", number), **{n: pa.repeat("x", number) for n in ("account", "region", "service", "unit")},
            "resource": pa.array([f"resource-{n}" for n in range(number)]), "currency": pa.repeat("USD", number),
            "tags": pa.repeat("{}", number), "usage": pa.repeat(pa.scalar(Decimal(1)), number).cast(pa.decimal128(33, 15)),
            "cost": pa.repeat(pa.scalar(Decimal(1)), number).cast(pa.decimal128(33, 15)),
        }
    ).select(LINE_ITEMS.schema.names)  # fmt: skip
    other.koku.services.lake.replace("many", LINE_ITEMS, other.source.uuid, {day}, rows)
    tracemalloc.start()
    arrow = pa.total_allocated_bytes()
    most, count = 0, 0
    for piece in other.koku.line_items("acme/costs", start=day, end=day).ndjson():
        count += piece.count("\n")
        most = max(most, pa.total_allocated_bytes() - arrow)
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == number
    assert python < 40 << 20
    assert most < 60 << 20
