"""Whatever the labels and prices: what prices by label charge is what a second opinion, in Python's decimals, says of the usage."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from plugins.koku_ocp.tests.clusters import Cluster, price, summarize, tag_rate
from plugins.koku_ocp.tests.test_conservation import KEYS, NEARLY, clusters, each, examples

from koku_core.database.server import Connection
from koku_ocp import datasets

__all__ = ["each"]  # the fixture

DAYS = 30
VALUES = ("a", "b", "ü 'x'", "elsewhere")
MEASURED = {
    "cpu_core_usage_per_hour": "pod_usage_cpu_core_hours",
    "cpu_core_request_per_hour": "pod_request_cpu_core_hours",
    "cpu_core_effective_usage_per_hour": "pod_effective_usage_cpu_core_hours",
    "memory_gb_usage_per_hour": "pod_usage_memory_gigabyte_hours",
    "memory_gb_request_per_hour": "pod_request_memory_gigabyte_hours",
    "memory_gb_effective_usage_per_hour": "pod_effective_usage_memory_gigabyte_hours",
    "storage_gb_usage_per_month": "persistentvolumeclaim_usage_gigabyte_months",
    "storage_gb_request_per_month": "volume_request_storage_gigabyte_months",
}
NODES = ("node_cost_per_month", "node_core_cost_per_month", "node_core_cost_per_hour")
METRICS = (
    *MEASURED,
    *NODES,
    "cluster_core_cost_per_hour",
    "cluster_cost_per_month",
    "pvc_cost_per_month",
    "project_per_month",
)
UNALLOCATED = ("Worker unallocated", "Platform unallocated")

Row = Mapping[str, Any]


@st.composite
def tag_rates(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Prices by label of some metrics, a key once for each metric."""
    made = []
    for metric in draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=4, unique=True)):
        values = draw(st.dictionaries(st.sampled_from(VALUES), st.decimals("0", "9999", places=4).map(str), min_size=1))
        default = draw(st.one_of(st.none(), st.sampled_from(sorted(values))))
        made.append(tag_rate(metric, draw(st.sampled_from(KEYS)), values, default))
    return made


class Oracle:
    """What a rate charges, by the day."""

    def __init__(self, rate: Row, usage: Iterable[Row], cluster: Cluster, by: str) -> None:
        tag = rate["tag_rates"]
        self.metric, self.key, self.usage, self.cluster = rate["metric"]["name"], tag["tag_key"], usage, cluster
        self.prices = {v["tag_value"]: Decimal(v["value"]) for v in tag["tag_values"]}
        self.default = next((Decimal(v["value"]) for v in tag["tag_values"] if v["default"]), None)
        kind = "cpu_core_hours" if by == "cpu" else "memory_gigabyte_hours"
        self.used, self.whole, self.all = (
            f"pod_effective_usage_{kind}",
            f"node_capacity_{kind}",
            f"cluster_capacity_{kind}",
        )

    def days(self) -> dict[Any, Decimal]:
        """The charge of each day."""
        if self.metric in NODES:
            return self.of_nodes()
        if self.metric == "pvc_cost_per_month":
            return self.of_claims()
        if self.metric == "project_per_month":
            return self.of_projects()
        return self.of_usage()

    def price(self, labels: Mapping[str, str] | None) -> Decimal | None:
        value = (labels or {}).get(self.key)
        return None if value is None else self.prices.get(value, self.default)

    def of_usage(self) -> dict[Any, Decimal]:
        made: dict[Any, Decimal] = defaultdict(Decimal)
        for row in self.usage:
            price = self.price(row["volume_labels" if self.metric.startswith("storage") else "pod_labels"])
            made[row["usage_start"]] += (price or 0) * self.quantity(row)
        return made

    def quantity(self, row: Row) -> Decimal:
        if self.metric in MEASURED:
            return Decimal(row[MEASURED[self.metric]] or 0)
        if not row[self.used] or not row[self.whole]:
            return Decimal(0)
        if self.metric == "cluster_core_cost_per_hour":
            return Decimal(row[self.used] / row[self.whole] * row["node_capacity_cpu_core_hours"])
        return Decimal(row[self.used] / row[self.all] / DAYS)

    def of_nodes(self) -> dict[Any, Decimal]:
        """Each node that has the label costs the mean of the prices on it."""
        nodes = defaultdict(list)
        for row in self.usage:
            price = self.price(row["pod_labels"])
            if price is not None and row[self.whole]:
                nodes[row["usage_start"], row["node"]].append((row[self.used], price, row))
        made: dict[Any, Decimal] = defaultdict(Decimal)
        for (day, _), found in nodes.items():
            used = sum(u for u, _, _ in found)
            mean = sum(u * p for u, p, _ in found) / used if used else sum(p for _, p, _ in found) / len(found)
            row = found[0][2]
            units = {
                "node_cost_per_month": Decimal(1) / DAYS, "node_core_cost_per_month": row["node_capacity_cpu_cores"] / DAYS,
                "node_core_cost_per_hour": row["node_capacity_cpu_core_hours"],
            }  # fmt: skip
            made[day] += mean * units[self.metric]
        return made

    def of_claims(self) -> dict[Any, Decimal]:
        """Each claim costs its price once, or the mean of them by capacity, what is not priced counting as nothing."""
        claims = defaultdict(list)
        for row in self.usage:
            if row["persistentvolumeclaim"] and row["persistentvolumeclaim_capacity_gigabyte_months"]:
                claims[row["usage_start"], row["namespace"], row["persistentvolumeclaim"]].append(row)
        made: dict[Any, Decimal] = defaultdict(Decimal)
        for (day, *_), found in claims.items():
            parts = [r["persistentvolumeclaim_capacity_gigabyte_months"] for r in found]
            prices = [self.price(r["volume_labels"]) or 0 for r in found]
            made[day] += sum(a * b for a, b in zip(parts, prices, strict=True)) / sum(parts) / DAYS
        return made

    def of_projects(self) -> dict[Any, Decimal]:
        made: dict[Any, Decimal] = defaultdict(Decimal)
        for line in self.cluster.lines.get(datasets.NAMESPACE_LABEL_DAYS.name, []):
            if not line["namespace"].startswith(("openshift-", "kube-")):
                made[line["usage_start"]] += (self.price(json.loads(line["namespace_labels"])) or 0) / Decimal(DAYS)
        return made


def one_set_a_day(cluster: Cluster) -> Cluster:
    """A namespace has one set of labels a day: which of several counts is told elsewhere."""
    name = datasets.NAMESPACE_LABEL_DAYS.name
    lines = {(line["usage_start"], line["namespace"]): line for line in cluster.lines.get(name, [])}
    cluster.lines[name] = list(lines.values())
    return cluster


@examples
@given(cluster=clusters().map(one_set_a_day), rates=tag_rates(), by=st.sampled_from(("cpu", "memory")))
def test_prices_by_label_charge_quantity_times_price(
    each: Connection, cluster: Cluster, rates: list[dict[str, Any]], by: str
) -> None:
    """And what of it is handed on adds up to nothing."""
    with each.transaction(force_rollback=True), localcontext(prec=60):
        usage = summarize(each, cluster, enabled=KEYS)
        expected: dict[Any, Decimal] = defaultdict(Decimal)
        for rate in rates:
            for day, charge in Oracle(rate, usage, cluster, by).days().items():
                expected[day] += charge
        costs: dict[Any, Decimal] = defaultdict(Decimal)
        moved: dict[Any, Decimal] = defaultdict(Decimal)
        for row in price(each, *rates, distribution_type=by):
            moved[row["usage_start"], row["cost_model_rate_type"]] += row["distributed_cost"] or 0
            costs[row["usage_start"]] += sum(row[f"cost_model_{k}_cost"] or 0 for k in ("cpu", "memory", "volume"))
            assert row["namespace"] not in UNALLOCATED or (row["monthly_cost_type"] or "Node").startswith("Node")
        assert not any(moved.values())
        for day in expected.keys() | costs.keys():
            assert abs(expected[day] - costs[day]) < NEARLY, (day, expected[day], costs[day], rates)
