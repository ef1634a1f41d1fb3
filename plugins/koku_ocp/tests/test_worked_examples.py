"""The worked examples of the specification, computed by the plugin's templates on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.clusters import Cluster, price, rate, summarize, total

from koku_core.database.server import Connection, rows
from koku_ocp.report_map import REPORT_MAP

SHOP, BATCH, ETCD = "shop", "batch", "openshift-etcd"
WORKER, PLATFORM = "Worker unallocated", "Platform unallocated"
ORDER = (SHOP, BATCH, ETCD, WORKER, PLATFORM)
TINY = Decimal("1e-14")
KEYS = ("env", "app", "tier")


def scenario() -> Cluster:
    """Two nodes, three pods, one day."""
    cluster = Cluster()
    cluster.node("w1", 8, 32)
    cluster.node("m1", 4, 24, role="master")
    cluster.pod(
        SHOP, "api-1", "w1", [(0.5, 2, 4)] * 24, [(4, 12, 12)] * 24, {"env": "prod", "app": "shop", "tier": "gold"}
    )
    cpu = [(3.0, 1.0, 4.0)] * 6 + [(0.5, 1.0, 4.0)] * 18
    cluster.pod(BATCH, "job-1", "w1", cpu, [(4, 2, 8)] * 24, {"env": "test", "app": "batch"})
    cluster.pod(ETCD, "etcd-0", "m1", [(1, 0.5, 2)] * 24, [(4, 2, 4)] * 24, {"app": "etcd"})
    return cluster


def by_namespace(found: Sequence[Mapping[str, Any]], column: str, **chosen: Any) -> list[Decimal]:
    return [total(found, column, namespace=n, **chosen) for n in ORDER]


def near(found: Sequence[Decimal], expected: Sequence[str]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert abs(one - Decimal(other)) < TINY, (found, expected)


class TestDailySummary:
    """E1."""

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            ("pod_usage_cpu_core_hours", "12 27 24 153 72"),
            ("pod_request_cpu_core_hours", "48 24 12 120 84"),
            ("pod_effective_usage_cpu_core_hours", "48 36 24 108 72"),
            ("pod_usage_memory_gigabyte_hours", "96 96 96 576 480"),
            ("pod_request_memory_gigabyte_hours", "288 48 48 432 528"),
            ("pod_effective_usage_memory_gigabyte_hours", "288 96 96 384 480"),
            ("pod_limit_cpu_core_hours", "96 96 48 0 48"),
        ],
    )
    def test_figures(self, conn: Connection, column: str, expected: str) -> None:
        found = summarize(conn, scenario(), enabled=KEYS)
        assert by_namespace(found, column) == [Decimal(x) for x in expected.split()]

    def test_keys(self, conn: Connection) -> None:
        found = {r["namespace"]: r for r in summarize(conn, scenario(), enabled=KEYS)}
        assert set(found) == set(ORDER)
        shop = found[SHOP]
        assert (shop["cluster_id"], shop["cluster_alias"], shop["resource_id"]) == ("cluster-1", "test", "i-w1")
        assert shop["usage_end"] == shop["usage_start"]
        assert shop["pod_labels"] == shop["all_labels"] == {"env": "prod", "app": "shop", "tier": "gold"}
        assert found[WORKER]["pod_labels"] is None
        assert {n for n in ORDER if found[n]["cost_category_id"] is not None} == {ETCD, PLATFORM}
        assert {r["cluster_capacity_cpu_core_hours"] for r in found.values()} == {Decimal(288)}
        assert {r["cluster_capacity_memory_gigabyte_hours"] for r in found.values()} == {Decimal(1344)}
        assert (shop["node_capacity_cpu_cores"], shop["node_capacity_memory_gigabytes"]) == (8, 32)
        assert (shop["node_capacity_cpu_core_hours"], shop["node_capacity_memory_gigabyte_hours"]) == (192, 768)


def priced(conn: Connection, *rates: Mapping[str, Any], **options: Any) -> list[dict[str, Any]]:
    summarize(conn, scenario(), enabled=KEYS)
    return price(conn, *rates, **options)


def test_e2_usage_costs(conn: Connection) -> None:
    found = priced(
        conn,
        rate("cpu_core_usage_per_hour", 0.007), rate("cpu_core_request_per_hour", 0.2),
        rate("cpu_core_effective_usage_per_hour", 0.05), rate("memory_gb_usage_per_hour", 0.009),
        rate("memory_gb_request_per_hour", 0.05), rate("memory_gb_effective_usage_per_hour", 0.01),
    )  # fmt: skip
    kept = {"cost_model_rate_type": "Supplementary", "monthly_cost_type": None}
    near(by_namespace(found, "cost_model_cpu_cost", **kept), ["12.084", "6.789", "3.768", "30.471", "20.904"])
    near(by_namespace(found, "cost_model_memory_cost", **kept), ["18.144", "4.224", "4.224", "30.624", "35.520"])


@pytest.mark.parametrize(
    ("metric", "value", "by", "column", "expected"),
    [
        ("node_core_cost_per_hour", 0.02, "cpu", "cpu", "0.96 0.72 0.48 2.16 1.44"),
        ("node_core_cost_per_hour", 0.02, "memory", "cpu", "1.44 0.48 0.32 1.92 1.60"),
        ("cluster_core_cost_per_hour", 0.01, "cpu", "cpu", "0.48 0.36 0.24 1.08 0.72"),
        ("cluster_cost_per_hour", 10, "cpu", "cpu", "40 30 20 90 60"),
        ("cluster_cost_per_hour", 10, "memory", "memory",
         "51.428571428571429 17.142857142857143 17.142857142857143 68.571428571428571 85.714285714285714"),
        ("node_cost_per_month", 1000, "cpu", "cpu", "8.333333333333333 6.25 8.333333333333333 18.75 25"),
        ("node_cost_per_month", 1000, "memory", "memory",
         "12.5 4.166666666666667 5.555555555555556 16.666666666666667 27.777777777777778"),
        ("node_core_cost_per_month", 60, "cpu", "cpu", "4 3 2 9 6"),
        ("cluster_cost_per_month", 10000, "cpu", "cpu",
         "55.555555555555556 41.666666666666667 27.777777777777778 125 83.333333333333333"),
        ("cluster_cost_per_month", 10000, "memory", "memory",
         "71.428571428571429 23.809523809523810 23.809523809523810 95.238095238095238 119.047619047619048"),
    ],
)  # fmt: skip
def test_e2b_e3_e4_capacity(conn: Connection, metric: str, value: float, by: str, column: str, expected: str) -> None:
    found = priced(conn, rate(metric, value, "Infrastructure"), distribution_type=by)
    near(by_namespace(found, f"cost_model_{column}_cost"), expected.split())
    other = "memory" if column == "cpu" else "cpu"
    assert total(found, f"cost_model_{other}_cost") == 0


@pytest.mark.parametrize(
    ("raw", "percent", "markup"),
    [("123.45", "10", "12.345"), ("-4", "10", "-0.4"), ("123.45", "-12.5", "-15.43125"), ("0", "10", "0")],
)
def test_e5_markup(conn: Connection, raw: str, percent: str, markup: str) -> None:
    summarize(conn, scenario())
    conn.execute("UPDATE pg_temp.usage SET infrastructure_raw_cost = %s WHERE namespace = 'shop'", (raw,))
    found = price(conn, markup=percent, platform_cost=False, worker_cost=False)
    assert total(found, "infrastructure_markup_cost", namespace=SHOP) == Decimal(markup)
    assert total(found, "infrastructure_markup_cost") == Decimal(markup)


def test_e6_e7_distribution(conn: Connection) -> None:
    found = priced(conn, rate("node_cost_per_month", 1000, "Infrastructure"))
    platform = by_namespace(found, "distributed_cost", cost_model_rate_type="platform_distributed")
    near(platform, ["19.047619047619048", "14.285714285714286", "-8.333333333333333", "0", "-25"])
    worker = by_namespace(found, "distributed_cost", cost_model_rate_type="worker_distributed")
    near(worker, ["10.714285714285714", "8.035714285714286", "0", "-18.75", "0"])
    assert sum(platform) == sum(worker) == 0


def test_e6_e7_distribution_by_memory(conn: Connection) -> None:
    found = priced(conn, rate("node_cost_per_month", 1000, "Infrastructure"), distribution_type="memory")
    final = [
        a + b
        for a, b in zip(
            by_namespace(found, "cost_model_memory_cost"), by_namespace(found, "distributed_cost"), strict=True
        )
    ]
    near(final, ["50", "16.666666666666667", "0", "0", "0"])


def volumes() -> Cluster:
    """The scenario with two volumes of one pod, and one that pods on both nodes mount."""
    cluster = scenario()
    cluster.volume(SHOP, "db-data", "api-1", 100, 40, labels={"tier": "gold"})
    cluster.volume(SHOP, "logs", "api-1", 10, 2.5, labels={"tier": "other"})
    for node in ("w1", "m1"):
        cluster.pod("wide", f"reader-{node}", node, [(0, 0, 0)] * 24, [(0, 0, 0)] * 24)
        cluster.volume("wide", "rwx", f"reader-{node}", 30, 12)
    return cluster


def test_e8_storage(conn: Connection) -> None:
    found = [r for r in summarize(conn, volumes(), enabled=KEYS) if r["data_source"] == "Storage"]
    names = [
        f"{x}_gigabyte_months"
        for x in ("persistentvolumeclaim_capacity", "volume_request_storage", "persistentvolumeclaim_usage")
    ]
    near(
        [total(found, n, persistentvolumeclaim="db-data") for n in names],
        ["3.333333333333333", "3.333333333333333", "1.333333333333333"],
    )
    near(
        [total(found, n, persistentvolumeclaim="logs") for n in names],
        ["0.333333333333333", "0.333333333333333", "0.083333333333333"],
    )
    # the volume that two nodes mount counts once, half on each
    for node in ("w1", "m1"):
        near([total(found, n, persistentvolumeclaim="rwx", node=node) for n in names], ["0.5", "0.5", "0.2"])
    assert {(r["persistentvolumeclaim"], r["node"], r["resource_id"]) for r in found} == {
        ("db-data", "w1", "i-w1"), ("logs", "w1", "i-w1"), ("rwx", "w1", "i-w1"), ("rwx", "m1", "i-m1"),
    }  # fmt: skip
    assert {r["persistentvolumeclaim_capacity_gigabyte"] for r in found} == {100, 10, 30}
    assert next(r for r in found if r["persistentvolumeclaim"] == "logs")["volume_labels"] == {"tier": "other"}


def test_e8_storage_costs(conn: Connection) -> None:
    summarize(conn, volumes())
    found = price(conn, rate("storage_gb_usage_per_month", 0.01), rate("storage_gb_request_per_month", 0.02))
    costs = [total(found, "cost_model_volume_cost", persistentvolumeclaim=c) for c in ("db-data", "logs", "rwx")]
    near(costs, ["0.08", "0.0075", "0.024"])


def test_e8_a_claim_pays_once(conn: Connection) -> None:
    summarize(conn, volumes())
    found = price(conn, rate("pvc_cost_per_month", 60, "Infrastructure"))
    near(
        [total(found, "cost_model_volume_cost", persistentvolumeclaim=c) for c in ("db-data", "logs", "rwx")],
        ["2", "2", "2"],
    )
    near(
        [total(found, "cost_model_volume_cost", persistentvolumeclaim="rwx", node=n) for n in ("w1", "m1")], ["1", "1"]
    )


def test_e14_overcommitted_node(conn: Connection) -> None:
    cluster = Cluster()
    cluster.node("w1", 4, 16)
    for name, cores in (("a", 80 / 24), ("b", 40 / 24)):
        cluster.pod(
            name, name, "w1", [(0, 0, 0)], [(0, 0, 0)], pod_effective_usage_cpu_core_seconds=round(cores * 24) * 3600
        )
    summarize(conn, cluster)
    found = price(conn, rate("node_cost_per_month", 300, "Infrastructure"), platform_cost=False, worker_cost=False)
    near(
        [total(found, "cost_model_cpu_cost", namespace=n) for n in ("a", "b", WORKER)],
        ["8.333333333333333", "4.166666666666667", "-2.5"],
    )


@pytest.mark.parametrize(
    ("namespace", "percent", "wasted"),
    [(SHOP, 25, Decimal("9.063")), (BATCH, 113, Decimal(0)), ("nobody", 0, Decimal(0))],
)
def test_e15_efficiency(conn: Connection, namespace: str, percent: int, wasted: Decimal) -> None:
    rates = (("usage", 0.007), ("request", 0.2), ("effective_usage", 0.05))
    costs = priced(conn, *(rate(f"cpu_core_{n}_per_hour", v) for n, v in rates))
    usage = rows(conn, "SELECT * FROM pg_temp.usage")
    numbers = {
        **{n: total(usage, f"pod_{n}_cpu_core_hours", namespace=namespace) for n in ("usage", "request")},
        "infra_raw": 0, "infra_markup": 0, "model_infra": 0, "model_sup": total(costs, "cost_model_cpu_cost", namespace=namespace),
    }  # fmt: skip
    report = REPORT_MAP.report("compute")
    assert report
    score = [f.sql for f in report.figures if f.path.startswith("score.")]
    given = ", ".join(f"%({name})s::numeric AS {name}" for name in numbers)
    query = f"SELECT {', '.join(score)} FROM (SELECT {given}) AS sums"
    assert conn.execute(query.encode(), numbers).fetchone() == (percent, wasted)
