"""Currencies and exchange rates: what is listed, refused, and how a rate that was set reaches answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from koku_core import Koku, currencies, hookimpl
from koku_core.api import create_app
from koku_core.errors import PluginError
from koku_core.jobs.schedule import Schedule
from koku_core.plugins import Plugins
from tests.conftest import database
from tests.end_to_end.conftest import Api, model
from tests.end_to_end.tenants_data import OTHER, fill, opened
from tests.unit.report_data import cost, insert, publish, usage

ALL, RATES = "settings/currency/", "settings/currency/static-rates/"
COSTS = "reports/openshift/costs/?filter[time_scope_value]=-1&filter[time_scope_units]=month&filter[resolution]=monthly"
FORBIDDEN = [("You do not have permission to perform this action.", "detail")]


@pytest.fixture(scope="module")
def asked(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Two filled tenants, for tests that change nothing."""
    with database(server_dsn) as dsn, opened(dsn, tmp_path_factory.mktemp("data")) as koku:
        fill(koku)
        yield Api(create_app(koku))


def rate(**changed: Any) -> dict[str, Any]:
    return {
        "base_currency": "USD", "target_currency": "EUR", "exchange_rate": "0.9", "start_date": "2026-11-01",
        "end_date": "2026-12-31", **changed,
    }  # fmt: skip


def test_currencies_are_enabled_and_disabled(api: Api) -> None:
    assert [r["code"] for r in api.data("currency/?limit=100")] == list(currencies.INITIALLY_ENABLED)
    assert api.data("currency/")[0] == {
        "code": "AED", "name": "United Arab Emirates Dirham", "symbol": "AED", "description": "AED (AED) - United Arab Emirates Dirham",
    }  # fmt: skip
    for _ in range(2):
        made = api.post(f"{ALL}enabled/kmf/")
        assert (made.status_code, made.content) == (200, b"")
    assert "KMF" in [r["code"] for r in api.data("currency/?limit=100")]
    for _ in range(2):
        assert api.delete(f"{ALL}enabled/KMF/").status_code == 204
    assert api.of("777").data("currency/?limit=100") == api.data("currency/?limit=100")
    assert api.errors("POST", f"{ALL}enabled/ZZZ/") == [("Invalid ISO 4217 currency code: ZZZ", "code")]
    assert api.errors("GET", f"{ALL}enabled/USD/", 405) == [('Method "GET" not allowed.', "detail")]


def test_a_currency_that_is_used_stays(api: Api) -> None:
    made = api.make("cost-models/", model(currency="USD"))
    refused = api.delete(f"{ALL}enabled/USD/")
    body = refused.json()
    assert (refused.status_code, body["errors"]) == (400, [{
        "detail": "Cannot disable USD because it is the system default currency; it is the account default currency; "
                  "it is used by 1 cost model(s); it is used by 1 price list(s).",
        "source": "currency", "status": 400,
    }])  # fmt: skip
    assert body["affected_cost_models"] == [{"uuid": made["uuid"], "name": "list prices"}]
    assert (body["affected_cloud_providers"], len(body["affected_price_lists"])) == ([], 1)
    assert "USD" in [r["code"] for r in api.data("currency/?limit=100")]


def test_the_last_currency_stays(api: Api, org: Koku) -> None:
    from koku_core import settings_store

    with org.handle.ensure().transaction() as conn:
        settings_store.write(conn, settings_store.ENABLED_CURRENCIES, ["CHF"])
    assert api.errors("DELETE", f"{ALL}enabled/CHF/") == [("At least one currency must be enabled.", "error")]
    assert api.data(f"{ALL}?filter[enabled]=1")[0]["is_disableable"] is False


def test_all_currencies(asked: Api) -> None:
    body = asked.get(f"{ALL}?limit=1000").json()
    assert body["meta"]["count"] == len(currencies.names())
    codes = [r["code"] for r in body["data"]]
    assert codes[: len(currencies.INITIALLY_ENABLED)] == list(currencies.INITIALLY_ENABLED)
    usd, adp = (next(r for r in body["data"] if r["code"] == c) for c in ("USD", "ADP"))
    assert (usd["enabled"], usd["is_disableable"], usd["has_dynamic_rate"], usd["static_rates"]) == (
        True,
        False,
        False,
        [],
    )
    assert (adp["enabled"], adp["is_disableable"]) == (False, False)
    assert [r["code"] for r in asked.data(f"{ALL}?filter[currency]=usd,eur&filter[enabled]=true")] == ["EUR", "USD"]
    assert asked.errors("GET", f"{ALL}?filter[enabled]=abc") == [("Must be a valid boolean.", "enabled")]
    for query, name in (("filter[foo]=1", "foo"), ("foo=1", "foo")):
        assert asked.errors("GET", f"{ALL}?{query}") == [("Unsupported parameter or invalid value", name)]


class Feed:
    """A plugin that knows exchange rates."""

    said: Mapping[tuple[str, str], Any]

    @hookimpl
    def koku_exchange_rates(self, today: date) -> Mapping[tuple[str, str], Decimal]:
        del today
        return self.said


def test_rates_of_a_feed(api: Api, koku: Koku) -> None:
    none = api.get("exchange-rates/")
    assert (none.status_code, set(none.json())) == (404, {"detail"})
    feed = Feed()
    plugins = Plugins(("ocp",), extra={"feed": feed})
    api.post("settings/currency/enabled/EUR/")
    for day, said in (("2026-10-31", "0.8"), ("2026-11-01", "0.6"), ("2026-11-02", "0.5")):
        feed.said = {("USD", "EUR"): Decimal(said)}
        clock = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        with Koku.open(settings=koku.services.settings.model_copy(update={"clock": clock}), plugins=plugins) as told:
            with told.services.system.connection() as conn:
                conn.execute("DELETE FROM schedule")
            assert len(Schedule(told.services).look()) == 1
            told.tenant("org1234567").work()
            for wrong in ({("USD", "EUR"): 0.5}, {("USD", "ZZZ"): Decimal(1)}, {("USD", "EUR"): Decimal(0)}):
                feed.said = wrong
                with pytest.raises(PluginError, match="is no exchange rate"):
                    told.exchange_rates.refresh()
    with koku.services.system.connection() as conn:
        assert conn.execute("SELECT month::text, rate FROM exchange_rate ORDER BY 1").fetchall() == [
            ("2026-10-01", Decimal("0.8")), ("2026-11-01", Decimal("0.5")),
        ]  # fmt: skip
    assert api.get("exchange-rates/").json() == {"USD": {"EUR": 0.5, "USD": 1.0}}
    assert {r["code"]: r["has_dynamic_rate"] for r in api.data(f"{ALL}?filter[currency]=USD,EUR,CHF")} == {
        "CHF": False, "EUR": True, "USD": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("This field is required.", n) for n in ("base_currency", "target_currency", "exchange_rate", "start_date", "end_date")]),
        (rate(base_currency=None), [("This field may not be null.", "base_currency")]),
        (rate(target_currency="ZZZ"), [('"ZZZ" is not a valid ISO 4217 currency.', "target_currency")]),
        (rate(target_currency="EUROPE"), [("Ensure this field has no more than 5 characters.", "target_currency")]),
        (rate(exchange_rate="-1"), [("Exchange rate must be strictly positive.", "exchange_rate")]),
        (rate(exchange_rate=0), [("Exchange rate must be strictly positive.", "exchange_rate")]),
        (rate(exchange_rate="abc"), [("A valid number is required.", "exchange_rate")]),
        (rate(exchange_rate="0." + "1" * 16), [("Ensure that there are no more than 15 decimal places.", "exchange_rate")]),
        (rate(start_date="2026-11-02"), [("start_date must be the first day of a month.", "start_date")]),
        (rate(end_date="2026-12-15"), [("end_date must be the last day of a month.", "end_date")]),
        (rate(end_date="yesterday"), [("Date has wrong format. Use one of these formats instead: YYYY-MM-DD.", "end_date")]),
        (rate(target_currency="usd"), [("Base currency and target currency must be different.", "non_field_errors")]),
        (rate(start_date="2027-01-01"), [("End date must be on or after start date.", "non_field_errors")]),
        (rate(start_date="2026-10-01"), [("Start date cannot be in a past month.", "non_field_errors")]),
        ([], [("Invalid data. Expected a dictionary, but got list.", "non_field_errors")]),
    ],
)  # fmt: skip
def test_a_rate_that_is_not_valid(asked: Api, body: Any, errors: Any) -> None:
    assert asked.errors("POST", RATES, json=body) == errors


def test_rates_are_set_changed_and_removed(api: Api) -> None:
    made = api.make(RATES, rate(target_currency="eur"))
    assert {**made, "uuid": "", "created_timestamp": "", "updated_timestamp": ""} == {
        **rate(exchange_rate=0.9), "name": "USD-EUR", "uuid": "", "created_timestamp": "", "updated_timestamp": "",
    }  # fmt: skip
    unique = "The fields base_currency, target_currency, start_date, end_date must make a unique set."
    overlap = "Overlaps with existing rate USD-EUR (2026-11-01 to 2026-12-31)."
    assert api.errors("POST", RATES, json=rate()) == [(unique, "non_field_errors")]
    assert api.errors("POST", RATES, json=rate(start_date="2026-12-01", end_date="2027-01-31")) == [
        (overlap, "non_field_errors")
    ]
    api.make(RATES, rate(base_currency="EUR", target_currency="USD"))
    one = f"{RATES}{made['uuid']}/"
    assert api.put(one, json=rate(exchange_rate=0.5)).json()["exchange_rate"] == 0.5
    text = "Base currency cannot be modified. Delete and recreate the exchange rate instead."
    assert api.errors("PUT", one, json=rate(base_currency="CHF")) == [(text, "non_field_errors")]
    assert api.data(f"{ALL}?filter[currency]=USD")[0]["static_rates"][0]["exchange_rate"] == 0.5
    assert api.of("777").errors("PUT", one, 404, json=rate()) == [
        ("No StaticExchangeRate matches the given query.", "detail")
    ]
    assert api.delete(one).status_code == 204
    assert api.errors("DELETE", one, 404) == [("No StaticExchangeRate matches the given query.", "detail")]
    assert api.errors("GET", RATES, 405) == [('Method "GET" not allowed.', "detail")]
    assert api.errors("GET", one, 405) == [('Method "GET" not allowed.', "detail")]


def test_who_may_set_rates(asked: Api) -> None:
    for access in (
        {"settings": {"write": ["*"]}},
        {"cost_model": {"read": ["*"]}},
        {"cost_model": {"write": ["some"]}},
    ):
        assert asked.of(access=access).errors("POST", RATES, 403, json=rate()) == FORBIDDEN
    assert asked.of(access={"cost_model": {"write": ["*"]}}).errors("POST", RATES, json={})[0][1] == "base_currency"


@pytest.fixture
def priced(koku: Koku, org: Koku) -> Koku:
    """A cost of 50 in October and 50 in November, in US dollars."""
    fill(koku)
    with org.handle.transaction() as conn:
        for month in (10, 11):
            day = usage(
                "11111111-1111-4111-8111-111111111111", datetime(2026, month, 5, tzinfo=UTC).date(), "shop", "n1", 6
            )
            insert(conn, [cost(day, "Infrastructure", 50)])
        publish(conn)
    return koku


def total(caller: Api, query: str) -> Any:
    body = caller.get(f"{COSTS}&currency={query}").json()
    return body["meta"]["total"]["cost"]["total"]["value"] if "meta" in body else body["errors"][0]["detail"]


def test_a_rate_converts_the_months_that_it_is_for_and_those_before_without_one(api: Api, priced: Koku) -> None:
    enable = "Ask your administrator to configure static exchange rates or enable dynamic exchange rates."
    assert total(api, "EUR") == f"No exchange rate available for USD -> EUR for 2026-11-01 to 2026-11-01. {enable}"
    made = api.make(RATES, rate())
    assert total(api, "EUR") == 45
    assert total(api, "EUR&filter[time_scope_value]=-2") == 45
    assert total(api.of(OTHER.removeprefix("org")), "EUR") in (0, 0.0)
    api.put(f"{RATES}{made['uuid']}/", json=rate(exchange_rate=0.5))
    assert total(api, "EUR") == 25
    with priced.services.system.connection() as conn:
        conn.execute(
            "INSERT INTO exchange_rate VALUES ('USD', 'EUR', '2026-11-01', 0.1), ('USD', 'EUR', '2026-10-01', 0.2)"
        )
    assert (total(api, "EUR"), total(api, "EUR&filter[time_scope_value]=-2")) == (25, 10)
    api.delete(f"{RATES}{made['uuid']}/")
    assert total(api, "EUR") == 5


@pytest.fixture
def later(priced: Koku) -> Iterator[Api]:
    """The same data two months later."""
    clock = datetime(2027, 1, 10, tzinfo=UTC)
    with Koku.open(settings=priced.services.settings.model_copy(update={"clock": clock})) as koku:
        yield Api(create_app(koku))


def test_a_month_that_is_over_keeps_its_rate(api: Api, later: Api) -> None:
    one = f"{RATES}{api.make(RATES, rate(end_date='2027-03-31'))['uuid']}/"
    other = f"{RATES}{api.make(RATES, rate(target_currency='CHF', end_date='2026-11-30'))['uuid']}/"

    def refused(path: str, **changed: Any) -> str:
        [(text, source)] = later.errors("PUT", path, json=rate(**{"end_date": "2027-03-31", **changed}))
        assert source == "non_field_errors"
        return text

    assert (
        refused(one, target_currency="CHF")
        == "Target currency cannot be changed because this rate has finalized months."
    )
    assert refused(one, start_date="2027-01-01").startswith(
        "Start date cannot be changed because this rate has finalized months."
    )
    assert refused(one, end_date="2026-11-30").startswith("End date cannot be earlier than the previous month")
    assert refused(other, target_currency="CHF").startswith(
        "This rate ended on 2026-11-30 and all its months have been finalized."
    )
    assert later.errors("DELETE", one) == [("Rates with finalized months cannot be deleted.", None)]
    assert later.put(one, json=rate(exchange_rate=0.1, end_date="2027-02-28")).status_code == 200
    assert total(later, "EUR&filter[time_scope_value]=-3") == 45
    assert later.put(one, json=rate(exchange_rate=0.2, end_date="2026-12-31")).status_code == 200
    assert total(later, "EUR&filter[time_scope_value]=-3") == 45
