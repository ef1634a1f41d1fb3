"""`cost-models/` and `price-lists/`, and which months a change prices anew."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from koku_core import Koku, Rate
from koku_core.errors import InvalidInput
from tests.end_to_end.conftest import Api, cluster, model

CPU = "cpu_core_usage_per_hour-Supplementary"
NOWHERE = "00000000-0000-0000-0000-000000000000"


def publish(org: Koku, source: str, *months: str) -> None:
    """Note months of a source as published."""
    with org.handle.transaction() as conn:
        for month in months:
            conn.execute("INSERT INTO published_month VALUES (%s, %s, now(), now())", (source, month))


def priced(org: Koku) -> list[tuple[str, str]]:
    """The source and month of each waiting price job; they are taken off the list."""
    found = [j for j in org.jobs.list(("waiting",)) if j.kind == "price"]
    for job in found:
        org.jobs.cancel(job.id)
    return sorted((j.key.split()[0], j.key.split()[1]) for j in found)


def months(source: str, *days: str) -> list[tuple[str, str]]:
    return [(source, day) for day in days]


def test_the_life_of_a_cost_model(api: Api) -> None:
    made = api.make("cost-models/", model(markup={"value": 10, "unit": "percent"}))
    assert made["source_type"] == "OpenShift Container Platform"
    assert made["markup"] == {"value": "10.0000000000", "unit": "percent"}
    assert made["rates"][0]["tiered_rates"] == [{"value": 0.007, "unit": "USD"}]
    assert (made["rates"][0]["custom_name"], made["rates"][0]["metric"]["label_metric"]) == (CPU, "CPU")
    assert made["distribution_info"] == {
        "distribution_type": "cpu", "platform_cost": True, "worker_cost": True, "network_unattributed": False,
        "storage_unattributed": False, "gpu_unallocated": False,
    }  # fmt: skip
    assert {k: v for k, v in made["price_lists"][0].items() if k != "uuid"} == {
        "name": "list prices prices", "priority": 1, "version": 1, "enabled": True, "effective_start_date": "2026-03-01",
        "effective_end_date": "2099-12-31",
    }  # fmt: skip
    for path in ("cost-models/{}/", "cost-models/urn:uuid:{}/"):
        assert api.get(path.format(made["uuid"])).json() == made
    assert api.data("cost-models/") == api.data(f"cost-models/?uuid={made['uuid'].upper()}") == [made]
    assert api.delete(f"cost-models/{made['uuid']}/").status_code == 204
    for method in ("GET", "DELETE"):
        assert api.errors(method, f"cost-models/{made['uuid']}/", 404) == [
            ("No CostModel matches the given query.", "detail")
        ]
    for nowhere in (NOWHERE, f"urn:uuid:{NOWHERE}"):
        assert api.errors("PUT", f"cost-models/{nowhere}/", 404, json=model()) == [
            ("No CostModel matches the given query.", "detail")
        ]
    assert api.errors("GET", "cost-models/abc/", 404) == [("Not found.", "detail")]
    assert api.errors("DELETE", "cost-models/abc/") == [("['“abc” is not a valid UUID.']", "detail")]
    left = api.data("price-lists/")
    assert [(p["name"], p["assigned_cost_model_count"]) for p in left] == [("list prices prices", 0)]


def test_a_put_is_a_mixture_of_replacing_and_keeping(api: Api) -> None:
    source = cluster(api)["uuid"]
    off = {"distribution_type": "memory", "platform_cost": False}
    made = api.make(
        "cost-models/", model(source_uuids=[source], currency="USD", distribution_info=off, markup={"value": 5})
    )
    path = f"cost-models/{made['uuid']}/"
    changed = api.put(path, json={"name": "new", "description": "", "source_type": "ocp"}).json()
    assert changed["source_uuids"] == []
    assert changed["distribution_info"]["distribution_type"] == "cpu"
    assert changed["distribution_info"]["platform_cost"] is True
    assert (changed["rates"], changed["markup"]) == (made["rates"], made["markup"])
    assert changed["price_lists"] == made["price_lists"]
    assert (changed["name"], changed["description"]) == ("new", "")
    renamed = api.put(
        path, json=model(rates=[{k: v for k, v in made["rates"][0].items() if k != "custom_name"}])
    ).json()
    assert renamed["rates"][0]["custom_name"] == f"{CPU}-2"
    emptied = api.put(path, json=model(rates=[])).json()
    assert emptied["rates"] == []
    assert api.data("price-lists/")[0]["rates"] == []
    assert emptied["price_lists"] == made["price_lists"]
    assert api.errors("PUT", path, json={}) == [
        ("This field is required.", f) for f in ("name", "description", "source_type")
    ]
    assert api.errors("PATCH", path, 405, json={}) == [('Method "PATCH" not allowed.', "detail")]


def test_a_put_of_the_whole_object_changes_nothing(api: Api) -> None:
    source = cluster(api)["uuid"]
    made = api.make("cost-models/", model(source_uuids=[source]))
    again = api.put(f"cost-models/{made['uuid']}/", json={**made, "source_type": "ocp"}).json()
    assert {k: v for k, v in again.items() if k != "updated_timestamp"} == {
        k: v for k, v in made.items() if k != "updated_timestamp"
    }


def test_a_request_that_fails_changes_nothing(api: Api, org: Koku) -> None:
    source = cluster(api)["uuid"]
    first = api.make("cost-models/", model(source_uuids=[source]))
    taken = f"Source {source} is already associated with cost model: {first['uuid']}."
    nowhere = f"PriceList with UUID {NOWHERE} does not exist."
    assert api.errors("POST", "cost-models/", json=model(source_uuids=[source])) == [(taken, "cost-models")]
    assert api.errors("POST", "cost-models/", json=model(price_list_uuids=[NOWHERE])) == [(nowhere, "cost-models")]
    assert api.errors("POST", "cost-models/", json=model(source_uuids=[NOWHERE])) == [
        ("Invalid request. Source UUID validation failed.", "source_uuids")
    ]
    assert len(api.data("cost-models/")) == len(api.data("price-lists/")) == 1
    before = api.get(f"cost-models/{first['uuid']}/").json()
    assert api.errors("PUT", f"cost-models/{first['uuid']}/", json=model("x", price_list_uuids=[NOWHERE])) == [
        (nowhere, "cost-models")
    ]
    assert api.get(f"cost-models/{first['uuid']}/").json() == before
    assert priced(org) == []


def test_lists_can_be_filtered_and_ordered(api: Api) -> None:
    source = cluster(api)["uuid"]
    for name in ("b", "A", "c"):
        api.make("cost-models/", model(name, description=f"of {name}", source_uuids=[source] if name == "c" else []))

    def names(query: str) -> list[str]:
        return [m["name"] for m in api.data("cost-models/?" + query)]

    assert names("") == names("ordering=name") == names("ordering=nonsense") == ["A", "b", "c"]
    assert names("ordering=-name") == ["c", "b", "A"]
    assert names("ordering=-updated_timestamp") == ["c", "A", "b"]
    assert names("name=B") == names("description=OF,b") == ["b"]
    assert names(f"source_uuid={source}") == ["c"]
    assert names("source_type=ocp&currency=USD&limit=1&offset=1") == ["b"]
    assert names("source_type=aws") == names("currency=EUR") == []
    assert api.errors("GET", "cost-models/?uuid=abc") == [("Enter a valid UUID.", "uuid")]
    assert api.errors("GET", "cost-models/?currency=XAU") == [('"XAU" is not an enabled currency.', "currency")]
    [(text, path)] = api.errors("GET", "cost-models/?foo=1")
    assert (text.split(".")[0], path) == ("Cannot resolve keyword 'foo' into field", "detail")


def test_every_change_of_prices_prices_every_month_anew(api: Api, org: Koku) -> None:
    one, two = cluster(api)["uuid"], cluster(api, "second", "second")["uuid"]
    publish(org, one, "2026-09-01", "2026-10-01", "2026-11-01")
    publish(org, two, "2026-11-01")
    made = api.make("cost-models/", model(source_uuids=[one]))
    path = f"cost-models/{made['uuid']}/"
    of_one, of_two = months(one, "2026-09-01", "2026-10-01", "2026-11-01"), months(two, "2026-11-01")
    assert priced(org) == of_one
    same = {**made, "source_type": "OCP"}
    api.put(path, json={**same, "name": "renamed", "description": "new"})
    assert priced(org) == []
    api.put(path, json={**same, "markup": {"value": 7, "unit": "percent"}})
    assert priced(org) == of_one
    api.put(path, json={**same, "source_uuids": [one, two]})
    assert priced(org) == sorted(of_one + of_two)
    api.put(path, json={**same, "source_uuids": [one, two], "markup": {}, "distribution_info": {"worker_cost": False}})
    assert priced(org) == sorted(of_one + of_two)
    api.put(path, json={**same, "source_uuids": [two], "markup": {}, "distribution_info": {"worker_cost": False}})
    assert priced(org) == of_one
    api.delete(path)
    assert priced(org) == of_two


def test_a_change_of_a_price_list_prices_the_months_that_it_touches(api: Api, org: Koku) -> None:
    source = cluster(api)["uuid"]
    publish(org, source, "2026-01-01", "2026-10-01", "2026-11-01")
    made = api.make("cost-models/", model(source_uuids=[source]))
    [prices] = api.data(f"price-lists/?filter[cost_model]={made['uuid']}")
    path = f"price-lists/{prices['uuid']}/"
    priced(org)
    narrowed = api.put(path, json={"effective_start_date": "2026-11-01"}).json()
    assert (narrowed["effective_start_date"], narrowed["effective_end_date"], narrowed["version"]) == (
        "2026-11-01",
        "2099-12-31",
        2,
    )
    assert priced(org) == months(source, "2026-10-01", "2026-11-01")
    assert api.get(f"cost-models/{made['uuid']}/").json()["price_lists"][0]["effective_start_date"] == "2026-11-01"
    api.put(path, json={"name": "other", "description": "x"})
    assert priced(org) == []
    dearer = [{**prices["rates"][0], "tiered_rates": [{"value": 1, "unit": "USD"}]}]
    assert api.put(path, json={"rates": dearer}).json()["version"] == 3
    assert priced(org) == months(source, "2026-11-01")
    assert api.put(path, json={"rates": [{**dearer[0], "description": "text alone"}]}).json()["version"] == 3
    assert priced(org) == []


def test_a_cost_models_own_list_may_be_anothers_too(api: Api, org: Koku) -> None:
    one, two = cluster(api)["uuid"], cluster(api, "second", "second")["uuid"]
    publish(org, one, "2026-11-01")
    publish(org, two, "2026-11-01")
    owner = api.make("cost-models/", model("owner", source_uuids=[one]))
    [own] = [p["uuid"] for p in owner["price_lists"]]
    other = model("other", rates=[], source_uuids=[two], price_list_uuids=[own])
    api.make("cost-models/", other)
    both = sorted(months(one, "2026-11-01") + months(two, "2026-11-01"))
    assert priced(org) == both
    path, dearer = (
        f"cost-models/{owner['uuid']}/",
        [{**owner["rates"][0], "tiered_rates": [{"value": 1, "unit": "USD"}]}],
    )
    api.put(path, json=model("owner", source_uuids=[one], rates=dearer))
    assert priced(org) == both
    euros = [{**owner["rates"][0], "tiered_rates": [{"value": 1, "unit": "EUR"}]}]
    mismatch = "Currency mismatch: price list 'owner prices' uses 'EUR' but cost model uses 'USD'."
    assert api.errors("PUT", path, json=model("owner", rates=euros, currency="EUR")) == [(mismatch, "cost-models")]
    without = api.put(path, json=model("owner", rates=[], source_uuids=[one], price_list_uuids=[])).json()
    assert (without["rates"], without["price_lists"]) == ([], [])
    assert [len(p["rates"]) for p in api.data("price-lists/")] == [1], "what is the other's alone keeps its rates"
    again = api.put(path, json=model("owner", rates=dearer, source_uuids=[one])).json()
    assert [p["uuid"] for p in again["price_lists"]] == [own], "rates that are given hold"


def price_list(name: str = "pl", **more: Any) -> dict[str, Any]:
    dates = {"effective_start_date": "2026-10-01", "effective_end_date": "2027-10-31"}
    return {"name": name, "description": "d", "currency": "USD", "rates": model()["rates"], **dates, **more}


def test_the_life_of_a_price_list(api: Api) -> None:
    made = api.make("price-lists/", price_list())
    path = f"price-lists/{made['uuid']}/"
    assert (made["version"], made["enabled"], made["assigned_cost_models"]) == (1, True, [])
    assert api.get(path).json() == made
    assert api.get(f"{path}affected-cost-models/").json() == []
    again = api.put(path, json=price_list("renamed")).json()
    assert (again["name"], again["version"], again["rates"][0]["custom_name"]) == ("renamed", 1, f"{CPU}-2")
    copy = api.make(f"{path}duplicate/", {})
    assert (copy["name"], copy["version"], copy["rates"]) == ("Copy of renamed", 1, made["rates"])
    used = api.make("cost-models/", model(rates=[], price_list_uuids=[made["uuid"], copy["uuid"]]))
    assert [(p["name"], p["priority"]) for p in used["price_lists"]] == [("renamed", 1), ("Copy of renamed", 2)]
    assert api.get(f"{path}affected-cost-models/").json() == [
        {"uuid": used["uuid"], "name": used["name"], "priority": 1}
    ]
    assert api.errors("DELETE", path) == [
        ("Cannot delete price list 'renamed': it is assigned to 1 cost model(s).", None)
    ]
    api.delete(f"cost-models/{used['uuid']}/")
    assert api.delete(path).status_code == 204
    assert api.errors("GET", path, 404) == [("No PriceList matches the given query.", "detail")]
    assert api.errors("GET", "price-lists/abc/", 404) == [("Not found.", "detail")]


def test_a_disabled_price_list_keeps_its_figures(api: Api) -> None:
    made = api.make("price-lists/", price_list())
    path = f"price-lists/{made['uuid']}/"
    api.put(path, json={"enabled": False})
    assert api.errors("PUT", path, json={"effective_end_date": "2027-11-30"}) == [(
        "Cannot update {'effective_end_date'} on a disabled price list. Only name, description, and status can be updated.", None,
    )]  # fmt: skip
    assert api.put(path, json={**made, "enabled": False, "name": "still"}).status_code == 200
    assert api.errors("POST", "cost-models/", json=model(price_list_uuids=[made["uuid"]])) == [
        ("Cannot attach disabled price list 'still' to a cost model.", "cost-models")
    ]
    assert api.put(path, json={"enabled": True, "effective_end_date": "2027-11-30"}).json()["version"] == 2
    assert api.errors("PUT", path, json={"currency": "EUR"}) == [
        ("Currency cannot be changed after price list creation.", None)
    ]


def test_a_price_list_of_another_currency_cannot_be_attached(api: Api) -> None:
    euros = api.make("price-lists/", price_list("euros", currency="EUR", rates=[]))
    assert api.errors("POST", "cost-models/", json=model(price_list_uuids=[euros["uuid"]])) == [
        ("Currency mismatch: price list 'euros' uses 'EUR' but cost model uses 'USD'.", "cost-models")
    ]


def test_price_lists_can_be_filtered_and_ordered(api: Api) -> None:
    for name in ("b", "A"):
        api.make("price-lists/", price_list(name))
    used = api.make("cost-models/", model("m"))["uuid"]

    def names(query: str) -> list[str]:
        return [p["name"] for p in api.data("price-lists/?" + query)]

    assert names("") == ["A", "b", "m prices"]
    assert names("order_by[name]=desc") == names("order_by=-name") == ["m prices", "b", "A"]
    assert names("filter[name]=B,m") == ["b", "m prices"]
    assert names(f"filter[cost_model]={used}") == ["m prices"]
    assert (
        names("filter[enabled]=false") == names("filter[currency]=eur") == names(f"filter[uuid]={uuid.uuid4()}") == []
    )
    assert api.errors("GET", "price-lists/?filter[cost_model]=abc") == [("'abc' is not a valid UUID.", "cost_model")]
    for query, source in (("name=x", "name"), ("filter[foo]=x", "foo"), ("order_by[foo]=asc", "foo")):
        assert api.errors("GET", f"price-lists/?{query}") == [("Unsupported parameter or invalid value", source)]


def test_the_rates_of_a_price_list_as_rows(api: Api) -> None:
    tagged = {"metric": {"name": "node_cost_per_month"}, "tag_rates": {"tag_key": "size", "tag_values": [
        {"tag_value": "big", "unit": "USD", "value": 20, "default": True}]}}  # fmt: skip
    made = api.make("price-lists/", price_list(rates=[*model()["rates"], tagged]))
    path = f"price-lists/{made['uuid']}/rates/"
    cpu, node = api.data(path)
    assert (cpu["metric_type"], cpu["default_rate"]) == ("cpu", "0.007000000000000")
    assert cpu["tiered_rates"] == [{"unit": "USD", "value": "0.0070000000"}]
    assert (node["metric_type"], node["default_rate"], node["tag_rates"]["tag_values"][0]["value"]) == (
        "node",
        None,
        "20.0000000000",
    )
    assert [r["metric_type"] for r in api.data(f"{path}?filter[measurement]=count")] == ["node"]
    assert [r["metric_type"] for r in api.data(f"{path}?order_by[name]=desc")] == ["node", "cpu"]


def test_the_same_in_a_program(org: Koku) -> None:
    prod = org.sources.add("ocp", name="prod", cluster_id="c1")
    rates = [Rate("cpu_core_usage_per_hour", 0.007), Rate("node_cost_per_month", 1000)]
    made = org.cost_models.add("list prices", sources=[prod], markup=10, rates=rates, platform_cost=False)
    assert (made["source_uuids"], made["markup"]["value"]) == ([prod.uuid], "10.0000000000")
    assert made["distribution_info"]["platform_cost"] is False
    assert [str(r["tiered_rates"][0]["value"]) for r in made["rates"]] == ["0.007", "1000"]
    assert org.cost_models.get("list prices") == org.cost_models.get(made["uuid"]) == made
    with pytest.raises(InvalidInput, match="already associated"):
        org.cost_models.add("other", sources=["prod"])
    cheaper = org.price_lists.update(
        "list prices prices", {"rates": [Rate("cpu_core_usage_per_hour", 0.001).body("USD")]}
    )
    assert org.price_lists.stored_rates(cheaper["uuid"]) == org.price_lists.stored_rates("list prices prices")
    assert (
        org.cost_models.update("list prices", {**made, "source_type": "OCP", "name": "new", "rates": []})["rates"] == []
    )
    org.cost_models.update("new", {**made, "source_type": "OCP"})
    org.cost_models.remove("list prices")
    assert org.cost_models.list() == []
