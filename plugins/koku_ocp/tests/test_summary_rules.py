"""What the daily summary must get right where labels change, volumes are shared, groups overlap and data is missing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.clusters import DAY, Cluster, again, summarize, total

from koku_core.database.server import Connection
from koku_ocp import datasets

FLAT = [(1.0, 1.0, 1.0)] * 24
WORKER, PLATFORM = "Worker unallocated", "Platform unallocated"


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster()
    made.node("w1", 8, 32)
    made.pod("shop", "api", "w1", FLAT, FLAT, {"app": "shop"})
    return made


def node_labels(cluster: Cluster, labels: dict[str, str], *, last: int, hours: int, node: str = "w1") -> None:
    cluster.add(datasets.NODE_LABEL_DAYS, node=node, node_labels=labels, last_hour=last, label_hours=hours)


def test_labels_merge_node_namespace_pod_and_keep_enabled_keys_and_the_machine(
    conn: Connection, cluster: Cluster
) -> None:
    node_labels(cluster, {"app": "node", "zone": "a", "hidden": "x"}, last=23, hours=24)
    labels = {"app": "namespace", "team": "red", "vm_kubevirt_io_name": "vm-1"}
    cluster.add(datasets.NAMESPACE_LABEL_DAYS, namespace="shop", namespace_labels=labels, last_hour=23, label_hours=24)
    found = {r["namespace"]: r for r in summarize(conn, cluster, enabled=("app", "zone", "team"))}
    assert found["shop"]["pod_labels"] == {"app": "shop", "zone": "a", "team": "red", "vm_kubevirt_io_name": "vm-1"}
    found = {r["namespace"]: r for r in again(conn, cluster)}
    assert found["shop"]["pod_labels"] == {"vm_kubevirt_io_name": "vm-1"}


def test_labels_that_change_within_a_day_double_nothing(conn: Connection, cluster: Cluster) -> None:
    for last, hours, value in ((11, 12, "old"), (23, 12, "new")):
        node_labels(cluster, {"zone": value}, last=last, hours=hours)
        cluster.add(
            datasets.NAMESPACE_LABEL_DAYS,
            namespace="shop",
            namespace_labels={"team": value},
            last_hour=last,
            label_hours=hours,
        )
    found = summarize(conn, cluster, enabled=("zone", "team"))
    assert [r["pod_labels"] for r in found if r["namespace"] == "shop"] == [{"zone": "new", "team": "new"}]
    assert total(found, "pod_usage_cpu_core_hours", namespace="shop") == 24
    assert total(found, "pod_usage_cpu_core_hours", namespace=WORKER) == 8 * 24 - 24


def test_a_tie_of_labels_is_broken_the_same_way_in_any_order(conn: Connection, cluster: Cluster) -> None:
    for value in ("b", "a"):
        node_labels(cluster, {"zone": value}, last=23, hours=1)
    first = summarize(conn, cluster, enabled=("zone",))
    cluster.lines[datasets.NODE_LABEL_DAYS.name].reverse()
    second = again(conn, cluster, enabled=("zone",))
    chosen = [[r["pod_labels"] for r in rows if r["namespace"] == "shop"] for rows in (first, second)]
    assert chosen[0] == chosen[1] == [{"zone": "a"}]


def test_pods_whose_own_labels_change_are_rows_of_their_own(conn: Connection, cluster: Cluster) -> None:
    cluster.pod("shop", "api", "w1", FLAT[:6], FLAT[:6], {"app": "other"})
    found = [r for r in summarize(conn, cluster, enabled=("app",)) if r["namespace"] == "shop"]
    assert {r["pod_labels"]["app"]: r["pod_usage_cpu_core_hours"] for r in found} == {"shop": 24, "other": 6}


@pytest.mark.parametrize(
    "value", ["it's", 'say "hi"', "back\\slash", "ünïcode 🦄", "x" * 500, "", "%s {{ x }} ; DROP TABLE usage --"]
)
def test_labels_of_any_text(conn: Connection, cluster: Cluster, value: str) -> None:
    key = f"k{value}"
    cluster.pod("shop", "odd", "w1", FLAT, FLAT, {key: value})
    found = summarize(conn, cluster, enabled=(key,))
    assert {key: value} in [r["pod_labels"] for r in found if r["namespace"] == "shop"]


def test_a_namespace_of_two_groups_is_counted_once_and_belongs_to_the_newest(
    conn: Connection, cluster: Cluster
) -> None:
    cluster.pod("openshift-etcd", "etcd", "w1", FLAT, FLAT)
    found = summarize(conn, cluster, groups=[(1, "openshift-%"), (1, "openshift-etcd"), (7, "openshift-etcd")])
    assert [r["cost_category_id"] for r in found if r["namespace"] == "openshift-etcd"] == [7]
    assert total(found, "pod_usage_cpu_core_hours", namespace="openshift-etcd") == 24


@pytest.mark.parametrize(
    ("roles", "more", "labels", "expected"),
    [
        ((None,), {}, None, WORKER),
        (("gpu-node",), {}, None, WORKER),
        (("worker",), {}, None, WORKER),
        (("infra",), {}, None, PLATFORM),
        (("master",), {}, None, PLATFORM),
        (("worker", "master"), {}, None, PLATFORM),
        (("infra", "worker"), {}, None, PLATFORM),
        ((None,), {"runs_control_plane": True}, None, PLATFORM),
        (("worker",), {"runs_control_plane": True}, None, WORKER),
        ((None,), {}, {"node_role_kubernetes_io": "infra"}, PLATFORM),
        ((None,), {}, {"node_role_kubernetes_io_infra": ""}, PLATFORM),
        ((None,), {}, {"node_role_kubernetes_io": "worker"}, WORKER),
        (("worker",), {}, {"node_role_kubernetes_io": "infra"}, WORKER),
    ],
)
def test_roles(
    conn: Connection, roles: tuple[str | None, ...], more: dict[str, Any], labels: dict[str, str] | None, expected: str
) -> None:
    cluster = Cluster()
    for place, role in enumerate(roles):  # one a day: the month decides
        cluster.node("n", 4, 16, role=role, usage_start=DAY + timedelta(place), **more)
    if labels is not None:
        node_labels(cluster, labels, last=23, hours=24, node="n")
    found = summarize(conn, cluster)
    assert [r["namespace"] for r in found] == [expected] * len(roles)


def test_a_node_without_pods_is_all_unallocated(conn: Connection) -> None:
    cluster = Cluster()
    cluster.node("w1", 8, 32, hours=3)
    (row,) = summarize(conn, cluster)
    assert (row["pod_usage_cpu_core_hours"], row["pod_limit_memory_gigabyte_hours"]) == (24, 96)


def test_what_is_on_no_node_is_left_out(conn: Connection, cluster: Cluster) -> None:
    cluster.pod("shop", "pending", "", FLAT, FLAT)
    assert total(summarize(conn, cluster), "pod_usage_cpu_core_hours", namespace="shop") == 24


def test_nothing_makes_nothing(conn: Connection) -> None:
    assert summarize(conn, Cluster()) == []


def test_hours_of_several_deliveries_add_up(conn: Connection) -> None:
    cluster = Cluster()
    for delivery, hours in (("d1", 18), ("d2", 6)):
        cluster.node("w1", 8, 32, hours=hours, delivery=delivery)
        cluster.pod("shop", "api", "w1", FLAT[:hours], FLAT[:hours], delivery=delivery)
    found = summarize(conn, cluster)
    assert total(found, "pod_usage_cpu_core_hours", namespace="shop") == 24
    assert {r["node_capacity_cpu_core_hours"] for r in found} == {192}
    assert {r["node_capacity_cpu_cores"] for r in found} == {8}


class TestVolumes:
    """A volume counts once, whoever mounts it."""

    def figures(self, conn: Connection, cluster: Cluster) -> tuple[Any, ...]:
        found = [r for r in summarize(conn, cluster) if r["data_source"] == "Storage"]
        kinds = ("persistentvolumeclaim_capacity", "volume_request_storage", "persistentvolumeclaim_usage")
        self.rows = found
        return tuple(round(total(found, f"{k}_gigabyte_months"), 12) for k in kinds)

    def test_two_pods_of_a_node_at_the_same_time(self, conn: Connection, cluster: Cluster) -> None:
        for pod in ("a", "b"):
            cluster.pod("shop", pod, "w1", FLAT, FLAT)
            cluster.volume("shop", "data", pod, 30, 12)
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))
        assert len(self.rows) == 1

    def test_a_node_that_grew_within_the_day_makes_it_no_shorter(self, conn: Connection) -> None:
        cluster = Cluster()
        for cores, delivery in ((4, "d1"), (8, "d2")):
            cluster.node("w1", cores, 32, hours=12, delivery=delivery)
        for pod in ("a", "b"):
            cluster.pod("shop", pod, "w1", FLAT, FLAT)
            cluster.volume("shop", "data", pod, 30, 12)
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))

    def test_pods_that_follow_each_other_add_up(self, conn: Connection, cluster: Cluster) -> None:
        for pod, hours in (("a", 12), ("b", 12)):
            cluster.pod("shop", pod, "w1", FLAT[:hours], FLAT[:hours])
            cluster.volume("shop", "data", pod, 30, 12, hours=hours)
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))

    def test_a_pod_that_is_replaced_while_the_old_one_stops(self, conn: Connection, cluster: Cluster) -> None:
        for pod, hours in (("a", 13), ("b", 12)):
            cluster.pod("shop", pod, "w1", FLAT[:hours], FLAT[:hours])
            cluster.volume("shop", "data", pod, 30, 12, hours=hours)
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))

    def test_two_pods_in_part_of_a_day(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("w1", 8, 32, hours=6)
        for pod in ("a", "b"):
            cluster.pod("shop", pod, "w1", FLAT[:6], FLAT[:6])
            cluster.volume("shop", "data", pod, 30, 12, hours=6)
        assert self.figures(conn, cluster) == (Decimal("0.25"), Decimal("0.25"), Decimal("0.1"))

    def test_a_pod_of_one_name_that_moved(self, conn: Connection, cluster: Cluster) -> None:
        cluster.node("w2", 8, 32)
        for node in ("w1", "w2"):
            cluster.pod("shop", "db-0", node, FLAT[:12], FLAT[:12])
        cluster.volume("shop", "data", "db-0", 30, 12)
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))
        assert {r["node"] for r in self.rows} == {"w1", "w2"}

    def test_the_report_names_the_node(self, conn: Connection, cluster: Cluster) -> None:
        cluster.node("w2", 8, 32)
        for node, hours in (("w1", 18), ("w2", 6)):
            cluster.pod("shop", "db-0", node, FLAT[:hours], FLAT[:hours])
            cluster.volume("shop", "data", "db-0", 30, 12, node=node, hours=hours)
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))
        months = {r["node"]: r["persistentvolumeclaim_capacity_gigabyte_months"] for r in self.rows}
        assert months == {"w1": Decimal("0.75"), "w2": Decimal("0.25")}

    def test_claims_that_name_one_volume_share_its_content_and_keep_their_size(
        self, conn: Connection, cluster: Cluster
    ) -> None:
        for namespace in ("a", "b", "c"):
            cluster.pod(namespace, "p", "w1", FLAT, FLAT)
            cluster.volume(namespace, "data", "p", 30, 12, persistentvolume="one")
        assert self.figures(conn, cluster) == (3, 1, Decimal("0.4"))

    def test_labels_that_change_and_deliveries(self, conn: Connection, cluster: Cluster) -> None:
        cluster.pod("shop", "a", "w1", FLAT, FLAT)
        cluster.volume("shop", "data", "a", 30, 12, hours=10, labels={"x": "1"}, delivery="d1")
        cluster.volume("shop", "data", "a", 30, 12, hours=14, labels={"x": "2"}, delivery="d2")
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))

    def test_a_volume_without_pod_has_no_node(self, conn: Connection, cluster: Cluster) -> None:
        cluster.volume("shop", "data", "", 30, 12)
        assert self.figures(conn, cluster) == (1, 1, Decimal("0.4"))
        assert [(r["node"], r["resource_id"]) for r in self.rows] == [(None, None)]

    def test_a_volume_without_claim_and_size(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.volume("shop", "", "a", 0, 0, persistentvolume=None, hours=0)
        assert self.figures(conn, cluster) == (0, 0, 0)
        assert self.rows[0]["persistentvolumeclaim"] is None

    def test_labels_merge_node_namespace_volume_claim(self, conn: Connection, cluster: Cluster) -> None:
        cluster.pod("shop", "a", "w1", FLAT, FLAT)
        node_labels(cluster, {"a": "node", "b": "node"}, last=1, hours=1)
        labels = {"b": "volume", "c": "volume"}
        cluster.volume("shop", "data", "a", 30, 12, labels={"c": "claim"}, persistentvolume_labels=labels)
        found = summarize(conn, cluster, enabled=("a", "b", "c"))
        (row,) = (r for r in found if r["data_source"] == "Storage")
        assert row["volume_labels"] == row["all_labels"] == {"a": "node", "b": "volume", "c": "claim"}
        assert row["pod_labels"] is None
