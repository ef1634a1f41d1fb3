"""Prices by label: whose they are, what a node, a claim and a project cost by them, and what that adds up to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.clusters import DAY, Cluster, again, price, rate, summarize, tag_rate, total

from koku_core.database.server import Connection
from koku_ocp import datasets

WORKER, PLATFORM = "Worker unallocated", "Platform unallocated"
TINY = Decimal("1e-14")
IDLE = [(0.0, 0.0, 0.0)] * 24
ODD = (
    "it's",
    'say "hi"',
    "back\\slash",
    "ünïcode 🦄",
    "x" * 100,
    "",
    "%s {{ x }} ; DROP TABLE usage --",
    "a:b|c",
    "\t\n",
)


def shop(prod: Mapping[str, str] | None = None, test: Mapping[str, str] | None = None) -> Cluster:
    """The scenario of the worked examples on its worker: shop has 48 of the node's 192 core-hours, batch 36."""
    cluster = Cluster()
    cluster.node("w1", 8, 32)
    cluster.pod(
        "shop",
        "api",
        "w1",
        [(0.5, 2, 4)] * 24,
        [(4, 12, 12)] * 24,
        prod if prod is not None else {"env": "prod", "tier": "gold"},
    )
    cpu = [(3.0, 1.0, 4.0)] * 6 + [(0.5, 1.0, 4.0)] * 18
    cluster.pod("batch", "job", "w1", cpu, [(4, 2, 8)] * 24, test if test is not None else {"env": "test"})
    return cluster  # fmt: skip


def cost(found: list[dict[str, Any]], column: str = "cpu", **chosen: Any) -> Decimal:
    return total(found, f"cost_model_{column}_cost", **chosen)


def charge(conn: Connection, *rates: Mapping[str, Any], by: str = "cpu") -> list[dict[str, Any]]:
    """What the summarized cluster costs, before anything is handed on."""
    return price(conn, *rates, distribution_type=by, platform_cost=False, worker_cost=False)


def near(one: Decimal, other: Decimal | float | str) -> bool:
    return abs(one - Decimal(other)) < TINY


class TestUsage:
    """The eight metrics of what is measured, and the cluster's."""

    def test_values_default_and_none(self, conn: Connection) -> None:
        cluster = shop()
        cluster.pod("plain", "p", "w1", [(1, 1, 1)] * 24, [(1, 1, 1)] * 24)
        summarize(conn, cluster, enabled=("env",))
        found = charge(conn, tag_rate("cpu_core_usage_per_hour", "env", {"prod": "0.10", "dev": "0.02"}, "dev"))
        assert (cost(found, namespace="shop"), cost(found, namespace="batch")) == (Decimal("1.2"), Decimal("0.54"))
        assert cost(found) == Decimal("1.74")
        assert {(r["monthly_cost_type"], r["cost_model_rate_type"]) for r in found} == {("Tag", "Supplementary")}

    @pytest.mark.parametrize(("default", "batch"), [(None, 0), ("test", 2 * 27), ("prod", 27)])
    def test_the_default_is_for_values_without_a_price(self, conn: Connection, default: str | None, batch: int) -> None:
        summarize(conn, shop(), enabled=("env",))
        values = {"prod": 1, **({"test": 2} if default == "test" else {})}
        found = charge(conn, tag_rate("cpu_core_usage_per_hour", "env", values, default))
        assert (cost(found, namespace="shop"), cost(found, namespace="batch")) == (Decimal(12), Decimal(batch))

    def test_they_are_added_to_tiered_rates_and_to_each_other(self, conn: Connection) -> None:
        summarize(conn, shop(), enabled=("env", "tier"))
        found = charge(
            conn,
            rate("cpu_core_usage_per_hour", 1),
            tag_rate("cpu_core_usage_per_hour", "env", {"prod": 10, "test": 20}),
            tag_rate("cpu_core_usage_per_hour", "tier", {"gold": 100}),
            tag_rate("cpu_core_usage_per_hour", "env", {"prod": 1000}, cost_type="Infrastructure"),
        )
        supplementary = {"cost_model_rate_type": "Supplementary"}
        assert cost(found, namespace="shop", **supplementary) == 12 * 111
        assert cost(found, namespace="batch", **supplementary) == 27 * 21
        assert cost(found, cost_model_rate_type="Infrastructure") == 12 * 1000

    @pytest.mark.parametrize(
        ("metric", "column", "quantity"),
        [
            ("cpu_core_usage_per_hour", "cpu", 12), ("cpu_core_request_per_hour", "cpu", 48),
            ("cpu_core_effective_usage_per_hour", "cpu", 48), ("memory_gb_usage_per_hour", "memory", 96),
            ("memory_gb_request_per_hour", "memory", 288), ("memory_gb_effective_usage_per_hour", "memory", 288),
            ("cluster_core_cost_per_hour", "cpu", 48), ("cluster_cost_per_hour", "cpu", 6),
        ],
    )  # fmt: skip
    def test_each_metric(self, conn: Connection, metric: str, column: str, quantity: int) -> None:
        summarize(conn, shop(), enabled=("env",))
        found = charge(conn, tag_rate(metric, "env", {"prod": 2}))
        assert near(cost(found, column), 2 * quantity)
        assert near(cost(found, column, namespace="shop"), 2 * quantity)
        assert all(cost(found, other) == 0 for other in {"cpu", "memory", "volume"} - {column})

    def test_the_cluster_by_memory(self, conn: Connection) -> None:
        summarize(conn, shop(), enabled=("env",))
        rates = [
            tag_rate(m, "env", {"prod": v})
            for m, v in (("cluster_core_cost_per_hour", 1), ("cluster_cost_per_month", 30))
        ]
        found = charge(conn, *rates, by="memory")
        assert near(cost(found), Decimal(288 * 192) / 768)  # core-hours, and not GiB-hours (HC5)
        assert near(cost(found, "memory"), Decimal(288) / 768)

    def test_storage_reads_the_labels_of_volumes(self, conn: Connection) -> None:
        cluster = shop()
        cluster.volume("shop", "data", "api", 30, 15, labels={"class": "fast"})
        cluster.volume("shop", "logs", "api", 30, 3, labels={"class": "slow"})
        summarize(conn, cluster, enabled=("class", "env"))
        found = charge(
            conn,
            tag_rate("storage_gb_usage_per_month", "class", {"fast": 30, "any": 3}, "any"),
            tag_rate("storage_gb_request_per_month", "class", {"fast": 7}),
            tag_rate("storage_gb_request_per_month", "env", {"prod": 1000}))  # fmt: skip
        kept = {"persistentvolumeclaim": "data"}
        assert near(cost(found, "volume", **kept), 15 + 7)
        assert near(cost(found, "volume"), 15 + 7 + Decimal("0.3"))

    def test_labels_stay_whole_for_listed_and_default_alike(self, conn: Connection) -> None:
        summarize(conn, shop({"env": "prod", "app": "a"}, {"env": "test", "app": "b"}), enabled=("env", "app"))
        found = charge(conn, tag_rate("cpu_core_usage_per_hour", "env", {"prod": 1, "x": 2}, "x"))
        labels = {r["namespace"]: (r["pod_labels"], r["all_labels"]) for r in found}
        assert labels == {
            "shop": ({"env": "prod", "app": "a"},) * 2, "batch": ({"env": "test", "app": "b"},) * 2,
        }  # fmt: skip

    def test_a_disabled_key_costs_nothing(self, conn: Connection) -> None:
        summarize(conn, shop(), enabled=("tier",))
        metrics = ("cpu_core_usage_per_hour", "node_cost_per_month", "pvc_cost_per_month", "project_per_month")
        assert charge(conn, *(tag_rate(m, "env", {"prod": 1, "x": 2}, "x") for m in metrics)) == []

    @pytest.mark.parametrize("text", ODD)
    def test_odd_keys_and_values(self, conn: Connection, text: str) -> None:
        summarize(conn, shop({text: text}, {text: "other"}), enabled=(text,))
        metrics = ("cpu_core_usage_per_hour", "node_cost_per_month")
        found = charge(conn, *(tag_rate(m, text, {text: 30, "x": 60}, "x") for m in metrics))
        assert cost(found, monthly_cost_type="Tag", namespace="shop") == 12 * 30
        assert cost(found, monthly_cost_type="Tag", namespace="batch") == 27 * 60
        assert near(cost(found, monthly_cost_type="Node"), Decimal(1 * 48 + 2 * 36) / 84)


class TestNodes:
    """A node is charged once a day, however many values are on it (HC4)."""

    def test_one_value(self, conn: Connection) -> None:
        summarize(conn, shop(), enabled=("env", "tier"))
        found = charge(conn, tag_rate("node_cost_per_month", "tier", {"gold": 600}))
        assert near(cost(found, namespace="shop"), 5)
        assert near(cost(found, namespace=WORKER), 15)
        assert near(cost(found), 20)

    def test_equal_prices_of_two_values_charge_the_node_once(self, conn: Connection) -> None:
        summarize(conn, shop(), enabled=("env", "tier"))
        found = charge(conn, tag_rate("node_cost_per_month", "env", {"prod": 600, "test": 600}))
        assert near(cost(found, namespace="shop"), 5)
        assert near(cost(found, namespace="batch"), "3.75")
        assert near(cost(found, namespace=WORKER), "11.25")
        assert near(cost(found), 20)

    def test_what_is_left_costs_what_the_labelled_use_does(self, conn: Connection) -> None:
        summarize(conn, shop(), enabled=("env", "tier"))
        found = charge(conn, tag_rate("node_cost_per_month", "env", {"prod": 840, "x": 420}, "x"))
        mean = Decimal(28 * 48 + 14 * 36) / 84
        assert near(cost(found, namespace=WORKER), mean * 108 / 192)
        assert near(cost(found), mean)

    def test_untagged_pods_are_part_of_what_is_left(self, conn: Connection) -> None:
        summarize(conn, shop(test={}), enabled=("env",))
        found = charge(conn, tag_rate("node_cost_per_month", "env", {"prod": 600}))
        assert near(cost(found, namespace="shop"), 5)
        assert cost(found, namespace="batch") == 0
        assert near(cost(found, namespace=WORKER), 15)

    def test_only_untagged_pods_cost_nothing(self, conn: Connection) -> None:
        summarize(conn, shop({}, {}), enabled=("env",))
        assert charge(conn, tag_rate("node_cost_per_month", "env", {"prod": 600, "x": 1}, "x")) == []

    def test_values_without_use_have_equal_parts(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("m1", 4, 16, role="master")
        for place, value in enumerate(("a", "b")):
            cluster.pod("shop", f"p{place}", "m1", IDLE, IDLE, {"env": value})
        summarize(conn, cluster, enabled=("env",))
        found = charge(conn, tag_rate("node_cost_per_month", "env", {"a": 30, "b": 90}))
        assert near(cost(found), 2)
        assert near(cost(found, namespace=PLATFORM), 2)

    def test_a_node_that_is_over_committed(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("w1", 4, 16)
        for name, hours in (("a", 80), ("b", 40)):
            cluster.pod(
                name, name, "w1", IDLE[:1], IDLE[:1], {"env": name}, pod_effective_usage_cpu_core_seconds=hours * 3600
            )
        summarize(conn, cluster, enabled=("env",))
        found = charge(conn, tag_rate("node_cost_per_month", "env", {"a": 300, "b": 300}))
        assert near(cost(found, namespace=WORKER), "-2.5")
        assert near(cost(found), 10)

    @pytest.mark.parametrize(
        ("metric", "by", "value", "whole"),
        [
            ("node_core_cost_per_month", "cpu", 60, 16), ("node_core_cost_per_month", "memory", 60, 16),
            ("node_core_cost_per_hour", "cpu", 1, 192), ("node_core_cost_per_hour", "memory", 1, 192),
        ],
    )  # fmt: skip
    def test_cores_and_hours(self, conn: Connection, metric: str, by: str, value: int, whole: int) -> None:
        """Core-hours are core-hours also where cost is spread by memory (HC5)."""
        summarize(conn, shop(), enabled=("env",))
        found = charge(conn, tag_rate(metric, "env", {"prod": value}), by=by)
        column = "memory" if by == "memory" and "month" in metric else "cpu"
        share = Decimal(48) / 192 if by == "cpu" else Decimal(288) / 768
        assert near(cost(found, column, namespace="shop"), share * whole)
        assert near(cost(found, column), whole)
        kinds = {"node_core_cost_per_month": "Node_Core_Month", "node_core_cost_per_hour": "Node_Core_Hour"}
        assert {r["monthly_cost_type"] for r in found} == {kinds[metric]}

    def test_platform_and_days_are_apart(self, conn: Connection) -> None:
        cluster = shop()
        cluster.node("m1", 4, 24, role="master", usage_start=DAY + timedelta(1))
        cluster.pod(
            "openshift-etcd",
            "etcd",
            "m1",
            [(1, 1, 1)] * 24,
            [(2, 2, 2)] * 24,
            {"env": "prod"},
            usage_start=DAY + timedelta(1),
        )
        summarize(conn, cluster, enabled=("env",))
        found = charge(conn, tag_rate("node_cost_per_month", "env", {"prod": 300, "test": 300}))
        assert [near(cost(found, usage_start=DAY + timedelta(n)), 10) for n in (0, 1)] == [True, True]
        assert near(cost(found, namespace=PLATFORM), "7.5")

    def test_a_node_without_capacity_is_no_error(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("broken", 0, 0)
        cluster.pod("shop", "b", "broken", [(1, 1, 1)], [(1, 1, 1)], {"env": "prod"})
        for by in ("cpu", "memory"):
            again(conn, cluster, enabled=("env",))
            metrics = (
                "node_cost_per_month",
                "node_core_cost_per_hour",
                "cluster_cost_per_month",
                "cluster_cost_per_hour",
            )
            assert cost(charge(conn, *(tag_rate(m, "env", {"prod": 1}) for m in metrics), by=by)) == 0


class TestClaims:
    """A claim is charged once a day (HC3)."""

    def test_values_and_default(self, conn: Connection) -> None:
        cluster = shop()
        for claim, tier in (("db-data", "gold"), ("logs", "other"), ("plain", None)):
            cluster.volume("shop", claim, "api", 100, 40, labels={"tier": tier} if tier else {})
        summarize(conn, cluster, enabled=("tier",))
        found = charge(conn, tag_rate("pvc_cost_per_month", "tier", {"gold": 90, "bronze": 30}, "bronze"))
        costs = [cost(found, "volume", persistentvolumeclaim=c) for c in ("db-data", "logs", "plain")]
        assert [near(c, v) for c, v in zip(costs, (3, 1, 0), strict=True)] == [True] * 3
        assert {r["monthly_cost_type"] for r in found} == {"PVC"}

    def test_whatever_mounts_it_and_however_its_labels_change(self, conn: Connection) -> None:
        cluster = shop()
        cluster.node("w2", 8, 32)
        cluster.pod("shop", "api-2", "w2", IDLE, IDLE)
        for pod, node in (("api", "w1"), ("api-2", "w2")):
            cluster.volume("shop", "wide", pod, 30, 12, node=node, labels={"tier": "gold"})
        for value in ("gold", "silver"):
            cluster.volume("shop", "moody", "api", 30, 12, hours=12, labels={"tier": value})
        summarize(conn, cluster, enabled=("tier",))
        found = charge(conn, tag_rate("pvc_cost_per_month", "tier", {"gold": 60, "silver": 30}))
        assert near(cost(found, "volume", persistentvolumeclaim="wide"), 2)
        assert near(cost(found, "volume", persistentvolumeclaim="moody"), "1.5")


class TestProjects:
    """A project is charged once a day by the labels of its namespace."""

    def label(self, cluster: Cluster, namespace: str, *, last: int = 23, **labels: str) -> None:
        cluster.add(
            datasets.NAMESPACE_LABEL_DAYS,
            namespace=namespace,
            namespace_labels=labels,
            last_hour=last,
            label_hours=last + 1,
        )

    def test_on_two_nodes_without_pods_and_on_the_platform(self, conn: Connection) -> None:
        cluster = shop({"team": "blue"})
        cluster.node("w2", 8, 32)
        cluster.pod("shop", "other", "w2", IDLE, IDLE, {"pods": "differ"})
        cluster.pod("shop", "more", "w2", IDLE, IDLE)
        for namespace in ("shop", "empty", "openshift", "openshift-x", "kube-x", "Openshift-mine"):
            self.label(cluster, namespace, team="red", app="x")
        self.label(cluster, "batch", app="x")
        summarize(conn, cluster, enabled=("team", "app", "pods"))
        found = charge(conn, tag_rate("project_per_month", "team", {"red": 45, "blue": 4500}))
        assert [near(cost(found, namespace=n), "1.5") for n in ("shop", "empty", "Openshift-mine")] == [True] * 3
        assert [near(cost(found, namespace="shop", node=n), "0.75") for n in ("w1", "w2")] == [True, True]
        assert near(cost(found), "4.5")
        assert all(r["pod_labels"] == r["all_labels"] == {"team": "red", "app": "x"} for r in found)
        assert {(r["cluster_id"], r["data_source"], r["monthly_cost_type"], r["usage_end"]) for r in found} == {
            ("cluster-1", "Pod", "Tag", DAY)
        }

    def test_the_default_and_a_label_that_changes(self, conn: Connection) -> None:
        cluster = shop()
        self.label(cluster, "shop", last=11, team="red")
        self.label(cluster, "shop", last=23, team="green")
        self.label(cluster, "batch", team="red")
        summarize(conn, cluster, enabled=("team",))
        found = charge(conn, tag_rate("project_per_month", "team", {"red": 30, "other": 60}, "other"))
        assert near(cost(found, namespace="shop"), 2)
        assert near(cost(found, namespace="batch"), 1)

    def test_its_group_takes_part_in_distribution(self, conn: Connection) -> None:
        cluster = shop()
        self.label(cluster, "batch", team="red")
        groups = [(made[0], "batch") for made in conn.execute(
            "INSERT INTO cost_group (name, built_in) VALUES ('Platform', true) RETURNING id"
        )]  # fmt: skip
        summarize(conn, cluster, enabled=("team",), groups=groups)
        found = price(conn, tag_rate("project_per_month", "team", {"red": 60}))
        assert near(total(found, "distributed_cost", namespace="shop"), 2)

    def test_what_is_left_of_a_node_takes_part_too(self, conn: Connection) -> None:
        summarize(conn, shop(test={}), enabled=("env",))
        found = price(conn, tag_rate("node_cost_per_month", "env", {"prod": 600}))
        assert near(total(found, "distributed_cost", namespace=WORKER), -15)

    def test_no_report_gets_further_rows(self, conn: Connection) -> None:
        cluster = shop()
        self.label(cluster, "empty", team="red")
        assert "empty" not in {r["namespace"] for r in summarize(conn, cluster, enabled=("team",))}
