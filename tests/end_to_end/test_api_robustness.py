"""Whatever is sent, the API answers with what is wrong with it; and callers at the same time do not get in each other's way."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from koku_core import Koku
from koku_core.api import create_app
from tests.end_to_end.conftest import Api, cluster, model

JUNK: list[Any] = [
    None, True, 0, -1, 1e300, 10**30, "", "x", "NaN", "1e9999", "USD", "ZZZ", "é\x00", "q" * 600, [], {},
     [[]], {"a": 1}, ["x"], "2026-13-01",
    "9999-12-31", "00000000-0000-0000-0000-000000000000", "OCP", "'; DROP SCHEMA koku; --", "%s", {"tag_key": [], "tag_values": {}},
]  # fmt: skip
TAGGED = {"metric": {"name": "node_cost_per_month"}, "tag_rates": {"tag_key": "k", "tag_values": [
    {"tag_value": "v", "value": 1, "unit": "USD", "default": False}]}}  # fmt: skip
BODIES = {
    "cost-models/": model(rates=[*model()["rates"], TAGGED], markup={"value": 1, "unit": "percent"},
                          distribution_info={"worker_cost": True},
                          source_uuids=[], price_list_uuids=[], currency="USD"),
    "price-lists/": {"name": "p", "effective_start_date": "2026-01-01", "effective_end_date": "2026-12-31", "rates": [TAGGED],
                     "enabled": True},
    "sources/": {"name": "s", "source_type": "OCP", "authentication": {"credentials": {"cluster_id": "c"}}, "paused": False},
    "applications": {"source_id": "1", "application_type_id": "0"},
    "settings/currency/static-rates/": {"base_currency": "USD", "target_currency": "EUR", "exchange_rate": "0.9",
                                        "start_date": "2026-11-01", "end_date": "2026-12-31"},
}  # fmt: skip
NOBODY = "00000000-0000-0000-0000-000000000000"
CHANGES = {
    "settings/tags/enable/": {"ids": [NOBODY]}, "settings/tags/disable/": {"ids": [f"urn:uuid:{NOBODY}"]},
    "settings/tags/mappings/child/add/": {"parent": NOBODY, "children": [f"{{{NOBODY}}}"]},
    "settings/tags/mappings/child/remove/": {"ids": [NOBODY]}, "settings/cost-groups/add/": [{"project": "p", "group": "g"}],
    "settings/cost-groups/remove/": [{"project": "p", "group": "g"}], "account-settings/currency/": {"currency": "EUR"},
    "account-settings/cost-type/": {"cost_type": "blended_cost"}, "account-settings/data-retention/": {"data_retention_months": 6},
    f"settings/currency/static-rates/{NOBODY}/": {"base_currency": "USD", "exchange_rate": 1},
}  # fmt: skip
QUERIES = ("settings/tags/", "settings/tags/mappings/", "settings/tags/mappings/child/", "settings/cost-groups/", "settings/currency/",
           "account-settings/", "user-access/", "resource-types/", "resource-types/openshift-nodes/", "resource-types/cost-models/",
           "currency/", "exchange-rates/", "cost-type/", "sources/", "metrics/")  # fmt: skip
NAMES = ("limit", "offset", "search", "type", "filter", "filter[key]", "filter[uuid]", "filter[enabled]", "filter[default]",
         "exclude[group]",
         "order_by", "order_by[key]", "order_by[project]", "filter[", "aws", "name", "filter[[", "ordering")  # fmt: skip


def spoiled(node: Any, chance: random.Random) -> Any:
    """The same with junk in one place."""
    if isinstance(node, dict) and node and chance.random() < 0.8:
        key = chance.choice(list(node))
        return {**node, key: spoiled(node[key], chance)}
    if isinstance(node, list) and node and chance.random() < 0.8:
        at = chance.randrange(len(node))
        return [*node[:at], spoiled(node[at], chance), *node[at + 1 :]]
    return chance.choice(JUNK)


@pytest.mark.parametrize("path", BODIES)
def test_no_body_is_too_bad_for_an_answer(api: Api, path: str) -> None:
    chance = random.Random(path)
    for _ in range(120):
        body = spoiled(BODIES[path], chance)
        response = api.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert response.status_code < 500, body
        if response.status_code >= 400:
            assert response.json(), body


@pytest.mark.parametrize("path", CHANGES)
def test_no_change_is_too_bad_for_an_answer(api: Api, path: str) -> None:
    cluster(api)
    chance = random.Random(path)
    for _ in range(60):
        body = spoiled(CHANGES[path], chance)
        response = api.put(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert response.status_code < 500, body
        if response.status_code >= 400:
            assert response.json(), body


def test_no_question_is_too_bad_for_an_answer(api: Api) -> None:
    cluster(api)
    chance = random.Random("questions")
    texts = [str(value) for value in JUNK if not isinstance(value, (dict, list))] + [
        "-1",
        "--1",
        "desc",
        "%",
        "a,b,,",
        "\x00",
    ]
    for path in QUERIES:
        for _ in range(40):
            asked = tuple((chance.choice(NAMES), chance.choice(texts)) for _ in range(chance.randrange(4)))
            response = api.get(path, params=asked)
            assert response.status_code < 500, (path, asked)


def test_of_two_that_want_one_source_one_gets_it(api: Api) -> None:
    source = cluster(api)["uuid"]
    body = model(source_uuids=[source])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: Api(api.app).post("cost-models/", json=body), range(4)))
    assert sorted(a.status_code for a in answers) == [201, 400, 400, 400]
    assert len(api.data("cost-models/")) == len(api.data("price-lists/")) == 1


def test_more_callers_than_threads_are_all_answered(koku: Koku) -> None:
    app = create_app(koku)
    with Api(app) as caller, ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: caller.get("sources/").status_code, range(60)))
    assert answers == [200] * 60


def test_a_new_tenant_is_made_once_by_callers_at_the_same_time(api: Api, koku: Koku) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: Api(api.app).post("cost-models/", json=model(f"m{n}")).status_code, range(4)))
    assert answers == [201] * 4
    assert len(koku.tenant("org1234567").cost_models.list()) == 4
