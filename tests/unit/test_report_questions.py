"""What may be asked: the grammar of query strings, every message of the validation, and the periods."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koku_core.clock import month_end
from koku_core.errors import InvalidInput
from koku_core.reports.context import Context
from koku_core.reports.links import links
from koku_core.reports.parameters import Parameters
from koku_core.reports.period import Period, allowed, window
from koku_core.reports.query import build, parse
from koku_core.reports.tags import TagValidation
from koku_core.reports.validation import Validation
from koku_ocp.report_map import REPORT_MAP

TODAY = date(2026, 11, 22)
CONTEXT = Context(tags=frozenset({"app", "a:b"}), children={"parent": ("child",)}, categories=("Platform", "Mine"))
UNSUPPORTED = ["Unsupported parameter or invalid value"]


def check(query: str, report: str = "costs") -> Parameters:
    found = REPORT_MAP.report(report)
    assert found
    return Validation(REPORT_MAP, found, CONTEXT, TODAY, 4, query).parameters(parse(query))


def refusal(query: str, report: str = "costs") -> Any:
    with pytest.raises(InvalidInput) as refused:
        check(query, report)
    return refused.value.errors


@pytest.mark.parametrize(
    ("query", "parsed"),
    [
        ("", {}),
        ("?limit=1", {"limit": "1"}),
        ("filter[a]=x&filter[a]=y&filter[b]=z", {"filter": {"a": ["x", "y"], "b": "z"}}),
        ("filter%5Btag%3Aapp%5D=a+b%2Cc", {"filter": {"tag:app": "a b,c"}}),
        ("filter[a][b]=x", {"filter": {"a": {"b": "x"}}}),
        ("filter=abc&filter[limit]=3", {"filter": "abc"}),
        ("filter[limit]=3&filter=abc", {"filter": "abc"}),
        ("a=", {"a": ""}),
    ],
)
def test_query_strings(query: str, parsed: dict[str, Any]) -> None:
    assert parse(query) == parsed


@pytest.mark.parametrize(
    "query",
    ["filter[project&group_by=x", "filter]a[=x", "[a]=x", "a[b]c=x", "a[[b]]=x", "a=%00", "&".join(["a=1"] * 3000)],
)
def test_broken_query_strings(query: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(query)
    assert refused.value.errors == {"details": "Invalid query parameter format."}


_NAMES = st.text("abcxyz:._- %&=+é", min_size=1, max_size=8)


@given(
    st.dictionaries(
        _NAMES,
        st.one_of(
            st.text("ab ,&=%[]é", max_size=8),
            st.dictionaries(_NAMES, st.text("ab ,&=%[]é", max_size=6), min_size=1, max_size=3),
        ),
        max_size=4,
    )
)
def test_what_is_built_is_parsed_again(parameters: dict[str, Any]) -> None:
    assert parse(build(parameters)) == parameters


WRONG = [
    ("foo=bar", {"foo": UNSUPPORTED}),
    ("units=x", {"units": UNSUPPORTED}),
    ("cost_type=blended_cost", {"cost_type": UNSUPPORTED}),
    *((f"{where}[foo]=x", {where: {"foo": UNSUPPORTED}}) for where in ("filter", "exclude", "group_by", "order_by")),
    *(
        (f"{where}[tag:no]=x", {where: {"tag:no": UNSUPPORTED}})
        for where in ("filter", "exclude", "group_by", "order_by")
    ),
    ("exclude[storageclass]=x", {"exclude": {"storageclass": UNSUPPORTED}}),
    ("group_by[category]=x", {"group_by": {"category": UNSUPPORTED}}),
    ("group_by[infrastructures]=aws", {"group_by": {"infrastructures": UNSUPPORTED}}),
    ("order_by[usage]=asc", {"order_by": {"usage": UNSUPPORTED}}),
    ("order_by[cost]=up", {"order_by": {"cost": ['"up" is not a valid choice.']}}),
    ("filter[time_scope_value]=-5", {"filter": {"time_scope_value": ['"-5" is not a valid choice.']}}),
    ("filter[resolution]=hourly", {"filter": {"resolution": ['"hourly" is not a valid choice.']}}),
    ("filter[time_scope_units]=week", {"filter": {"time_scope_units": ['"week" is not a valid choice.']}}),
    (
        "filter[time_scope_units]=month&filter[time_scope_value]=-10",
        {"filter": {"time_scope_value": ["Valid values are -1, -2, -3 when time_scope_units is month"]}},
    ),
    (
        "filter[time_scope_units]=day&filter[time_scope_value]=-1",
        {"filter": {"time_scope_value": ["Valid values are -10, -30, -90 when time_scope_units is day"]}},
    ),
    (
        "filter[time_scope_units]=day&filter[time_scope_value]=-10&filter[resolution]=monthly",
        {"filter": {"resolution": ["Valid values are daily when time_scope_units is day"]}},
    ),
    (
        "group_by[project]=*&filter[limit]=-1",
        {"filter": {"limit": ["Ensure this value is greater than or equal to 0."]}},
    ),
    ("group_by[project]=*&filter[limit]=a", {"filter": {"limit": ["A valid integer is required."]}}),
    ("filter[limit]=5", {"error": ["filter[limit] and filter[offset] requires a valid group_by param."]}),
    ("start_date=2026-10-10", {"error": ["The parameters [start_date, end_date] must both be defined."]}),
    ("start_date=2026-10-20&end_date=2026-10-10", {"error": ["start_date must be a date that is before end_date."]}),
    (
        "start_date=2026-07-31&end_date=2026-11-24",
        {n: [f"Parameter {n} must be from 2026-08-01 to 2026-11-23"] for n in ("start_date", "end_date")},
    ),
    *(
        (
            f"start_date={text}&end_date=2026-10-10",
            {"start_date": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
        )
        for text in ("notadate", "2026-13-45", "20261010", "2026-W41-6")
    ),
    (
        "start_date=2026-10-10&end_date=2026-10-12&filter[time_scope_value]=-1",
        {
            "error": [
                "The parameters [start_date, end_date] may not be ",
                "used with the filters [time_scope_value, time_scope_units]",
            ]
        },
    ),
    (
        "start_date=2026-10-10&end_date=2026-10-12&delta=cost",
        {"error": ["Delta calculation is not supported with start_date and end_date parameters."]},
    ),
    ("delta=bad", {"delta": ['"bad" is not a valid choice.']}),
    ("delta=usage__request", {"delta": ['"usage__request" is not a valid choice.']}),
    ("delta=distributed_cost", {"delta": ["Cannot use distributed_cost delta without grouping by project."]}),
    ("group_by[project]=*&order_by[delta]=asc", {"order_by": ["Cannot order by delta without a delta param"]}),
    ("order_by[project]=asc", {"order_by": {"project": 'Order-by "project" requires matching Group-by.'}}),
    ("order_by[tag:app]=asc", {"order_by": {"tag:app": 'Order-by "tag:app" requires matching Group-by.'}}),
    ("order_by[date]=2026-11-10", {"order_by": {"date": 'Order-by "date" requires matching Group-by.'}}),
    (
        "order_by[or:project]=asc",
        {"order_by": {"or:project": 'The order_by key "or:project" can not contain the or parameter.'}},
    ),
    (
        "group_by[project]=*&order_by[date]=2026-11-23",
        {"order_by": {"date": "Order-by date must be from 2026-08-01 to 2026-11-22"}},
    ),
    (
        "group_by[project]=*&order_by[date]=x",
        {"order_by": {"date": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]}},
    ),
    (
        "order_by[distributed_cost]=asc",
        {"order_by": ["Cannot order by field cost_total_distributed without grouping by one of project."]},
    ),
    (
        "group_by[project]=*&order_by[storage_class]=asc",
        {
            "order_by": [
                "Cannot order by field storage_class without grouping by one of persistentvolumeclaim, storageclass."
            ]
        },
    ),
    (
        "group_by[project]=*&group_by[node]=*&group_by[or:cluster]=*",
        {"group_by": {"group_by": "Cost Management supports a max of 2 group_by options."}},
    ),
    *(
        (f"{m}=account", {m: {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}})
        for m in ("filter", "group_by")
    ),
    (
        "filter=abc&filter[limit]=3",
        {"filter": {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}},
    ),
    ("currency=XXXX", {"currency": ['"XXXX" is not a valid ISO 4217 currency.']}),
    ("currency=xau", {"currency": ['"XAU" is not an enabled currency.']}),
    ("group_by[project]=*&category=x", {"category": {"error": "Unsupported category(ies): {'x'}"}}),
    ("category=Platform", {"error": ["Category may not be used without a group_by project parameter"]}),
    ("filter[infrastructures]=foo", {"filter": {"infrastructures": ['"foo" is not a valid choice.']}}),
    ("filter[infrastructures]=AWS", {"filter": {"infrastructures": ['"AWS" is not a valid choice.']}}),
    ("exclude[infrastructures]=gcp", {"exclude": {"infrastructures": ['"gcp" is not a valid choice.']}}),
    ("limit=abc", {"limit": ["A valid integer is required."]}),
    ("limit=99999999999", {"limit": ["A valid integer is required."]}),
    ("filter[a][b]=x", {"filter": {"a": UNSUPPORTED}}),
    ("filter[project][b]=x", {"filter": {"project": ["Not a valid string."]}}),
    ("limit=x&filter[foo]=1", {"limit": ["A valid integer is required."], "filter": {"foo": UNSUPPORTED}}),
]


@pytest.mark.parametrize(("query", "errors"), WRONG)
def test_every_message(query: str, errors: dict[str, Any]) -> None:
    assert refusal(query) == errors


@pytest.mark.parametrize(
    ("delta", "errors"),
    [
        ("foo", {"foo": "Unsupported parameter"}),
        ("usage__foo", {"foo": "Unsupported parameter"}),
        ("usage__request__limit", {"usage__request__limit": "Only two fields may be compared"}),
    ],
)
def test_deltas_of_inventory(delta: str, errors: dict[str, str]) -> None:
    assert refusal(f"delta={delta}", "compute") == {"delta": errors}


def test_tags_know_their_own_parameters() -> None:
    assert REPORT_MAP.tags

    def refused(query: str) -> Any:
        assert REPORT_MAP.tags
        with pytest.raises(InvalidInput) as error:
            TagValidation(REPORT_MAP.tags, REPORT_MAP, CONTEXT, TODAY, 4, query).parameters(parse(query))
        return error.value.errors

    assert refused("order_by[key]=asc") == {"order_by": UNSUPPORTED}
    assert refused("limit=0") == {"limit": ["Ensure this value is greater than or equal to 1."]}
    assert refused("offset=-1") == {"offset": ["Ensure this value is greater than or equal to 0."]}
    assert refused("filter[node]=x") == {"filter": {"node": UNSUPPORTED}}
    assert refused("filter[type]=x") == {"filter": {"type": ['"x" is not a valid choice.']}}
    assert refused("category=x") == {"error": ["Category may only be used as a filter for the tag endpoints."]}


def test_what_meta_repeats() -> None:
    echo = check(
        "filter[project]=a,b&group_by[project]=*&order_by[cost]=asc&order_by[project]=desc&limit=0&filter[infrastructures]=aws"
    ).echo
    assert echo["filter"]["project"] == ["a", "b"]
    assert echo["group_by"] == {"project": ["a", "b"]}
    assert list(echo["order_by"].items()) == [("project", "desc"), ("cost_total", "asc")]
    assert echo["filter"]["infrastructures"] == ["AWS"]
    assert (echo["limit"], echo["offset"], echo["currency"], echo["exclude"]) == (0, 0, "USD", {})


def test_of_several_orders_the_renamed_one_counts() -> None:
    order = check("group_by[project]=*&order_by[cost]=asc&order_by[usage]=desc", "compute").order
    assert order is not None
    assert (order.by, order.descending) == ("cost_total", False)


def test_keys_of_tags_may_hold_colons_and_parents_are_known() -> None:
    assert [g.name.key for g in check("group_by[tag:a:b]=*&group_by[or:tag:parent]=x").groups] == ["a:b", "parent"]
    assert check("group_by[exact:project]=x").groups == ()


@pytest.mark.parametrize(
    ("query", "start", "end", "resolution"),
    [
        ("", date(2026, 11, 13), TODAY, "daily"),
        ("filter[time_scope_units]=month", date(2026, 11, 1), TODAY, "monthly"),
        ("filter[time_scope_value]=-30", date(2026, 10, 24), TODAY, "daily"),
        ("filter[time_scope_value]=-2", date(2026, 10, 1), date(2026, 10, 31), "monthly"),
        ("filter[time_scope_value]=-3&filter[resolution]=daily", date(2026, 9, 1), date(2026, 9, 30), "daily"),
        ("filter[resolution]=monthly", date(2026, 11, 13), TODAY, "monthly"),
        ("start_date=2026-10-10&end_date=2026-11-23", date(2026, 10, 10), date(2026, 11, 23), "daily"),
    ],
)
def test_what_is_missing_of_a_period_follows(query: str, start: date, end: date, resolution: str) -> None:
    period = check(query).period
    assert (period.start, period.end, period.resolution) == (start, end, resolution)


@pytest.mark.parametrize(
    ("today", "value", "start", "end"),
    [
        (date(2026, 11, 22), "-1", date(2026, 10, 1), date(2026, 10, 22)),
        (date(2026, 3, 31), "-1", date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 1, 5), "-1", date(2025, 12, 1), date(2025, 12, 5)),
        (date(2026, 3, 31), "-2", date(2026, 1, 1), date(2026, 1, 28)),
        (date(2026, 11, 22), "-10", date(2026, 11, 3), date(2026, 11, 12)),
    ],
)
def test_the_period_before(today: date, value: str, start: date, end: date) -> None:
    before = window(value, today, "daily").previous()
    assert (before.start, before.end) == (start, end)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 400))
def test_buckets_cover_the_period_once(start: date, days: int) -> None:
    end = date.fromordinal(start.toordinal() + days)
    daily, monthly = Period(start, end, "daily").buckets(), Period(start, end, "monthly").buckets()
    assert daily[0] == start
    assert daily[-1] == end
    assert len(set(daily)) == days + 1
    assert monthly == sorted({d.replace(day=1) for d in daily})
    assert month_end(monthly[-1]) >= end


def test_a_range_may_reach_the_retained_months_and_tomorrow() -> None:
    assert allowed(date(2026, 11, 22), 4) == (date(2026, 8, 1), date(2026, 11, 23))


def test_links_are_sorted_and_drop_an_offset_of_zero() -> None:
    made = links("/x/", "group_by[tag:a]=*&offset=10&limit=10&filter[a]=b c,d", 10, 10, 23)
    assert made["first"] == "/x/?filter%5Ba%5D=b+c%2Cd&group_by%5Btag%3Aa%5D=%2A&limit=10&offset=0"
    assert made["previous"] == "/x/?filter%5Ba%5D=b+c%2Cd&group_by%5Btag%3Aa%5D=%2A&limit=10"
    assert made["next"].endswith("limit=10&offset=20")
    assert made["last"].endswith("limit=10&offset=13")
    assert links("/x/", "", 10, 0, 10)["next"] is None
