"""Whatever the cluster and its cost model: what goes in comes out. Small random clusters, priced on PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.koku_ocp.tests.clusters import DAY, Cluster, price, rate, summarize

from koku_core.database.server import Connection
from koku_ocp import datasets

NEARLY = Decimal("1e-9")
MEASURES = [
    (f"pod_{m}_{kind}", f"node_capacity_{kind}")
    for kind in ("cpu_core_hours", "memory_gigabyte_hours")
    for m in ("usage", "request", "effective_usage", "limit")
]
NODES, SPACES = ("n1", "n2", "n3"), ("shop", "batch", "openshift-etcd", "kube-system", "it's", "")
KEYS = ("env", "zone", "team")

amounts = st.integers(0, 4000).map(lambda n: n / 1000)
hourly = st.tuples(amounts, amounts, amounts)
some_labels = st.dictionaries(st.sampled_from((*KEYS, "off")), st.sampled_from(("a", "b", "ü 'x'")), max_size=3)
patterns = st.tuples(
    st.integers(1, 3), st.sampled_from(("%", "shop", "openshift-%", "openshift-etcd", "Worker unallocated"))
)
prices = st.decimals("0", "9999", places=4)
examples = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """One to three nodes on one or two days, with pods, volumes and labels that change within the day."""
    cluster = Cluster()
    nodes = draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=3, unique=True))
    roles = {n: draw(st.sampled_from(("worker", "master", "infra", None, "odd"))) for n in nodes}
    for day in (DAY + timedelta(n) for n in range(draw(st.integers(1, 2)))):
        for node in nodes:
            hours, cores, gib = draw(st.integers(1, 24)), draw(st.integers(1, 64)), draw(st.integers(1, 256))
            cluster.node(node, cores, gib, role=roles[node], hours=hours, usage_start=day)
            for last in draw(st.lists(st.integers(0, 23), max_size=3)):
                cluster.add(
                    datasets.NODE_LABEL_DAYS,
                    usage_start=day,
                    node=node,
                    node_labels=draw(some_labels),
                    last_hour=last,
                    label_hours=1,
                )
        for place in range(draw(st.integers(0, 5))):
            space, pod, node = draw(st.sampled_from(SPACES)), f"p{place}", draw(st.sampled_from(nodes))
            cluster.pod(space, pod, node, draw(st.lists(hourly, min_size=1, max_size=3)), draw(st.lists(hourly, min_size=1, max_size=3)),
                        draw(some_labels), usage_start=day)  # fmt: skip
            if draw(st.booleans()):
                cluster.volume(space, draw(st.sampled_from(("data", "logs"))), pod, 10, 3, hours=draw(st.integers(1, 24)), usage_start=day,
                               labels=draw(some_labels))  # fmt: skip
        for space in SPACES:
            for last in draw(st.lists(st.integers(0, 23), max_size=2)):
                cluster.add(datasets.NAMESPACE_LABEL_DAYS, usage_start=day, namespace=space, namespace_labels=draw(some_labels),
                            last_hour=last, label_hours=2)  # fmt: skip
    return cluster


def sums(found: Iterable[Mapping[str, Any]], column: str, *keys: str) -> dict[tuple[Any, ...], Decimal]:
    """Sums of a column by keys."""
    made: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for row in found:
        made[tuple(row[k] for k in keys)] += row[column] or 0
    return dict(made)


@pytest.fixture
def each(conn: Connection) -> Connection:
    """A connection whose examples are undone one by one."""
    return conn


@examples
@given(cluster=clusters())
def test_usage_and_unallocated_are_the_capacity(each: Connection, cluster: Cluster) -> None:
    with each.transaction(force_rollback=True):
        found = [r for r in summarize(each, cluster, enabled=KEYS) if r["data_source"] == "Pod"]
        for measure, capacity in MEASURES:
            capacities = {(r["usage_start"], r["node"]): r[capacity] for r in found}
            assert sums(found, measure, "usage_start", "node") == capacities
        clusters_hours = {r["usage_start"]: r["cluster_capacity_cpu_core_hours"] for r in found}
        by_node = {(r["usage_start"], r["node"]): r["node_capacity_cpu_core_hours"] for r in found}
        for day, hours in clusters_hours.items():
            assert sum(v for (d, _), v in by_node.items() if d == day) == hours


@examples
@given(cluster=clusters(), enabled=st.sets(st.sampled_from(KEYS)), groups=st.lists(patterns, max_size=4, unique=True))
def test_labels_and_groups_never_change_sums(
    each: Connection, cluster: Cluster, enabled: set[str], groups: list[tuple[int, str]]
) -> None:
    made = []
    for options in ({}, {"enabled": sorted(enabled), "groups": groups}):
        with each.transaction(force_rollback=True):
            found = summarize(each, cluster, **options)  # type: ignore[arg-type]
            columns = (
                *(m for m, _ in MEASURES),
                "persistentvolumeclaim_usage_gigabyte_months",
                "persistentvolumeclaim_capacity_gigabyte_months",
            )
            made.append([sums(found, c, "usage_start", "namespace", "node", "data_source") for c in columns])
    for one, other in zip(*made, strict=True):
        assert one.keys() == other.keys()
        assert all(abs(v - other[k]) < NEARLY for k, v in one.items())


@examples
@given(cluster=clusters(), value=prices, other=prices, by=st.sampled_from(("cpu", "memory")))
def test_monthly_prices_are_charged_in_full(
    each: Connection, cluster: Cluster, value: Decimal, other: Decimal, by: str
) -> None:
    with each.transaction(force_rollback=True):
        usage = summarize(each, cluster, enabled=KEYS)
        rates = [rate("node_cost_per_month", str(value)), rate("node_core_cost_per_month", str(value)),
                 rate("cluster_cost_per_month", str(value)), rate("pvc_cost_per_month", str(value)),
                 rate("node_cost_per_month", str(other), "Infrastructure")]  # fmt: skip
        found = price(each, *rates, distribution_type=by, platform_cost=False, worker_cost=False)
        column = f"cost_model_{by}_cost"
        kinds = {(t, c): [r for r in found if r["monthly_cost_type"] == t and r["cost_model_rate_type"] == c]
                 for t in ("Node", "Node_Core_Month", "Cluster", "PVC") for c in ("Supplementary", "Infrastructure")}  # fmt: skip
        cores = {
            (r["usage_start"], r["node"]): r["node_capacity_cpu_cores"] for r in usage if r["data_source"] == "Pod"
        }
        close(sums(kinds["Node", "Supplementary"], column, "usage_start", "node"), dict.fromkeys(cores, value / 30))
        close(sums(kinds["Node", "Infrastructure"], column, "usage_start", "node"), dict.fromkeys(cores, other / 30))
        close(
            sums(kinds["Node_Core_Month", "Supplementary"], column, "usage_start", "node"),
            {k: c * value / 30 for k, c in cores.items()},
        )
        close(sums(kinds["Cluster", "Supplementary"], column, "usage_start"), {(d,): value / 30 for d, _ in cores})
        claims = {
            (r["usage_start"], r["namespace"], r["persistentvolumeclaim"]) for r in usage if r["persistentvolumeclaim"]
        }
        paid = sums(
            kinds["PVC", "Supplementary"], "cost_model_volume_cost", "usage_start", "namespace", "persistentvolumeclaim"
        )
        close(paid, dict.fromkeys(claims, value / 30))


def close(found: Mapping[tuple[Any, ...], Decimal], expected: Mapping[tuple[Any, ...], Decimal]) -> None:
    assert found.keys() == expected.keys()
    assert all(abs(v - expected[k]) < NEARLY for k, v in found.items()), (found, expected)


@examples
@given(cluster=clusters(), value=prices, by=st.sampled_from(("cpu", "memory")), cut=st.integers(1, 50))
def test_usage_pays_its_quantity_whatever_the_tiers(
    each: Connection, cluster: Cluster, value: Decimal, by: str, cut: int
) -> None:
    with each.transaction(force_rollback=True):
        usage = summarize(each, cluster, enabled=KEYS)
        tiers = ((None, cut, str(value)), (cut, None, str(value / 2)))
        found = price(each, rate("cpu_core_effective_usage_per_hour", 0, tiers=tiers), rate("memory_gb_usage_per_hour", str(value)),
                      distribution_type=by, platform_cost=False, worker_cost=False)  # fmt: skip
        quantity = sum((r["pod_effective_usage_cpu_core_hours"] or 0 for r in usage), Decimal(0))
        expected = min(quantity, cut) * value + max(quantity - cut, 0) * value / 2
        assert abs(sum(r["cost_model_cpu_cost"] for r in found) - expected) < NEARLY
        memory = sum((r["pod_usage_memory_gigabyte_hours"] or 0 for r in usage), Decimal(0)) * value
        assert abs(sum(r["cost_model_memory_cost"] for r in found) - memory) < NEARLY


@examples
@given(cluster=clusters(), value=prices, by=st.sampled_from(("cpu", "memory")))
def test_distribution_moves_and_makes_nothing(each: Connection, cluster: Cluster, value: Decimal, by: str) -> None:
    with each.transaction(force_rollback=True):
        usage = summarize(each, cluster, enabled=KEYS)
        found = price(each, rate("node_cost_per_month", str(value)), rate("cpu_core_usage_per_hour", "0.3"), rate("pvc_cost_per_month", 7),
                      distribution_type=by)  # fmt: skip
        moved = [r for r in found if r["distributed_cost"] is not None]
        assert all(v == 0 for v in sums(moved, "distributed_cost", "usage_start", "cost_model_rate_type").values())
        effective = "pod_effective_usage_cpu_core_hours" if by == "cpu" else "pod_effective_usage_memory_gigabyte_hours"
        takers = [r for r in usage if r["cost_category_id"] is None and r["namespace"] != "Worker unallocated"]
        bases = sums(takers, effective, "usage_start")
        costs: dict[Any, Decimal] = defaultdict(Decimal)
        for row in found:
            if row["cost_category_id"] is not None or row["namespace"] == "Worker unallocated":
                costs[row["usage_start"]] += sum(
                    (row[f"cost_model_{k}_cost"] or 0 for k in ("cpu", "memory", "volume")), Decimal(0)
                )
                costs[row["usage_start"]] += row["distributed_cost"] or 0
        for day, left in costs.items():
            assert (left == 0) if bases.get((day,), 0) > 0 else not [r for r in moved if r["usage_start"] == day]
