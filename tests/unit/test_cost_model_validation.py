"""Every message about a cost model that is not valid, and the path that it is about."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from koku_core import Rate
from koku_core.api.errors import envelope
from koku_core.api.wire import loads
from koku_core.costing.model_validation import validated
from koku_core.costing.price_list_validation import validated as validated_list
from koku_core.costing.tenant_facts import Facts
from koku_core.errors import InvalidInput
from koku_core.plugins import Plugins

CPU = {"metric": {"name": "cpu_core_usage_per_hour"}}


@pytest.fixture(scope="module")
def facts() -> Facts:
    return Facts(Plugins(("ocp",)), "USD", ("EUR", "USD"))


def body(**changed: Any) -> dict[str, Any]:
    made = {"name": "n", "description": "d", "source_type": "OCP", "rates": [], **changed}
    return {k: v for k, v in made.items() if v is not ...}


def tiers(*prices: Any, **changed: Any) -> dict[str, Any]:
    return body(rates=[{**CPU, "tiered_rates": list(prices), **changed}])


def tags(*values: Any, **changed: Any) -> dict[str, Any]:
    return body(rates=[{**CPU, "tag_rates": {"tag_key": "app", "tag_values": list(values), **changed}}])


def price(value: Any = 1, **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": "USD", **more}


def tier(start: Any, end: Any, **more: Any) -> dict[str, Any]:
    return price(usage={"usage_start": start, "usage_end": end, **more})


def value(name: str = "v", **more: Any) -> dict[str, Any]:
    return {"tag_value": name, "default": False, **price(), **more}


def problems(given: Any, facts: Facts) -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidInput) as caught:
        validated(given, facts)
    return [(e["detail"], e["source"]) for e in envelope(caught.value.errors)["errors"]]


REQUIRED = "This field is required."
TOO_MANY = "Ensure that there are no more than 9 digits before the decimal point."
BOTH = "Set either 'tiered_rates' or 'tag_rates' but not both"
GAP = "tiered_rate must not have gaps between tiers.usage_start of 7 should be less than or equal to the usage_end 5 of the previous tier."
OVERLAP = "tiered_rate must not have overlapping tiers. usage_start value 5 should equal to the usage_end value of the next tier, not 3."
ONE_DEFAULT = "Only one tag_value per tag_key can be marked as a default."
Cases = list[tuple[Any, list[tuple[str, str]]]]
MODEL: Cases = [
    ({}, [(REQUIRED, "name"), (REQUIRED, "description"), (REQUIRED, "source_type")]),
    ([], [("Invalid data. Expected a dictionary, but got list.", "non_field_errors")]),
    (body(name="x" * 101), [("Ensure this field has no more than 100 characters.", "name")]),
    (body(name=None), [("This field may not be null.", "name")]),
    (body(name=True), [("Not a valid string.", "name")]),
    (body(name="a\x00"), [("Not a valid string.", "name")]),
    (body(description="x" * 501), [("Ensure this field has no more than 500 characters.", "description")]),
    (body(description=None), [("This field may not be null.", "description")]),
    (body(source_type="FOO"), [("FOO is not a valid source.", "non_field_errors")]),
    (body(currency="ZZZ"), [('"ZZZ" is not a valid ISO 4217 currency.', "currency")]),
    (body(currency="XAU"), [('"XAU" is not an enabled currency.', "currency")]),
    (body(markup={"value": "abc", "unit": "percent"}), [("A valid number is required.", "markup.value")]),
    (body(markup={"value": 1, "unit": "euros"}), [('"euros" is not a valid choice.', "markup.unit")]),
    (body(markup={"value": 10**9, "unit": "percent"}), [(TOO_MANY, "markup.value")]),
    (body(markup={"value": "0.12345678901"}), [("Ensure that there are no more than 10 decimal places.", "markup.value")]),
    (body(markup={"value": "9" * 30 + "." + "0" * 10 + "1"}), [("Ensure that there are no more than 10 decimal places.", "markup.value")]),
    (body(markup={"value": "NaN"}), [("A valid number is required.", "markup.value")]),
    (body(markup={"value": "1e999999999"}), [(TOO_MANY, "markup.value")]),
    (body(markup=[]), [("Invalid data. Expected a dictionary, but got list.", "markup.non_field_errors")]),
    (body(distribution="disk"), [('"disk" is not a valid choice.', "distribution")]),
    (body(distribution_info={"distribution_type": "disk"}), [('"disk" is not a valid choice.', "distribution_info.distribution_type")]),
    (body(distribution_info={"worker_cost": "maybe"}), [("Must be a valid boolean.", "distribution_info.worker_cost")]),
    (body(source_uuids=["abc"]), [("Invalid request. Source UUID validation failed.", "source_uuids")]),
    (body(source_uuids="abc"), [('Expected a list of items but got type "str".', "source_uuids")]),
    (body(price_list_uuids=["abc"]), [("Must be a valid UUID.", "price_list_uuids.0")]),
    (body(rates=None), [("This field may not be null.", "rates")]),
    (body(rates={}), [('Expected a list of items but got type "dict".', "rates.non_field_errors")]),
]  # fmt: skip
WHOLE = "rates.0.non_field_errors"
RATE: Cases = [
    (body(rates=["x"]), [("Invalid data. Expected a dictionary, but got str.", WHOLE)]),
    (tiers(price(), metric={"name": "nonsense"}), [("nonsense is an invalid metric", WHOLE)]),
    (tiers(price(), metric=None), [("None is an invalid metric", WHOLE)]),
    (tiers(price(), cost_type="foo"), [("foo is an invalid cost type", WHOLE)]),
    (tiers(price(), custom_name="x" * 51), [("Ensure this field has no more than 50 characters.", "rates.0.custom_name")]),
    (tiers(price(), description=["x"]), [("Not a valid string.", "rates.0.description")]),
    (body(rates=[CPU]), [("Missing rate information: one of tiered_rates, tag_rates", WHOLE)]),
    (tiers(), [("tiered_rates, tag_rates cannot be empty.", WHOLE)]),
    (tiers(price(), tag_rates={"tag_key": "a", "tag_values": [value()]}), [(BOTH, WHOLE)]),
    (tiers(price(), metric={"name": "project_per_month"}), [("project_per_month is only available as a tag based rate.", WHOLE)]),
    (tiers(price(-1)), [("A tiered rate value must be nonnegative.", "rates.0.value")]),
    (tiers(price("abc")), [("A valid number is required.", "rates.0.value")]),
    (tiers(price("0.00000000001")), [("Ensure that there are no more than 10 decimal places.", "rates.0.value")]),
    (tiers({"value": 1}), [(REQUIRED, "rates.0.unit")]),
    (tiers(price(unit="ZZZ")), [('"ZZZ" is not a valid ISO 4217 currency.', "rates.0.unit")]),
    (tiers(price(unit="EUR")), [("Rate units must match currency provided in a cost model.", "non_field_errors")]),
    (tiers(tier(None, None, unit="core-hours")), [("Rate units must match currency provided in a cost model.", "non_field_errors")]),
    (tiers(tier(-1, None)), [("A tiered rate usage_start must be positive.", "rates.0.usage.usage_start")]),
    (tiers(tier(None, -1)), [("A tiered rate usage_end must be positive.", "rates.0.usage.usage_end")]),
    (tiers(tier(5, 5)), [("A tiered rate usage_start must be less than usage_end.", "rates.0.usage.non_field_errors")]),
    (tiers(tier(None, 5)), [("tiered_rate must have a tier with usage_start as null and a tier with usage_end as null.", WHOLE)]),
    (tiers(tier(None, 5), tier(7, None)), [(GAP, WHOLE)]),
    (tiers(tier(None, 5), tier(3, None)), [(OVERLAP, WHOLE)]),
]  # fmt: skip
TAG: Cases = [
    (tags(), [("A tag_values can not be an empty list.", "rates.0.tag_values")]),
    (tags(value(), tag_key="x" * 101), [("Ensure this field has no more than 100 characters.", "rates.0.tag_key")]),
    (tags(value(value=-1)), [("A tag rate value must be nonnegative.", "rates.0.tag_values.value")]),
    (tags(value("x" * 101)), [("Ensure this field has no more than 100 characters.", "rates.0.tag_values.tag_value")]),
    (tags(value(description="x" * 501)), [("Ensure this field has no more than 500 characters.", "rates.0.tag_values.description")]),
    (tags({k: v for k, v in value().items() if k != "default"}), [(REQUIRED, "rates.0.tag_values.default")]),
    (tags(value(unit="ZZZ")), [('"ZZZ" is not a valid ISO 4217 currency.', "rates.0.tag_values.unit")]),
    (tags(value(usage={"usage_start": -1})), [("A tag rate usage_start must be positive.", "rates.0.tag_values.usage.usage_start")]),
    (tags(value(), value()), [("Duplicate tag_value (v).", "rates.0.tag_values")]),
    (tags(value("a", default=True), value("b", default=True)), [(ONE_DEFAULT, "rates.0.tag_values")]),
    (body(rates=[*tags(value(value=-1), value("x" * 101))["rates"], *tags(value(unit=None))["rates"], *tiers(price(-1))["rates"]]), [
        ("A tag rate value must be nonnegative.", "rates.0.tag_values.value"),
        ("Ensure this field has no more than 100 characters.", "rates.0.tag_values.tag_value"),
        ("This field may not be null.", "rates.1.tag_values.unit"),
        ("A tiered rate value must be nonnegative.", "rates.2.value")]),
    (body(rates=[*tags(value("a"))["rates"], *tags(value("b"))["rates"]]), [
        ("Duplicate tag_key (app) per cost_type (Supplementary) for metric (cpu_core_usage_per_hour).", "rates")]),
    (body(rates=[{**CPU, "custom_name": "a", "tiered_rates": [price()]}] * 2), [
        ("Duplicate custom_name values in a single request are not allowed: ['a']", "rates")]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), MODEL + RATE + TAG)
def test_what_is_wrong_is_named(given: Any, expected: list[tuple[str, str]], facts: Facts) -> None:
    assert problems(json.loads(json.dumps(given)), facts) == expected


def test_all_fields_that_are_wrong_are_named_at_once(facts: Facts) -> None:
    wrong = body(
        name=...,
        markup={"value": "x"},
        rates=[{**CPU, "tiered_rates": [price("x")]}, {**CPU, "tiered_rates": [price(-1)]}],
    )
    assert [source for _, source in problems(wrong, facts)] == [
        "name",
        "rates.0.value",
        "rates.1.value",
        "markup.value",
    ]


def test_a_field_may_be_wrong_as_a_whole_and_in_its_parts(facts: Facts) -> None:
    for prices in ((tier(-1, None), price(usage="x")), (price(usage="x"), tier(-1, None))):
        assert sorted(str(source) for _, source in problems(tiers(*prices), facts)) == [
            "rates.0.usage.non_field_errors", "rates.0.usage.usage_start",
        ]  # fmt: skip


def test_an_unknown_field_is_left_out_of_account(facts: Facts) -> None:
    assert validated(body(nonsense=1, distribution_info={"nonsense": 1}), facts).name == "n"


def test_a_cost_type_in_any_case_and_the_default_of_the_metric(facts: Facts) -> None:
    given = body(rates=[
        {**CPU, "cost_type": "infrastructure", "tiered_rates": [price()]},
        {"metric": {"name": "node_cost_per_month"}, "tiered_rates": [price()]},
    ])  # fmt: skip
    made = validated(given, facts).rates or []
    assert [r["cost_type"] for r in made] == ["Infrastructure", "Infrastructure"]


def test_names_are_made_up_numbered_and_cut(facts: Facts) -> None:
    taken = Facts(facts.plugins, "USD", ("USD",), {"cpu_core_usage_per_hour-Supplementary"})
    rates = [
        {**CPU, "tiered_rates": [price()]},
        {**CPU, "tiered_rates": [price()]},
        *tags(value(), tag_key="k" * 40)["rates"],
    ]
    names = [r["custom_name"] for r in validated(body(rates=rates), taken).rates or []]
    assert names[:2] == ["cpu_core_usage_per_hour-Supplementary-2", "cpu_core_usage_per_hour-Supplementary-3"]
    assert names[2] == ("cpu_core_usage_per_hour-Supplementary-" + "k" * 40)[:50]


@pytest.mark.parametrize("text", ["0.007", "0.1", "123456789.0123456789", "1e-10", "0"])
def test_a_price_is_stored_exactly(text: str, facts: Facts) -> None:
    raw = json.dumps(tiers(price())).replace('"value": 1', f'"value": {text}')
    stored = (validated(loads(raw.encode()), facts).rates or [])[0]["tiered_rates"][0]["value"]
    assert isinstance(stored, str)
    assert Decimal(stored) == Decimal(text)


def test_a_rate_of_the_library_is_a_rate_of_the_api(facts: Facts) -> None:
    given = [
        Rate("cpu_core_usage_per_hour", 0.007),
        Rate("node_cost_per_month", tag="instance-type", values={"small": 10, "large": Decimal(20)}, default="large", name="nodes"),
    ]  # fmt: skip
    first, second = validated(body(rates=[r.body("USD") for r in given]), facts).rates or []
    assert first["tiered_rates"] == [{"value": "0.007", "unit": "USD"}]
    assert (first["cost_type"], second["custom_name"]) == ("Supplementary", "nodes")
    assert [(v["tag_value"], v["value"], v["default"]) for v in second["tag_rates"]["tag_values"]] == [
        ("small", "10", False), ("large", "20", True),
    ]  # fmt: skip


def test_a_default_that_has_no_price() -> None:
    with pytest.raises(InvalidInput, match="The default 'huge' is none of the values: small, large"):
        Rate("node_cost_per_month", tag="size", values={"small": 1, "large": 2}, default="huge").body("USD")


MARCH = {"name": "n", "effective_start_date": "2026-03-01", "effective_end_date": "2026-03-31"}
TOGETHER = "non_field_errors"
LISTS: Cases = [
    ({}, [(REQUIRED, "name"), (REQUIRED, "effective_start_date"), (REQUIRED, "effective_end_date")]),
    ({**MARCH, "name": ""}, [("This field may not be blank.", "name")]),
    ({**MARCH, "effective_start_date": "2026-03-02"}, [("effective_start_date must be on the first day of the month.", TOGETHER)]),
    ({**MARCH, "effective_end_date": "2026-04-29"}, [("effective_end_date must be on the last day of the month.", "non_field_errors")]),
    ({**MARCH, "effective_end_date": "2026-02-28"}, [("effective_end_date must be on or after effective_start_date.", "non_field_errors")]),
    ({**MARCH, "effective_end_date": "soon"}, [
        ("Date has wrong format. Use one of these formats instead: YYYY-MM-DD.", "effective_end_date")]),
    ({**MARCH, "currency": "ZZZ"}, [('"ZZZ" is not a valid ISO 4217 currency.', "currency")]),
    ({**MARCH, "rates": [{**CPU, "tiered_rates": [price(unit="EUR")]}]}, [
        ("Rate units must match currency provided in a cost model.", "non_field_errors")]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), LISTS)
def test_what_is_wrong_with_a_price_list_is_named(given: Any, expected: list[tuple[str, str]], facts: Facts) -> None:
    with pytest.raises(InvalidInput) as caught:
        validated_list(given, facts)
    assert [(e["detail"], e["source"]) for e in envelope(caught.value.errors)["errors"]] == expected
