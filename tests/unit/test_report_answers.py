"""Answers over a small tenant: what groups, ranks, deltas, capacities and CSV say, and what must not be asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from koku_core import Koku
from koku_core.access import EVERYTHING, Access
from koku_core.errors import AccessDenied, InvalidInput, QueryTooLarge, UnknownName
from koku_core.reports import Reports
from tests.unit.report_data import DAILY, MONTH, ONE, TWO, ask, cells, rows, tenant, totals


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    with tenant(server_dsn, tmp_path_factory.mktemp("reports"), list(rows())) as made:
        yield made


def projects(body: dict[str, Any], bucket: int = 0) -> list[str]:
    return [p["project"] for p in body["data"][bucket]["projects"]]


def test_groups_are_listed_by_cost_and_add_up(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=*&{MONTH}")
    assert projects(body) == ["shop", "web_2", "openshift-dns", "late"]
    assert totals(body) == [1155, 630, 420, 16.8]
    [shop] = [r for r in cells(body["data"][0]) if r["project"] == "shop"]
    assert shop["clusters"] == ["c-2", "east"]
    assert shop["source_uuid"] == [ONE, TWO]
    assert shop["infrastructure"]["usage"] == {"value": 605.0, "units": "USD"}
    assert body["meta"]["total"]["cost"]["total"]["value"] == pytest.approx(sum(totals(body)))


def test_the_top_is_shown_and_the_others_are_folded(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=*&filter[limit]=2&{MONTH}")
    assert projects(body) == ["shop", "web_2", "Others"]
    assert body["meta"]["others"] == 2
    assert totals(body)[2] == pytest.approx(436.8)
    others = list(cells(body["data"][0]))[2]
    assert (others["default_project"], others["classification"], others["cost_group"]) == ("False", None, "Platform")
    assert next(cells(body["data"][0]))["cost_group"] == 0
    assert projects(ask(koku, f"group_by[project]=*&filter[limit]=3&{MONTH}"))[-1] == "Other"
    assert projects(ask(koku, f"group_by[project]=*&filter[limit]=4&{MONTH}"))[-1] == "late"


def test_pages_of_groups_have_no_others(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=*&filter[limit]=2&filter[offset]=2&{MONTH}")
    assert projects(body) == ["openshift-dns", "late"]
    assert {n: body["meta"][n] for n in ("count", "limit", "offset")} == {"count": 4, "limit": 2, "offset": 2}
    assert "filter%5Boffset%5D" not in body["links"]["previous"]


def test_a_ranked_group_is_zero_where_it_has_no_data(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=*&filter[limit]=4&{DAILY}")
    first = {r["project"]: r["cost"]["total"]["value"] for r in cells(body["data"][0])}
    assert first["late"] == 0
    assert len(body["data"]) == 10
    unranked = ask(koku, f"group_by[project]=*&{DAILY}")
    assert "late" not in projects(unranked, 0)


def test_every_day_of_a_range_is_there_the_future_too(koku: Koku) -> None:
    body = ask(koku, "start_date=2026-11-09&end_date=2026-11-11")
    assert [(b["date"], len(b["values"])) for b in body["data"]] == [
        ("2026-11-09", 1),
        ("2026-11-10", 1),
        ("2026-11-11", 0),
    ]


def test_a_delta_compares_with_the_days_of_the_month_before(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=*&delta=cost&{MONTH}")
    rows_ = {r["project"]: r for r in cells(body["data"][0])}
    assert rows_["shop"]["delta_value"] == pytest.approx(55)
    assert rows_["shop"]["delta_percent"] == pytest.approx(5)
    assert (rows_["late"]["delta_value"], rows_["late"]["delta_percent"]) == (pytest.approx(16.8), None)
    assert body["meta"]["delta"] == {"value": pytest.approx(121.8), "percent": pytest.approx(121.8 / 2100 * 100)}
    by_delta = ask(koku, f"group_by[project]=*&delta=cost&order_by[delta]=asc&{MONTH}")
    assert projects(by_delta) == ["openshift-dns", "web_2", "shop", "late"]


def test_two_figures_are_compared(koku: Koku) -> None:
    body = ask(koku, f"group_by[node]=*&delta=usage__request&{MONTH}", "compute")
    [n2] = [r for r in cells(body["data"][0]) if r["node"] == "n2"]
    assert (n2["delta_value"], n2["delta_percent"]) == (-90, 25)


def test_capacity_is_the_cluster_s_or_the_node_s(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=*&{MONTH}", "compute")
    shop = next(iter(r for r in cells(body["data"][0]) if r["project"] == "shop"))
    assert (shop["capacity"]["value"], shop["capacity"]["count"], shop["capacity"]["count_units"]) == (3840, 12, "Core")
    assert shop["score"]["usage_efficiency_percent"] == 29
    by_node = ask(koku, f"group_by[node]=*&{MONTH}", "compute")
    n1 = next(iter(r for r in cells(by_node["data"][0]) if r["node"] == "n1"))
    assert (n1["capacity"]["value"], n1["capacity"]["count"], "count_units" in n1["capacity"]) == (960, 4, False)
    assert n1["request"] == {
        "value": 240,
        "units": "Core-Hours",
        "unused": 160,
        "unused_percent": pytest.approx(160 / 960 * 100),
    }
    assert by_node["meta"]["total"]["capacity"]["count"] == 12
    assert ask(koku, f"group_by[node]=*&group_by[project]=*&{MONTH}", "compute")["meta"]["total"]["total_score"] == {}


def test_groups_nest_in_the_order_of_the_query(koku: Koku) -> None:
    body = ask(koku, f"filter[project]=o&group_by[cluster]=*&group_by[project]=*&{MONTH}")
    assert list(body["data"][0]) == ["date", "projects"]
    assert list(body["data"][0]["projects"][0]) == ["project", "clusters"]


def test_tags_group_filter_and_exclude(koku: Koku) -> None:
    body = ask(koku, f"group_by[tag:app]=*&{MONTH}")
    assert [a["app"] for a in body["data"][0]["apps"]] == ["Web", "api", "No-app"]
    assert sum(totals(ask(koku, f"filter[tag:app]=*&{MONTH}"))) == pytest.approx(1785)
    assert sum(totals(ask(koku, f"filter[tag:app]=WE&{MONTH}"))) == pytest.approx(1155)
    assert sum(totals(ask(koku, f"filter[exact:tag:app]=we&{MONTH}"))) == 0
    assert sum(totals(ask(koku, f"exclude[tag:app]=we&{MONTH}"))) == pytest.approx(1066.8)


def test_operators(koku: Koku) -> None:
    def shown(query: str) -> list[str]:
        return sorted(projects(ask(koku, f"group_by[project]=*&{query}&{MONTH}")))

    assert shown("filter[exact:project]=shop") == ["shop"]
    assert shown("filter[and:project]=o&filter[and:project]=h") == ["openshift-dns", "shop"]
    assert shown("filter[or:project]=web&filter[or:project]=lat") == ["late", "web_2"]
    assert shown("filter[exact:project]=late&filter[project]=sho") == ["late", "shop"]
    assert shown("exclude[project]=shop,late") == ["openshift-dns", "web_2"]
    assert shown("exclude[exact:project]=shop") == ["late", "openshift-dns", "shop", "web_2"]
    assert shown("exclude[tag:app]=*") == ["late", "openshift-dns", "shop", "web_2"]
    assert shown("filter[cluster]=EAST") == ["openshift-dns", "shop", "web_2"]
    assert shown("filter[category]=plat") == ["openshift-dns"]
    assert shown("category=*") == ["Platform", "late", "shop", "web_2"]
    assert shown("filter[infrastructures]=aws") == []


@pytest.mark.parametrize(
    "text", ["%", "_", "\\", "'", '"', "'; DROP TABLE source; --", "{}", "%s", "%(v0)s", "$1", "\u0000"[:0]]
)
def test_text_from_outside_is_only_ever_a_value(koku: Koku, text: str) -> None:
    from urllib.parse import quote

    value = quote(text, safe="")
    for key in ("project", "exact:project", "and:node", "or:cluster", "tag:app", "exact:tag:app"):
        for where in ("filter", "exclude"):
            body = ask(koku, f"{where}[{key}]={value}&group_by[project]=*&filter[limit]=1&{MONTH}")
            found = {r["project"] for r in cells(body["data"][0])}
            literal = text == "_" and where == "filter" and key == "project"
            assert not literal or found == {"web_2"}
    with pytest.raises(InvalidInput):
        ask(koku, f"group_by[tag:{value or 'x'}]=*")
    with koku.handle.connection() as conn:
        assert conn.execute("SELECT count(*) FROM source").fetchone() == (2,)


def test_a_tag_key_may_hold_quotes(koku: Koku) -> None:
    body = ask(koku, f'group_by[tag:od"d]=*&{MONTH}')
    assert [a['od"d'] for a in body["data"][0]['od"ds']] == ['No-od"d']
    assert "usages" in ask(koku, f"group_by[tag:usage]=*&{MONTH}")["data"][0]
    assert "tag:usages" in ask(koku, f"group_by[tag:usage]=*&{MONTH}", "compute")["data"][0]


EAST = Access(lists={"openshift.cluster": {"read": ("c-1",)}, "openshift.project": {"read": ("shop",)}})


@pytest.mark.parametrize(
    "query",
    ["", "group_by[project]=*", "group_by[cluster]=*&filter[exact:cluster]=c-2", "filter[exact:project]=late", "filter[project]=shop",
     "group_by[cluster]=*&filter[or:cluster]=c-2", "group_by[project]=*&filter[and:project]=o", "exclude[project]=x", "filter[project]=*"],
)  # fmt: skip
@pytest.mark.parametrize("report", ["costs", "compute"])
def test_access_is_required_beside_every_filter(koku: Koku, query: str, report: str) -> None:
    body = ask(koku, f"{query}&{MONTH}", report, EAST)
    assert sum(totals(body)) in (0, pytest.approx(1050))
    assert all(row["source_uuid"] == [ONE] for row in cells(body["data"][0]))


@pytest.mark.parametrize(
    "query", ["filter[project]=late", "group_by[project]=late", "group_by[project]=*&filter[project]=sho"]
)
def test_a_plain_value_outside_the_list_is_denied(koku: Koku, query: str) -> None:
    with pytest.raises(AccessDenied):
        ask(koku, f"{query}&{MONTH}", access=EAST)


def test_without_access_to_clusters_nothing_is_seen(koku: Koku) -> None:
    with pytest.raises(AccessDenied):
        ask(koku, MONTH, access=Access(lists={"openshift.project": {"read": ("*",)}}))


def test_a_list_of_a_cluster_s_alias_is_enough(koku: Koku) -> None:
    body = ask(koku, MONTH, access=Access(lists={"openshift.cluster": {"read": ("east",)}}))
    assert sum(totals(body)) == pytest.approx(2100)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_is_flat_and_exact(koku: Koku) -> None:
    reports = Reports(koku.services, koku.handle)
    text = "".join(
        reports.answer("openshift/costs", f"group_by[project]=*&limit=0&{DAILY}", EVERYTHING, csv=True).csv()
    )
    lines = table(text)
    assert list(lines[0]) == sorted(lines[0])
    assert {"clusters.0", "clusters.1", "source_uuid.1", "cost_total", "infra_usage"} <= set(lines[0])
    assert [line["date"] for line in lines] == sorted((line["date"] for line in lines), reverse=True)
    assert sum(Decimal(line["cost_total"]) for line in lines) == Decimal("2221.8")
    assert "\r\n" in text
    paged = reports.answer("openshift/costs", f"group_by[project]=*&limit=2&offset=1&{DAILY}", EVERYTHING, csv=True)
    assert [(line["date"], line["cost_total"]) for line in table("".join(paged.csv()))] == [
        (line["date"], line["cost_total"]) for line in lines[1:3]
    ]


def test_a_stream_that_nobody_reads_holds_no_connection(koku: Koku) -> None:
    reports = Reports(koku.services, koku.handle)
    for _ in range(koku.services.settings.pool_size + 5):
        next(reports.answer("openshift/costs", f"limit=0&{DAILY}", EVERYTHING, csv=True).csv())


def test_arrow_has_types_and_units(koku: Koku) -> None:
    answer = koku.report("openshift/compute", group_by="project", months=-1, resolution="monthly")
    made = answer.to_arrow()
    assert made.schema.field("usage").metadata == {b"unit": b"Core-Hours"}
    assert made.schema.field("cost_total").metadata == {b"unit": b"USD"}
    assert made.column("date").to_pylist() == [date(2026, 11, 1)] * 4
    assert sum(made.column("cost_total").to_pylist()) == Decimal("2221.8")
    assert answer.to_pandas().shape == (made.num_rows, made.num_columns)
    assert "Core-Hours" in str(answer)
    assert "<table>" in answer._repr_html_()


def test_library_options_build_the_api_s_question(koku: Koku) -> None:
    asked = koku.report(
        "openshift/costs", group_by={"project": "shop"}, order_by="cost", days=-10, limit=1, currency="USD"
    )
    meta = asked.body()["meta"]
    assert meta["group_by"] == {"project": ["shop"]}
    assert meta["order_by"] == {"cost_total": "desc"}
    assert meta["filter"] == {"time_scope_value": "-10", "time_scope_units": "day", "resolution": "daily", "limit": 1}
    old = koku.report("openshift/costs", start="2019-01-01", end=date(2019, 1, 2))
    assert len(old.body()["data"]) == 2
    with pytest.raises(TypeError, match="grouping"):
        koku.report("openshift/costs", grouping="x")
    with pytest.raises(UnknownName, match="openshift/volumes"):
        koku.report("openshift/nothing")


def test_money_is_converted_or_refused(koku: Koku) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(koku, f"currency=EUR&{MONTH}")
    [error] = refused.value.errors["errors"]
    assert error["source"] == "currency"
    assert error["detail"].startswith("No exchange rate available for USD -> EUR for 2026-11-01 to 2026-11-01.")
    try:
        with koku.services.system.transaction() as conn:
            conn.execute(
                "INSERT INTO exchange_rate VALUES ('USD', 'EUR', '2026-12-01', 0.5), ('USD', 'EUR', '2026-10-01', 0.25)"
            )
        body = ask(koku, f"currency=EUR&group_by[project]=*&delta=cost&{MONTH}")
        assert totals(body) == pytest.approx([577.5, 315, 210, 8.4])
        assert next(cells(body["data"][0]))["delta_value"] == pytest.approx(577.5 - 275)
        assert next(cells(body["data"][0]))["cost"]["total"]["units"] == "EUR"
    finally:
        with koku.services.system.transaction() as conn:
            conn.execute("DELETE FROM exchange_rate")


def test_limits_answer_with_what_to_do(koku: Koku) -> None:
    services = koku.services
    for limits in ({"row_limit": 2}, {"statement_timeout_s": 0.0005}):
        import dataclasses

        small = dataclasses.replace(services, settings=services.settings.model_copy(update=limits))
        with pytest.raises(QueryTooLarge, match="Ask for fewer"):
            Reports(small, koku.handle).answer("openshift/costs", f"group_by[project]=*&{DAILY}", EVERYTHING)


def test_an_unknown_tenant_answers_empty_and_one_without_data_zero(koku: Koku) -> None:
    nobody = koku.tenant("nobody")
    body = ask(nobody, "")
    assert body["meta"] == {"count": 0}
    assert body["links"]["first"].endswith("?limit=0&offset=0")
    nobody.handle.ensure()
    body = ask(nobody, f"group_by[project]=*&filter[limit]=2&{MONTH}", "compute")
    assert body["data"] == [{"date": "2026-11", "projects": []}]
    assert body["meta"]["total"]["capacity"]["value"] == 0
    assert "others" not in body["meta"]


def test_etags_follow_what_the_answer_depends_on(koku: Koku) -> None:
    reports = Reports(koku.services, koku.handle)

    def tag(query: str = MONTH, access: Access = EVERYTHING, *, csv: bool = False) -> str:
        return reports.answer("openshift/costs", query, access, csv=csv).etag

    assert tag() == tag()
    assert len({tag(), tag(DAILY), tag(access=EAST), tag(csv=True)}) == 4
    before = tag()
    koku.tags.enable("OCP", ["another"])
    assert tag() != before


def test_tags_list_keys_and_values(koku: Koku) -> None:
    reports = Reports(koku.services, koku.handle)

    def data(query: str = "", key: str | None = None, access: Access = EVERYTHING) -> Any:
        return reports.tags("openshift", key, query, access).body()["data"]

    assert data() == [{"key": "app", "values": ["Web", "api"], "enabled": True}]
    assert data("key_only=true") == ["app"]
    assert data("filter[type]=pod")[0]["type"] == "pod"
    assert data("filter[type]=storage") == []
    assert data("filter[value]=A", "app") == ["api"]
    assert data("filter[project]=web") == [{"key": "app", "values": ["api"], "enabled": True}]
    assert data(access=EAST) == [{"key": "app", "values": ["Web"], "enabled": True}]
    with pytest.raises(UnknownName):
        data(key="hidden")
    for query, key in (
        ("filter[value]=x", None),
        ("key_only=true", "app"),
        ("category=x", None),
        ("limit=0", None),
        ("group_by[key]=*", None),
    ):
        with pytest.raises(InvalidInput):
            data(query, key)


def test_children_of_a_mapping_are_shown_under_their_parent(koku: Koku) -> None:
    koku.tags.enable("OCP", ["application"])
    with koku.handle.transaction() as conn:
        conn.execute(
            "INSERT INTO tag_mapping SELECT c.uuid, p.uuid FROM tag_key c, tag_key p WHERE c.key = 'app' AND p.key = 'application'"
        )
    try:
        reports = Reports(koku.services, koku.handle)
        found = reports.tags("openshift", None, "filter[key]=application", EVERYTHING).body()["data"]
        assert found == [{"key": "application", "values": ["Web", "api"], "enabled": True}]
        assert reports.tags("openshift", "application", "", EVERYTHING).body()["data"] == ["Web", "api"]
    finally:
        with koku.handle.transaction() as conn:
            conn.execute("DELETE FROM tag_mapping")


def test_a_tags_column_has_its_name_for_people_and_that_of_clients_in_csv(koku: Koku) -> None:
    koku.tags.enable("ocp", ["app"])
    answer = koku.report("openshift/costs", group_by="tag:app", months=-1)
    assert "tag:app" in answer.to_arrow().column_names
    assert "tag:app" in str(answer)
    assert "INTERNAL_all_labels" in next(iter(answer.csv()))


def test_a_key_that_is_grouped_by_twice_can_be_drawn(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=shop&group_by[or:project]=late&{MONTH}")
    assert body["data"]
    answer = koku.report("openshift/costs", group_by={"project": "shop", "or:project": "late"}, months=-1)
    assert answer.plot().to_dict()
