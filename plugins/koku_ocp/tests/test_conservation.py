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
    """HV1: usage, request and effective usage, with what is unallocated, are the node's capacity; limits too."""
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
    """HV9: labels and groups never change sums of usage."""
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
def test_a_node_costs_its_price(each: Connection, cluster: Cluster, value: Decimal, other: Decimal, by: str) -> None:
    """HV2: a node's rows of a day that has data cost the day's part of its price, of either cost type."""
    with each.transaction(force_rollback=True):
        usage = summarize(each, cluster, enabled=KEYS)
        rates = [rate("node_cost_per_month", str(value)), rate("node_cost_per_month", str(other), "Infrastructure")]
        found = price(each, *rates, distribution_type=by, platform_cost=False, worker_cost=False)
        nodes = {(r["usage_start"], r["node"]) for r in usage if r["data_source"] == "Pod"}
        for kind, amount in (("Supplementary", value), ("Infrastructure", other)):
            paid = [r for r in found if r["cost_model_rate_type"] == kind]
            close(sums(paid, f"cost_model_{by}_cost", "usage_start", "node"), dict.fromkeys(nodes, amount / 30))


@examples
@given(cluster=clusters(), value=prices, by=st.sampled_from(("cpu", "memory")))
def test_a_cluster_costs_its_price(each: Connection, cluster: Cluster, value: Decimal, by: str) -> None:
    """HV3: a cluster's rows of a day cost the day's part of its price, whatever roles its nodes have."""
    with each.transaction(force_rollback=True):
        days = {(r["usage_start"],) for r in summarize(each, cluster, enabled=KEYS) if r["data_source"] == "Pod"}
        found = price(
            each,
            rate("cluster_cost_per_month", str(value)),
            distribution_type=by,
            platform_cost=False,
            worker_cost=False,
        )
        close(sums(found, f"cost_model_{by}_cost", "usage_start"), dict.fromkeys(days, value / 30))


def close(found: Mapping[tuple[Any, ...], Decimal], expected: Mapping[tuple[Any, ...], Decimal]) -> None:
    assert found.keys() == expected.keys()
    assert all(abs(v - expected[k]) < NEARLY for k, v in found.items()), (found, expected)
