"""Settings: tag keys and mappings, cost groups, the account. Every message of bad input, and that a change reaches every month."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from koku_core import Koku
from koku_core.api import create_app
from koku_core.tag_mappings import TagMappings
from tests.conftest import database
from tests.end_to_end.conftest import Api, model
from tests.end_to_end.tenants_data import OTHER, SENTINEL, fill, opened

TAGS, GROUPS, ACCOUNT = "settings/tags/", "settings/cost-groups/", "account-settings/"
NOBODY = "00000000-0000-0000-0000-000000000000"
FORBIDDEN = [("You do not have permission to perform this action.", "detail")]
UNSUPPORTED = "Unsupported parameter or invalid value"
INVALID = "Invalid, disabled, or missing uuid provided."


@pytest.fixture
def filled(koku: Koku, api: Api) -> Api:
    fill(koku)
    return api


@pytest.fixture(scope="module")
def asked(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The same for tests that change nothing, made once."""
    with database(server_dsn) as dsn, opened(dsn, tmp_path_factory.mktemp("data")) as koku:
        fill(koku)
        yield Api(create_app(koku))


@pytest.fixture
def keys(filled: Api, org: Koku) -> dict[str, str]:
    """The uuids of four tag keys; the last one is not enabled."""
    org.tags.enable("OCP", ["tier"])
    with org.handle.connection() as conn:
        conn.execute("INSERT INTO tag_key (family, key) VALUES ('OCP', 'qa')")
    return {row["key"]: row["uuid"] for row in org.tags.rows()}


def put(caller: Api, path: str, body: Any, status: int = 204) -> Any:
    response = caller.put(path, json=body)
    assert response.status_code == status, response.text
    return response


def test_tag_keys_stand_in_the_order_that_they_came_enabled_ones_first(filled: Api, keys: dict[str, str]) -> None:
    body = filled.get(TAGS).json()
    assert body["meta"] == {"count": 4, "limit": 4, "offset": 0, "enabled_tags_count": 3, "enabled_tags_limit": 200}
    assert body["data"][0] == {"uuid": keys["app"], "key": "app", "enabled": True, "source_type": "OCP"}
    assert [r["key"] for r in body["data"]] == ["app", "stage", "tier", "qa"]
    assert SENTINEL not in filled.get(f"{TAGS}?limit=1000").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filter[key]=AP", ["app"]), ("filter[key]=ap,ti", ["app", "tier"]), ("filter[enabled]=false", ["qa"]),
        ("filter[enabled]=abc", ["app", "stage", "tier", "qa"]), ("filter[source_type]=OCP&filter[key]=q", ["qa"]),
        ("filter[uuid]={qa}", ["qa"]), ("order_by[key]=desc", ["tier", "stage", "qa", "app"]),
        ("order_by=-key", ["tier", "stage", "qa", "app"]), ("order_by=key&nonsense=1", ["app", "qa", "stage", "tier"]),
        ("order_by[enabled]=asc", ["qa", "app", "stage", "tier"]), ("limit=2&offset=3", ["qa"]),
    ],
)  # fmt: skip
def test_filters_and_orders_of_tag_keys(filled: Api, keys: dict[str, str], query: str, found: list[str]) -> None:
    assert [r["key"] for r in filled.data(f"{TAGS}?{query.format(**keys)}")] == found


@pytest.mark.parametrize(
    ("query", "message", "source"),
    [
        ("filter[foo]=1", UNSUPPORTED, "foo"),
        ("filter[uuid]=abc", "Select a valid choice. abc is not one of the available choices.", None),
        ("filter[source_type]=AWS", "Select a valid choice. AWS is not one of the available choices.", None),
        ("order_by[key]=up", "Invalid order_by parameter: {'key': 'up'}", None),
        ("order_by=foo", "Cannot resolve keyword 'foo' into field. Choices are: child, enabled, key, parent, provider_type, uuid", None),
        ("limit=0", "Ensure this value is greater than or equal to 1.", "limit"),
    ],
)  # fmt: skip
def test_a_question_about_tag_keys_that_is_not_valid(asked: Api, query: str, message: str, source: Any) -> None:
    assert asked.errors("GET", f"{TAGS}?{query}") == [(message, source)]


@pytest.mark.parametrize("path", ["enable/", "disable/", "mappings/child/remove/", "mappings/parent/remove/"])
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("This list may not be empty.", "id_list")]),
        ({"ids": []}, [("This list may not be empty.", "id_list")]),
        ({"ids": "abc"}, [('Expected a list of items but got type "str".', "id_list")]),
        ({"ids": ["abc", NOBODY, 1]}, [("invalid uuid supplied.", "id_list.0"), ("invalid uuid supplied.", "id_list.2")]),
        ([], [("Invalid data. Expected a dictionary, but got list.", "non_field_errors")]),
    ],
)  # fmt: skip
def test_ids_that_are_not_valid(asked: Api, path: str, body: Any, errors: Any) -> None:
    assert asked.errors("PUT", f"{TAGS}{path}", json=body) == errors


def test_tag_keys_are_enabled_and_disabled_and_every_month_made_anew(
    filled: Api, org: Koku, keys: dict[str, str]
) -> None:
    before = org.jobs.count()
    put(filled, f"{TAGS}disable/", {"ids": [keys["app"], NOBODY]})
    assert org.tags.enabled("OCP") == ["stage", "tier"]
    jobs = org.jobs.list(("waiting",))
    assert {j.kind for j in jobs} == {"summarize"}
    assert len(jobs) >= before
    put(filled, f"{TAGS}enable/", {"ids": [keys["app"].upper(), keys["qa"]]})
    assert sorted(org.tags.enabled("OCP")) == ["app", "qa", "stage", "tier"]
    put(filled, f"{TAGS}enable/", {"ids": [NOBODY]})


def test_more_tag_keys_than_may_be(filled: Api, org: Koku, keys: dict[str, str]) -> None:
    limit = org.services.settings.enabled_tag_limit
    org.tags.enable("OCP", [f"k{n}" for n in range(limit - 3)])
    response = put(filled, f"{TAGS}enable/", {"ids": [keys["qa"]]}, 412)
    assert response.json() == {
        "error": f"The maximum number of enabled tags is {limit}.",
        "enabled": limit,
        "limit": limit,
    }
    assert "qa" not in org.tags.enabled("OCP")


def test_mappings(filled: Api, org: Koku, keys: dict[str, str]) -> None:
    path = f"{TAGS}mappings/"
    assert filled.get(path).json()["meta"] == {"count": 0, "limit": 0, "offset": 0}
    put(filled, f"{path}child/add/", {"parent": keys["app"], "children": [keys["stage"]]})
    assert filled.data(path) == [
        {"parent": {"uuid": keys["app"], "key": "app", "source_type": "OCP"},
         "children": [{"uuid": keys["stage"], "key": "stage", "source_type": "OCP"}]}
    ]  # fmt: skip
    assert [r["key"] for r in filled.data(f"{path}child/")] == ["tier"]
    assert [r["key"] for r in filled.data(f"{path}parent/")] == ["app", "tier"]
    assert filled.data(f"{path}parent/?filter[key]=TI") == [
        {"uuid": keys["tier"], "key": "tier", "source_type": "OCP", "cost_model_id": None}
    ]
    assert filled.data(f"{path}?filter[child]=nonsense") == []
    refused = put(filled, f"{TAGS}disable/", {"ids": [keys["stage"]]}, 412)
    assert refused.json() == {"error": "Can not disable a key associated with a tag mapping", "ids": [keys["stage"]]}
    gone = put(filled, f"{path}parent/remove/", {"ids": [keys["tier"]]}, 400)
    assert gone.json() == {"detail": "Invalid parents UUIDs."}
    put(filled, f"{path}child/remove/", {"ids": [keys["stage"]]})
    assert put(filled, f"{path}child/remove/", {"ids": [keys["stage"]]}, 400).json() == {
        "detail": "Invalid children UUIDs."
    }
    assert filled.data(path) == []
    assert org.jobs.list(("waiting",))


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("This field is required.", "parent"), ("This field is required.", "children")]),
        ({"parent": "x", "children": ["y"]}, [("Must be a valid UUID.", "parent"), ("Must be a valid UUID.", "children.0")]),
        ({"parent": "{app}", "children": "y"}, [('Expected a list of items but got type "str".', "children")]),
        ({"parent": "{app}", "children": []}, [(INVALID, "non_field_errors")]),
        ({"parent": "{app}", "children": ["{app}"]}, [(INVALID, "non_field_errors")]),
        ({"parent": NOBODY, "children": ["{app}"]}, [(INVALID, "non_field_errors")]),
        ({"parent": "{app}", "children": ["{qa}"]}, [(INVALID, "non_field_errors")]),
        ({"parent": "{tier}", "children": ["{stage}"]}, [("child already linked to a parent: ['{stage}']", "non_field_errors")]),
        ({"parent": "{stage}", "children": ["{tier}"]}, [("a child cannot become a parent: ['{stage}']", "non_field_errors")]),
        ({"parent": "{tier}", "children": ["{app}"]}, [("a parent cannot become a child: ['{app}']", "non_field_errors")]),
    ],
)  # fmt: skip
def test_a_mapping_that_is_not_valid(filled: Api, keys: dict[str, str], body: Any, errors: Any) -> None:
    put(filled, f"{TAGS}mappings/child/add/", {"parent": keys["app"], "children": [keys["stage"]]})
    named = {n: _named(v, keys) for n, v in body.items()}
    found = filled.errors("PUT", f"{TAGS}mappings/child/add/", json=named)
    assert found == [(_named(text, keys), source) for text, source in errors]


def _named(value: Any, keys: dict[str, str]) -> Any:
    """Names of keys as their uuids."""
    if isinstance(value, list):
        return [_named(v, keys) for v in value]
    for name, uuid in keys.items():
        value = value.replace(f"{{{name}}}", uuid)
    return value


def test_a_key_that_a_cost_model_prices_is_no_child(filled: Api, keys: dict[str, str]) -> None:
    rate = {
        "metric": {"name": "cpu_core_usage_per_hour"}, "cost_type": "Supplementary",
        "tag_rates": {"tag_key": "stage", "tag_values": [{"unit": "USD", "value": 1, "tag_value": "x", "default": False}]},
    }  # fmt: skip
    made = filled.make("cost-models/", model(rates=[rate]))["uuid"]
    text = f"child is being used in a cost model: [{{'cost_model_id': '{made}', 'child_key': 'stage'}}]"
    asked = {"parent": keys["app"], "children": [keys["stage"]]}
    assert filled.errors("PUT", f"{TAGS}mappings/child/add/", json=asked) == [(text, "non_field_errors")]
    assert {r["key"]: r["cost_model_id"] for r in filled.data(f"{TAGS}mappings/child/")}["stage"] == made


def test_labels_of_a_child_stand_under_its_parent(org: Koku, filled: Api, keys: dict[str, str]) -> None:
    from koku_core.sql import Table
    from koku_core.summarize.mapping import apply_mappings
    from koku_ocp.facts import DAILY_SUMMARY

    TagMappings(org.services, org.handle).add(keys["app"], [keys["tier"], keys["stage"]])
    sets = [{"stage": "s", "x": "1"}, {"app": "a", "stage": "s"}, {"stage": "s", "tier": "t"}, {"x": "1"}, {}]
    with org.handle.transaction() as conn:
        conn.execute("CREATE TEMPORARY TABLE usage (LIKE ocp_daily_summary) ON COMMIT DROP")
        for labels in sets:
            conn.execute("INSERT INTO usage (pod_labels, all_labels) VALUES (%s, NULL)", (Jsonb(labels),))
        apply_mappings(conn, DAILY_SUMMARY, "OCP", Table("usage", "pg_temp"))
        found = [labels for (labels,) in conn.execute("SELECT pod_labels FROM usage")]
    wanted = [{"app": "s", "x": "1"}, {"app": "a"}, {"app": "s"}, {"x": "1"}, {}]
    assert sorted(sorted(labels.items()) for labels in found) == sorted(sorted(labels.items()) for labels in wanted)


def test_cost_groups(filled: Api, org: Koku) -> None:
    assert filled.data(GROUPS) == [
        {"project": "openshift-dns", "group": "Platform", "clusters": ["east"], "default": True},
        {"project": "shop", "group": None, "clusters": ["c-2", "east"], "default": None},
        {"project": "Web", "group": None, "clusters": ["c-2"], "default": None},
    ]
    shop, dns = {"project": "shop", "group": "Platform"}, {"project": "openshift-dns", "group": "Platform"}
    put(filled, f"{GROUPS}add/", [dns])
    put(filled, f"{GROUPS}remove/", [dns])
    put(filled, f"{GROUPS}add/", [])
    assert org.jobs.list(("waiting",)) == []
    put(filled, f"{GROUPS}add/", [shop, shop])
    assert {j.kind for j in org.jobs.list(("waiting",))} == {"summarize"}
    assert filled.data(f"{GROUPS}?filter[project]=SHOP")[0] | {"clusters": []} == {
        **shop,
        "clusters": [],
        "default": False,
    }
    put(filled, f"{GROUPS}remove/", [shop])
    assert filled.data(f"{GROUPS}?filter[group]=platform")[0]["project"] == "openshift-dns"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filter[default]=true", ["openshift-dns"]), ("exclude[group]=Plat", ["shop", "Web"]),
        ("filter[cluster]=EAS", ["openshift-dns", "shop"]),
        ("filter[cluster]=c-1", []), ("filter[project]=web,shop", ["shop", "Web"]), ("order_by[project]=desc&limit=1", ["shop"]),
        ("exclude[default]=true", ["shop", "Web"]), ("order_by[group]=desc&limit=1", ["openshift-dns"]),
    ],
)  # fmt: skip
def test_filters_and_orders_of_cost_groups(asked: Api, query: str, found: list[str]) -> None:
    assert [r["project"] for r in asked.data(f"{GROUPS}?{query}")] == found


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("nonsense=1", {"nonsense": [UNSUPPORTED]}),
        ("filter[foo]=1&exclude[bar]=2", {"filter": {"foo": [UNSUPPORTED]}, "exclude": {"bar": [UNSUPPORTED]}}),
        ("filter[default]=abc", {"filter": {"default": ["Must be a valid boolean."]}}),
        ("order_by[project]=up", {"order_by": {"project": ['"up" is not a valid choice.']}}),
        ("filter=abc", {"filter": {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}}),
        ("limit=abc", {"limit": ["A valid integer is required."]}),
    ],
)  # fmt: skip
def test_a_question_about_cost_groups_that_is_not_valid(asked: Api, query: str, body: Any) -> None:
    response = asked.get(f"{GROUPS}?{query}")
    assert (response.status_code, response.json()) == (400, body)


@pytest.mark.parametrize("verb", ["add/", "remove/"])
@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [('Expected a list of items but got type "dict".', "non_field_errors")]),
        (["x"], [("Invalid data. Expected a dictionary, but got str.", "non_field_errors")]),
        ([{"project": "shop"}], [("This field is required.", "group")]),
        ([{"project": "shop", "group": "Nonsense"}], [("Select a valid choice. Choice is Platform.", "group")]),
        ([{"project": f"{SENTINEL}-project", "group": "Platform"}],
         [("Select a valid choice. Choices are openshift-dns, shop, Web.", "project")]),
    ],
)  # fmt: skip
def test_assignments_that_are_not_valid(asked: Api, verb: str, body: Any, errors: Any) -> None:
    assert asked.errors("PUT", f"{GROUPS}{verb}", json=body) == errors


def test_the_account(filled: Api, org: Koku) -> None:
    body = filled.get(f"{ACCOUNT}?limit=1").json()
    assert (body["meta"]["count"], body["data"]) == (1, {"currency": "USD", "cost_type": "unblended_cost"})
    put(filled, f"{ACCOUNT}currency/", {"currency": "eur"})
    put(filled, f"{ACCOUNT}cost-type/", {"cost_type": "blended_cost"})
    assert filled.data(f"{ACCOUNT}currency/") == {"currency": "EUR"}
    assert filled.data(f"{ACCOUNT}cost-type/") == {"cost_type": "blended_cost"}
    assert filled.of(OTHER.removeprefix("org")).data(ACCOUNT) == {"currency": "USD", "cost_type": "unblended_cost"}
    whole = filled.put(ACCOUNT, json={})
    assert (whole.status_code, whole.content) == (405, b"")
    assert filled.errors("GET", f"{ACCOUNT}nonsense/", 404) == [("Invalid not a user setting", "detail")]
    assert filled.errors("PUT", f"{ACCOUNT}nonsense/", 404, json={}) == [("Invalid not a user setting", "detail")]
    assert [r["code"] for r in filled.data("cost-type/")] == [
        "unblended_cost",
        "calculated_amortized_cost",
        "blended_cost",
    ]
    moved = filled.get("settings/")
    assert (moved.status_code, moved.content, moved.headers.get("location")) == (301, b"", None)


def test_how_long_data_are_kept(filled: Api, org: Koku) -> None:
    path = f"{ACCOUNT}data-retention/"
    limits = {"env_override": False, "min_retention_months": 3, "max_retention_months": 120}
    assert filled.get(path).json() == {"data_retention_months": org.services.settings.retain_months, **limits}
    put(filled, path, {"data_retention_months": 6})
    assert filled.get(path).json() == {"data_retention_months": 6, **limits}
    assert f"{org.retained_from():%Y-%m}" == "2026-05"
    report = "reports/openshift/costs/?start_date=2026-05-01&end_date=2026-05-02"
    assert filled.get(report).json() == {
        name: [f"Parameter {name} must be from 2026-06-01 to 2026-11-23"] for name in ("start_date", "end_date")
    }


@pytest.mark.parametrize(
    ("path", "body", "message", "source"),
    [
        ("currency/", {}, "This field is required.", "currency"),
        ("currency/", {"currency": "ZZZ"}, '"ZZZ" is not a valid ISO 4217 currency.', "currency"),
        ("currency/", {"currency": "XAU"}, '"XAU" is not an enabled currency.', "currency"),
        ("cost-type/", {"cost_type": "x"}, '"x" is not a valid choice.', "cost_type"),
        ("cost-type/", {"cost_type": None}, "This field may not be null.", "cost_type"),
        ("data-retention/", {}, "This field is required.", "data_retention_months"),
        ("data-retention/", {"data_retention_months": 2}, "Ensure this value is greater than or equal to 3.", "data_retention_months"),
        ("data-retention/", {"data_retention_months": 121}, "Ensure this value is less than or equal to 120.", "data_retention_months"),
        ("data-retention/", {"data_retention_months": "x"}, "A valid integer is required.", "data_retention_months"),
        ("data-retention/", {"data_retention_months": True}, "A valid integer is required.", "data_retention_months"),
        ("data-retention/", [], "Invalid data. Expected a dictionary, but got list.", "non_field_errors"),
    ],
)  # fmt: skip
def test_a_setting_that_is_not_valid(asked: Api, path: str, body: Any, message: str, source: str) -> None:
    assert asked.errors("PUT", f"{ACCOUNT}{path}", json=body) == [(message, source)]


READS = (TAGS, f"{TAGS}mappings/", f"{TAGS}mappings/child/", f"{TAGS}mappings/parent/", GROUPS, ACCOUNT,
         f"{ACCOUNT}currency/", f"{ACCOUNT}data-retention/", "settings/currency/")  # fmt: skip
WRITES = (f"{TAGS}enable/", f"{TAGS}disable/", f"{TAGS}mappings/child/add/", f"{TAGS}mappings/child/remove/",
          f"{TAGS}mappings/parent/remove/", f"{GROUPS}add/", f"{GROUPS}remove/",
          f"{ACCOUNT}currency/", f"{ACCOUNT}data-retention/")  # fmt: skip


def test_who_may_read_and_write_settings(filled: Api) -> None:
    reader = filled.of(access={"settings": {"read": ["*"]}})
    stranger = filled.of(access={"openshift.cluster": {"read": ["*"]}, "cost_model": {"write": ["*"]}})
    for path in READS:
        assert reader.get(path).status_code == 200
        assert stranger.errors("GET", path, 403) == FORBIDDEN
    for path in WRITES:
        assert reader.errors("PUT", path, 403, json={}) == FORBIDDEN
        assert stranger.errors("PUT", path, 403, json={}) == FORBIDDEN
    writer = filled.of(access={"settings": {"write": ["*"]}})
    put(writer, f"{GROUPS}add/", [])


@pytest.mark.parametrize("path", READS)
def test_nobody_sees_the_settings_of_another_tenant(asked: Api, path: str) -> None:
    assert SENTINEL not in asked.get(f"{path}?limit=1000").text
    assert asked.of("777").get(path).status_code == 200


def test_a_tenant_without_anything_can_be_changed(api: Api) -> None:
    caller = api.of("777")
    put(caller, f"{TAGS}disable/", {"ids": [NOBODY]})
    assert caller.errors("PUT", f"{TAGS}mappings/child/add/", json={"parent": NOBODY, "children": [NOBODY]}) == [
        (INVALID, "non_field_errors")
    ]
    put(caller, f"{GROUPS}remove/", [])
    put(caller, f"{ACCOUNT}currency/", {"currency": "EUR"})
    assert caller.data(ACCOUNT)["currency"] == "EUR"
