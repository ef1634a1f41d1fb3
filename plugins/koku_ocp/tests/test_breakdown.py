"""`breakdown/openshift/costs/`: whatever is asked, its parts are those of `costs`, to the last digit."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koku_core import Koku, Rate
from koku_core.access import EVERYTHING, Access
from koku_core.errors import AccessDenied, InvalidInput
from koku_core.reports.query import build
from koku_core.reports.service import Reports
from koku_core.testing.fixtures import database, settings_for

pytestmark = pytest.mark.slow
PATH, OF = "breakdown/openshift/costs", "openshift/costs"
#: Figures that `costs` has for every group.
FIGURES = ("infra_raw", "infra_markup", "infra_usage", "sup_usage", "cost_total")
OVERHEADS = ("none", "platform", "worker_unallocated")
RATES = [
    Rate("cpu_core_usage_per_hour", "0.007"), Rate("memory_gb_request_per_hour", "0.05", cost_type="Infrastructure"),
    Rate("storage_gb_usage_per_month", "0.01"), Rate("node_cost_per_month", 1000), Rate("cluster_cost_per_month", 10000, name="cluster"),
    Rate("pvc_cost_per_month", 7), Rate("cpu_core_request_per_hour", tag="app", values={"shop": "0.2"}, default="shop"),
]  # fmt: skip
MONTH = {"filter": {"time_scope_units": "month", "time_scope_value": "-1", "resolution": "monthly"}}


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    """The sample cluster, priced by seven rates; a cloud bills some of its namespaces in euros."""
    folder = tmp_path_factory.mktemp("breakdown")
    with database(server_dsn) as dsn:
        made = settings_for(dsn, folder).model_copy(update={"plugins": ("ocp",)})
        with Koku.open(settings=made) as library:
            sample = library.sample("ocp", folder / "sample")
            library.tags.enable("OCP", list(sample.tag_keys))
            source = library.sources.add(sample.source_type, name="prod", **sample.credentials)
            for payload in sample.payloads:
                library.ingest(source, payload)
            _bill(library)
            library.cost_models.add("prices", sources=[source], markup=10, rates=RATES)
            library.work()
            yield library


def _bill(koku: Koku) -> None:
    """Raw cost of a cloud in the summarized rows, and what a euro is."""
    koku.currencies.enable("EUR")
    for base, target, rate in (("EUR", "USD", "1.1"), ("USD", "EUR", "0.9")):
        koku.exchange_rates.add(base, target, rate, date(2026, 11, 1), date(2026, 11, 30))
    with koku.handle.transaction() as conn:
        conn.execute("""UPDATE ocp_daily_summary SET raw_currency = 'EUR',
                            infrastructure_raw_cost = coalesce(pod_usage_cpu_core_hours, 1) / 3
                        WHERE layer = 0 AND namespace NOT LIKE 'Worker%'""")


def rows(koku: Koku, path: str, question: Mapping[str, Any], access: Access = EVERYTHING) -> list[dict[str, str]]:
    """An answer as CSV, which has every digit."""
    text = "".join(
        Reports(koku.services, koku.handle).answer(path, build({**question, "limit": 0}), access, csv=True).csv()
    )
    return list(csv.DictReader(io.StringIO(text)))


def body(koku: Koku, path: str, question: Mapping[str, Any]) -> Any:
    return Reports(koku.services, koku.handle).answer(path, build(question), EVERYTHING).body()


def summed(found: list[dict[str, str]], figure: str, *keys: str) -> dict[tuple[str, ...], Decimal]:
    made: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in found:
        made[tuple(row[k] for k in keys)] += Decimal(row[figure] or 0)
    return {k: v for k, v in made.items() if v}


def test_unasked_it_tells_of_each_project_the_overheads_and_rates(koku: Koku) -> None:
    found = body(koku, PATH, MONTH)
    [bucket] = found["data"]
    assert found["meta"]["group_by"] == {}
    shop = next(
        p for p in bucket["projects"] if p["project"] not in ("kube-system",) and "unallocated" not in p["project"]
    )
    assert {o["overhead"] for o in shop["overheads"]} == set(OVERHEADS)
    own = next(o for o in shop["overheads"] if o["overhead"] == "none")
    node = next(r for r in own["rates"] if r["rate"] == "node_cost_per_month-Infrastructure")["values"][0]
    assert (node["metric"], node["cost_type"]) == ("node_cost_per_month", "Infrastructure")
    assert node["price_lists"] == [{"uuid": koku.price_lists.list()[0]["uuid"], "name": "prices prices", "version": 1}]
    assert node["cost"]["distributed"]["value"] > 0
    platform = next(o for o in shop["overheads"] if o["overhead"] == "platform")
    assert {"Raw", "Markup"} <= {r["rate"] for r in platform["rates"]}


def test_parts_are_left_out_where_one_is_asked_for(koku: Koku) -> None:
    by_rate = body(koku, PATH, {**MONTH, "group_by": {"rate": "*"}})
    assert {"Raw", "Markup", "cluster"} <= {r["rate"] for r in by_rate["data"][0]["rates"]}
    assert "overheads" not in by_rate["data"][0]["rates"][0]
    of_list = body(
        koku, PATH, {**MONTH, "group_by": {"price_list": "*"}, "filter": {**MONTH["filter"], "overhead": "none"}}
    )
    uuid = koku.price_lists.list()[0]["uuid"]
    assert {p["price_list"] for p in of_list["data"][0]["price_lists"]} == {uuid, "No-price_list"}


def test_which_lists_priced_a_month(koku: Koku) -> None:
    [source] = koku.sources.list()
    [listed] = koku.price_lists.list()
    [found] = koku.price_lists.applied(source, date(2026, 11, 10))
    assert (found.uuid, found.name, found.version) == (listed["uuid"], "prices prices", 1)
    assert (found.first, found.last) == (date(2026, 11, 1), date(2026, 11, 21))
    assert koku.price_lists.applied("prod", date(2026, 7, 1)) == []


def test_the_largest_parts(koku: Koku) -> None:
    found = rows(koku, PATH, {"filter": {**MONTH["filter"], "limit": "3"}})
    whole = rows(koku, PATH, MONTH)
    ranked = sorted(
        summed(whole, "cost_total_distributed", "project", "overhead", "rate").items(), key=lambda kv: -kv[1]
    )
    assert [tuple(r[k] for k in ("project", "overhead", "rate")) for r in found[:3]] == [k for k, _ in ranked[:3]]
    assert found[3]["rate"] == "Others"
    assert sum(Decimal(r["cost_total_distributed"]) for r in found) == sum(v for _, v in ranked)


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"group_by": {"tag:app": "*"}}, "group_by"), ({"group_by": {"pod": "*"}}, "group_by"),
        ({"order_by": {"usage": "asc"}}, "order_by"),
        ({"filter": {"resolution": "hourly"}}, "filter"), ({"currency": "XXX"}, "currency"), ({"nonsense": "1"}, "nonsense"),
        ({"group_by": {"project": "*", "node": "*", "cluster": "*"}}, "group_by"),
    ],
)  # fmt: skip
def test_what_is_refused(koku: Koku, question: dict[str, Any], error: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        body(koku, PATH, question)
    assert error in refused.value.errors


def test_access_is_that_of_reports(koku: Koku) -> None:
    def of(project: str) -> Access:
        return Access(lists={"openshift.cluster": {"read": ("*",)}, "openshift.project": {"read": (project,)}})

    everybody = {r["project"] for r in rows(koku, PATH, MONTH)}
    for project in sorted(everybody)[:2]:
        assert {r["project"] for r in rows(koku, PATH, MONTH, of(project))} == {project}
        with pytest.raises(AccessDenied):
            rows(koku, PATH, {**MONTH, "group_by": {"project": (everybody - {project}).pop()}}, of(project))
    with pytest.raises(AccessDenied):
        rows(koku, PATH, MONTH, Access())


groups = st.lists(st.sampled_from(("project", "cluster", "node")), min_size=1, max_size=2, unique=True)
texts = st.sampled_from(("shop", "kube", "openshift", "a", "worker", "unallocated", "nosuch"))
scopes = st.sampled_from(
    [{"time_scope_units": u, "time_scope_value": v, "resolution": r}
     for u, v, r in (("month", "-1", "monthly"), ("month", "-2", "daily"), ("month", "-2", "monthly"), ("day", "-10", "daily"))]
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    by=groups, scope=scopes, kept=st.dictionaries(st.sampled_from(("project", "node", "category")), texts, max_size=1),
    dropped=st.dictionaries(st.sampled_from(("project", "node")), texts, max_size=1), currency=st.sampled_from(("USD", "EUR")),
)  # fmt: skip
def test_its_sums_are_those_of_costs(
    koku: Koku, by: list[str], scope: dict[str, str], kept: dict[str, str], dropped: dict[str, str], currency: str
) -> None:
    question = {
        "filter": {**scope, **kept},
        "exclude": dropped,
        "currency": currency,
        "group_by": dict.fromkeys(by, "*"),
    }
    parts, whole = rows(koku, PATH, question), rows(koku, OF, question)
    figures = [*FIGURES, *(("cost_total_distributed",) if "project" in by else ())]
    for figure in figures:
        assert summed(parts, figure, "date", *by) == summed(whole, figure, "date", *by), figure
    total, of = (body(koku, path, question)["meta"]["total"] for path in (PATH, OF))
    assert total["cost"]["total"] == of["cost"]["total"]
    assert (total["infrastructure"], total["supplementary"]) == (of["infrastructure"], of["supplementary"])
