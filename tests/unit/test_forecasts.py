"""Forecasts: the statistics on numbers, and their answers over a small tenant."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koku_core import Koku
from koku_core.access import EVERYTHING, Access
from koku_core.errors import AccessDenied, InvalidInput, UnknownName
from koku_core.forecasts.trend import FEWEST, trend
from koku_core.reports import Reports
from tests.unit.report_data import ONE, TWO, cost, tenant, usage

AMOUNTS = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))


def line(days: Mapping[int, float]) -> tuple[float, float]:
    """Height and slope by the formulas of textbooks."""
    x, y = np.array(list(days), float), np.array(list(days.values()))
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return float(y.mean() - slope * x.mean()), float(slope)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 30), st.floats(500, 1000).map(lambda x: round(x, 3)), min_size=FEWEST))
def test_it_is_the_line_of_least_squares(days: dict[int, float]) -> None:
    low, high = (float(q) for q in np.percentile(list(days.values()), [25, 75]))
    kept = {d: v for d, v in days.items() if low - 1.5 * (high - low) <= v <= high + 1.5 * (high - low)}
    found = trend(days, [31, 40])
    if len(kept) < FEWEST:
        assert found is None
        return
    assert found
    height, slope = line(kept)
    assert found.values == pytest.approx([max(height + slope * x, 0) for x in (31, 40)], abs=1e-6)


def test_the_interval_is_that_of_single_days() -> None:
    """At least 95 of 100 days to come lie in it, on the average."""
    chance, inside, n = random.Random(7), 0, 1500
    for _ in range(n):
        days = {d: 1000 + 10 * d + chance.gauss(0, 50) for d in range(31)}
        found = trend(days, [35])
        assert found
        inside += found.lowest[0] <= 1350 + chance.gauss(0, 50) <= found.highest[0]
    assert inside / n == pytest.approx(0.95, abs=0.02)


@given(st.dictionaries(st.integers(0, 30), AMOUNTS, max_size=31), st.lists(st.integers(31, 61), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_whatever_the_days_were_something_sensible_is_told(days: dict[int, float], ahead: list[int]) -> None:
    found = trend(days, ahead)
    if found is not None:
        assert len(found.values) == len(found.lowest) == len(found.highest) == len(ahead)
        for low, value, high in zip(found.lowest, found.values, found.highest, strict=True):
            assert 0 <= low <= value <= high
            assert math.isfinite(high)


def test_a_day_that_lies_far_off_does_not_count() -> None:
    days = {d: 100.0 + d for d in range(20)}
    assert trend({**days, 20: 9000.0}, [31]) == trend(days, [31])
    assert trend(dict.fromkeys(range(FEWEST - 1), 1.0), [31]) is None


def test_days_that_are_all_the_same_go_on_so() -> None:
    found = trend(dict.fromkeys(range(10), 5.0), [31, 32])
    assert found
    assert found.values == found.lowest == found.highest == (5.0, 5.0)
    assert math.isnan(found.rsquared)


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    """`shop` costs 3 more each day, half of it infrastructure; the second cluster's one project has seven days alone."""
    rows = []
    for n in range(31):
        pod = usage(ONE, date(2026, 10, 10) + timedelta(n), "shop" if n % 2 else "web_2", "n1", 1)
        rows += [pod, cost(pod, "Infrastructure", 10 + n), cost(pod, "Supplementary", 20 + 2 * n)]
    for n in range(FEWEST - 1):
        pod = usage(TWO, date(2026, 11, 1) + timedelta(n), "late", "n3", 1)
        rows += [pod, cost(pod, "Supplementary", Decimal("0.001"))]
    with tenant(server_dsn, tmp_path_factory.mktemp("forecasts"), rows) as made:
        yield made


def ask(koku: Koku, query: str = "", access: Access = EVERYTHING, path: str = "openshift/costs") -> dict[str, object]:
    return Reports(koku.services, koku.handle).forecast(path, query, access).body()


def test_costs_go_on_from_today_to_the_end_of_the_month(koku: Koku) -> None:
    body = ask(koku)
    assert body["meta"] == {"count": 21, "limit": 100, "offset": 0}
    data = body["data"]
    assert isinstance(data, list)
    assert [d["date"] for d in (data[0], data[-1])] == ["2026-11-10", "2026-11-30"]
    first = data[0]["values"][0]
    assert list(first) == ["date", "infrastructure", "supplementary", "cost"]
    assert first["infrastructure"]["total"] == {"value": 41.0, "units": "USD"}
    assert first["cost"]["total"]["value"] == pytest.approx(123, abs=0.002)
    assert first["infrastructure"]["rsquared"] == {"value": "1.00000000", "units": None}


def test_pages_are_of_days(koku: Koku) -> None:
    body = ask(koku, "limit=5&offset=20")
    assert body["meta"] == {"count": 21, "limit": 5, "offset": 20}
    assert isinstance(body["data"], list)
    assert [d["date"] for d in body["data"]] == ["2026-11-30"]
    assert isinstance(body["links"], dict)
    assert body["links"]["previous"] == "/api/cost-management/v1/forecasts/openshift/costs/?limit=5&offset=15"


def test_too_few_days_tell_nothing(koku: Koku) -> None:
    body = ask(koku, access=Access(lists={"openshift.cluster": {"read": ("c-2",)}}))
    assert (body["meta"], body["data"]) == ({"count": 0, "limit": 100, "offset": 0}, [])


def test_access_restricts_what_it_is_made_from(koku: Koku) -> None:
    whole = ask(koku, access=Access(lists={"openshift.cluster": {"read": ("*",)}}))
    assert whole["data"] == ask(koku)["data"]
    shop = ask(
        koku, access=Access(lists={"openshift.cluster": {"read": ("c-1",)}, "openshift.project": {"read": ("shop",)}})
    )
    assert isinstance(shop["data"], list)
    assert shop["data"][0]["values"][0]["infrastructure"]["total"]["value"] == 41.0


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("nonsense=1", {"nonsense": ["Unsupported parameter or invalid value"]}),
        ("filter[project]=x", {"filter": ["Unsupported parameter or invalid value"]}),
        ("group_by[project]=*", {"group_by": ["Unsupported parameter or invalid value"]}),
        ("start_date=2026-11-01", {"start_date": ["Unsupported parameter or invalid value"]}),
        ("cost_type=unblended_cost", {"cost_type": ["Unsupported parameter or invalid value"]}),
        ("limit=0", {"limit": ["Ensure this value is greater than or equal to 1."]}),
        ("offset=-1", {"offset": ["Ensure this value is greater than or equal to 0."]}),
        ("currency=XXXX", {"currency": ['"XXXX" is not a valid ISO 4217 currency.']}),
    ],
)
def test_only_a_page_and_a_currency_may_be_asked_for(koku: Koku, query: str, errors: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(koku, query)
    assert refused.value.errors == errors


def test_who_may_see_no_cluster_sees_no_forecast(koku: Koku) -> None:
    with pytest.raises(AccessDenied):
        ask(koku, access=Access(lists={"openshift.project": {"read": ("shop",)}}))


def test_only_costs_are_foretold(koku: Koku) -> None:
    with pytest.raises(UnknownName, match="openshift/costs"):
        ask(koku, path="openshift/memory")


def test_the_same_forecast_has_the_same_etag(koku: Koku) -> None:
    reports = Reports(koku.services, koku.handle)
    first = reports.forecast("openshift/costs", "", EVERYTHING)
    assert reports.forecast("openshift/costs", "", EVERYTHING, known=[first.etag]).etag == first.etag
    assert reports.forecast("openshift/costs", "limit=1", EVERYTHING).etag != first.etag


def test_csv_is_the_json_flattened(koku: Koku) -> None:
    text = "".join(Reports(koku.services, koku.handle).forecast("openshift/costs", "", EVERYTHING, csv=True).csv())
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 21
    assert rows[0]["values.0.infrastructure.total.value"] == "41.0"
    assert rows[0]["values.0.cost.pvalues.value.1"] == "0.00000000"


def test_people_get_rows_and_a_picture(koku: Koku, tmp_path: Path) -> None:
    answer = koku.forecast("openshift/costs")
    table = answer.to_arrow()
    assert table.num_rows == 21
    assert table.column_names[:4] == ["date", "infra_total", "infra_total_confidence_max", "infra_total_confidence_min"]
    assert table["infra_total"][0].as_py() == 41
    assert "2026-11-30" in str(answer)
    answer.plot().save(tmp_path / "forecast.svg")
    drawn = (tmp_path / "forecast.svg").read_text()
    assert all(label in drawn for label in ("Expected", "At most", "At least"))
