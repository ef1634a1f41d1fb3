"""Virtual machines: the hours and cores that are charged, whose they are, and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.clusters import DAY, Cluster, again, price, rate, summarize, tag_rate, total

from koku_core.database.server import Connection
from koku_ocp import datasets

NAME = "vm_kubevirt_io_name"
TINY = Decimal("1e-14")
FOUR = (
    rate("vm_cost_per_hour", "0.10"), rate("vm_core_cost_per_hour", "0.05", "Infrastructure"),
    rate("vm_cost_per_month", 90), rate("vm_core_cost_per_month", 30),
)  # fmt: skip


def launcher(
    cluster: Cluster, name: str, node: str, hours: int = 24, namespace: str = "shop", request: float = 1,
    labels: Mapping[str, str] | None = None, **more: Any,
) -> None:  # fmt: skip
    """The pod that runs a machine on a node."""
    cluster.pod(namespace, f"virt-launcher-{name}-{node}", node, [(0.5, request, 2)] * hours, [(1, 2, 4)] * hours,
                {NAME: name, **(labels or {})}, **more)  # fmt: skip


def nodes(*names: str) -> Cluster:
    """A cluster of nodes of 8 cores."""
    cluster = Cluster()
    for name in names or ("n1",):
        cluster.node(name, 8, 32)
    return cluster


def charge(
    conn: Connection, cluster: Cluster, *rates: Mapping[str, Any], enabled: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """What a cluster costs, before anything is handed on."""
    summarize(conn, cluster, enabled=enabled)
    return price(conn, *rates, platform_cost=False, worker_cost=False)


def cost(found: list[dict[str, Any]], **chosen: Any) -> Decimal:
    return total(found, "cost_model_cpu_cost", **chosen)


def near(one: Decimal, other: float | str | Decimal) -> bool:
    return abs(one - Decimal(str(other))) < TINY


@pytest.mark.parametrize(("metric", "value", "kind", "expected"), [
    ("vm_cost_per_hour", "0.10", None, "2.0"), ("vm_core_cost_per_hour", "0.05", None, "4.0"),
    ("vm_cost_per_month", 90, "OCP_VM", "3.0"), ("vm_core_cost_per_month", 30, "OCP_VM_CORE", "4.0"),
])  # fmt: skip
def test_e12_each_price(conn: Connection, metric: str, value: float | str, kind: str | None, expected: str) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1", 20)
    cluster.machine("shop", "a", "n1", 20, 4)
    found = charge(conn, cluster, rate(metric, value))
    assert near(cost(found, vm_name="a", monthly_cost_type=kind, data_source="Pod"), expected)
    assert near(cost(found), expected)


def test_machines_of_one_name_in_two_namespaces_are_two(conn: Connection) -> None:
    cluster = nodes()
    for namespace, hours, cores in (("shop", 10, 2), ("batch", 4, 8)):
        launcher(cluster, "a", "n1", hours, namespace)
        cluster.machine(namespace, "a", "n1", hours, cores)
    found = charge(conn, cluster, *FOUR)
    for namespace, hours, cores in (("shop", 10, 2), ("batch", 4, 8)):
        expected = hours * (Decimal("0.1") + cores * Decimal("0.05")) + 3 + cores
        assert near(cost(found, namespace=namespace), expected)


def test_a_machine_that_moves_is_charged_once(conn: Connection) -> None:
    cluster = nodes("n1", "n2")
    for node, hours in (("n1", 6), ("n2", 18)):
        launcher(cluster, "a", node, hours)
    cluster.machine("shop", "a", "n1", 6, 2)
    cluster.machine("shop", "a", "n2", 18, 4)
    found = charge(conn, cluster, *FOUR)
    assert [cost(found, monthly_cost_type="OCP_VM", node=n) for n in ("n1", "n2")] == [Decimal("0.75"), Decimal("2.25")]
    assert [cost(found, monthly_cost_type="OCP_VM_CORE", node=n) for n in ("n1", "n2")] == [1, 3]
    by_hour = [cost(found, cost_model_rate_type="Infrastructure", node=n) for n in ("n1", "n2")]
    assert by_hour == [6 * 2 * Decimal("0.05"), 18 * 4 * Decimal("0.05")]


def test_cores_that_change_within_the_day_are_counted_hour_by_hour(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1")
    cluster.machine("shop", "a", "n1", 24, 4, vm_core_seconds_up=(18 * 2 + 6 * 4) * 3600)
    found = charge(conn, cluster, *FOUR)
    assert near(cost(found, cost_model_rate_type="Infrastructure"), 60 * 0.05)
    assert cost(found, monthly_cost_type="OCP_VM_CORE") == 4


def test_deliveries_of_a_day_add_up(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1")
    for delivery, hours in (("d1", 10), ("d2", 14)):
        cluster.machine("shop", "a", "n1", hours, 2, delivery=delivery)
    usage = summarize(conn, cluster)
    assert [total(usage, c) for c in ("vm_hours", "vm_core_hours")] == [24, 48]


def test_rows_with_other_labels_share_a_machine(conn: Connection) -> None:
    cluster = nodes()
    for tier, hours in (("gold", 6), ("iron", 18)):
        launcher(cluster, "a", "n1", hours, labels={"tier": tier})
    cluster.machine("shop", "a", "n1", 12, 2)
    found = charge(conn, cluster, *FOUR, enabled=("tier",))
    assert near(cost(found), Decimal("0.1") * 12 + Decimal("0.05") * 24 + 3 + 2)
    gold = [r for r in found if r["pod_labels"]["tier"] == "gold"]
    assert near(cost(gold, monthly_cost_type="OCP_VM"), "0.75")


def test_without_a_report_the_pods_tell_the_hours_and_nobody_the_cores(conn: Connection) -> None:
    cluster = nodes("n1", "n2")
    launcher(cluster, "a", "n1", 5)
    launcher(cluster, "a", "n2", 15)
    found = charge(conn, cluster, *FOUR)
    assert near(cost(found), Decimal("0.1") * 20 + 3)
    assert near(cost(found, monthly_cost_type="OCP_VM", node="n2"), "2.25")
    usage = [r for r in again(conn, cluster) if r["vm_name"]]
    assert [(r["vm_request_cpu_cores"], r["vm_request_memory_gigabytes"], r["vm_core_hours"]) for r in usage] == [
        (1, 2, None)
    ] * 2


def test_a_day_without_a_report_falls_back_alone(conn: Connection) -> None:
    cluster = nodes()
    cluster.node("n1", 8, 32, usage_start=DAY + timedelta(1))
    for day in (DAY, DAY + timedelta(1)):
        launcher(cluster, "a", "n1", 20, usage_start=day)
    cluster.machine("shop", "a", "n1", 12)
    found = charge(conn, cluster, rate("vm_cost_per_hour", 1))
    assert [cost(found, usage_start=DAY + timedelta(n)) for n in (0, 1)] == [12, 20]


def test_a_stopped_machine_costs_nothing(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1")
    cluster.machine("shop", "a", "", 0, 0)
    assert cost(charge(conn, cluster, *FOUR)) == 0


def test_a_machine_whose_pods_nobody_tells_of_is_charged(conn: Connection) -> None:
    cluster = nodes("n1", "n2")
    launcher(cluster, "a", "n1", 12)
    cluster.machine("shop", "a", "n1", 12, 2)
    cluster.machine("shop", "a", "n2", 12, 2)
    cluster.machine("shop", "b", "n2", 24, 4)
    found = charge(conn, cluster, *FOUR)
    assert near(cost(found, vm_name="a"), Decimal("0.1") * 24 + Decimal("0.05") * 48 + 3 + 2)
    assert near(cost(found, vm_name="b"), Decimal("0.1") * 24 + Decimal("0.05") * 96 + 3 + 4)
    assert near(cost(found, vm_name="a", node="n2", monthly_cost_type="OCP_VM"), "1.5")


def test_one_that_requests_no_cpu_is_not_charged_by_the_month(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1", request=0)
    cluster.machine("shop", "a", "n1", 24, 2)
    found = charge(conn, cluster, *FOUR)
    assert cost(found, monthly_cost_type="OCP_VM") == 0
    assert cost(found, monthly_cost_type="OCP_VM_CORE") == 2


def test_both_cost_types_are_charged(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1")
    cluster.machine("shop", "a", "n1")
    found = charge(conn, cluster, rate("vm_cost_per_month", 90), rate("vm_cost_per_month", 30, "Infrastructure"))
    assert [cost(found, cost_model_rate_type=t) for t in ("Supplementary", "Infrastructure")] == [3, 1]


def test_hours_fill_the_tiers_over_the_month(conn: Connection) -> None:
    """30 hours at 1, then 0.50: the first day's 24 all at 1, of the second's 6 at 1 and 18 at 0.50, shared by what each machine was up."""
    cluster = nodes()
    cluster.node("n1", 8, 32, usage_start=DAY + timedelta(1))
    for day in (DAY, DAY + timedelta(1)):
        for name, hours in (("a", 18), ("b", 6)):
            launcher(cluster, name, "n1", hours, usage_start=day)
            cluster.machine("shop", name, "n1", hours, usage_start=day)
    tiers = ((None, 30, 1), (30, None, "0.5"))
    found = charge(
        conn,
        cluster,
        rate("vm_cost_per_hour", 0, tiers=tiers),
        rate("vm_core_cost_per_hour", 0, "Infrastructure", tiers),
    )
    for kind in ("Supplementary", "Infrastructure"):
        of_kind = [r for r in found if r["cost_model_rate_type"] == kind]
        assert near(cost(of_kind, usage_start=DAY), 24)
        assert near(cost(of_kind, usage_start=DAY + timedelta(1)), 15)
        assert near(cost(of_kind, usage_start=DAY + timedelta(1), vm_name="b"), "3.75")


@pytest.mark.parametrize(("metric", "quantity"), [
    ("vm_cost_per_hour", 20), ("vm_core_cost_per_hour", 80), ("vm_cost_per_month", Decimal(1) / 30),
    ("vm_core_cost_per_month", Decimal(4) / 30),
])  # fmt: skip
def test_prices_by_label(conn: Connection, metric: str, quantity: Decimal | int) -> None:
    cluster = nodes()
    odd = 'it\'s "a" \\ b {{ x }} 🦄'
    for name, labels in (("a", {"tier": "gold"}), ("b", {"tier": odd}), ("c", {"tier": "other"}), ("d", {})):
        launcher(cluster, name, "n1", 20, labels=labels)
        cluster.machine("shop", name, "n1", 20, 4)
    cluster.pod("shop", "web", "n1", [(1, 1, 1)], [(1, 1, 1)], {"tier": "gold"})
    found = charge(
        conn, cluster, tag_rate(metric, "tier", {"gold": 60, odd: 30, "iron": 90}, "iron"), enabled=("tier",)
    )
    costs = {name: cost(found, vm_name=name) for name in "abcd"}
    assert all(near(costs[n], quantity * p) for n, p in (("a", 60), ("b", 30), ("c", 90), ("d", 0)))
    assert near(cost(found), quantity * 180)
    assert {r["monthly_cost_type"] for r in found} == {"Tag"}
    assert {r["pod_labels"][NAME] for r in found} == {"a", "b", "c"}


def test_what_is_handed_on_is_shared_by_machines(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1", labels={"tier": "gold"})
    launcher(cluster, "b", "n1", 12)
    cluster.pod("shop", "web", "n1", [(0, 1, 1)] * 24, [(0, 1, 1)] * 24)
    cluster.pod("openshift-etcd", "etcd", "n1", [(1, 1, 1)] * 24, [(1, 1, 1)] * 24)
    summarize(conn, cluster)
    found = price(conn, rate("cpu_core_request_per_hour", "2.5"), worker_cost=False)
    moved = {n: total(found, "distributed_cost", vm_name=n, namespace="shop") for n in ("a", "b", None)}
    assert moved == {"a": 24, "b": 12, None: 24}
    assert {r["pod_labels"] for r in found if r["distributed_cost"]} == {None}


def test_claims_are_of_the_machine_that_names_or_mounts_them(conn: Connection) -> None:
    cluster = nodes()
    cluster.node("n1", 8, 32, usage_start=DAY + timedelta(1))
    launcher(cluster, "a", "n1", labels={"tier": "gold", "app": "vm"})
    cluster.machine("shop", "a", "n1", vm_persistentvolumeclaim_name="root")
    cluster.pod("shop", "web", "n1", [(1, 1, 1)], [(1, 1, 1)])
    cluster.volume("shop", "root", "web", 30, 3, labels={"app": "disk", "class": "fast"})
    cluster.volume("shop", "root", "", 30, 3, usage_start=DAY + timedelta(1))
    cluster.volume("shop", "data", "virt-launcher-a-n1", 60, 3)
    cluster.volume("shop", "logs", "web", 60, 3)
    cluster.volume("batch", "root", "web", 60, 3)
    found = [r for r in summarize(conn, cluster, enabled=("tier", "app", "class")) if r["data_source"] == "Storage"]
    claims = {(r["namespace"], r["persistentvolumeclaim"], r["usage_start"]): r for r in found}
    assert {k[:2] for k, r in claims.items() if r["vm_name"] == "a"} == {("shop", "root"), ("shop", "data")}
    root = claims["shop", "root", DAY]
    assert root["vm_labels"] == {"tier": "gold", "app": "vm", "class": "fast", NAME: "a"}
    assert root["volume_labels"] == root["all_labels"] == {"app": "disk", "class": "fast"}
    assert claims["shop", "root", DAY + timedelta(1)]["vm_labels"] == {"tier": "gold", "app": "vm", NAME: "a"}


def test_a_machine_has_labels_of_its_own(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1", labels={"tier": "gold"})
    for node, hour, owner in (("n1", 11, "them"), ("n2", 23, "us")):
        cluster.machine("shop", "a", node, 12, last_hour=hour, vm_labels={"owner": owner, "tier": "iron", "off": "x"})
    cluster.volume("shop", "root", "virt-launcher-a-n1", 30, 3, labels={"class": "fast"})
    cluster.add(datasets.GPU_DAYS, node="n1", namespace="shop", pod="virt-launcher-a-n1", gpu_uuid="g", gpu_model_name="T4",
                gpu_vendor_name="nvidia", gpu_pod_uptime=3600)  # fmt: skip
    rows = summarize(conn, cluster, enabled=("tier", "owner", "class"))
    found = {(r["data_source"], r["node"]): r["vm_labels"] for r in rows if r["vm_name"]}
    own = {"owner": "us", "tier": "gold", NAME: "a"}
    assert found == {
        ("Pod", "n1"): own, ("Pod", "n2"): {"owner": "us", "tier": "iron"}, ("Storage", "n1"): own | {"class": "fast"}, ("GPU", "n1"): own,
    }  # fmt: skip
    assert {r["pod_labels"].get("owner") for r in rows if r["pod_labels"]} == {None}


def test_a_machines_gpus_are_its_own(conn: Connection) -> None:
    cluster = nodes()
    launcher(cluster, "a", "n1", labels={"tier": "gold"})
    cluster.pod("shop", "web", "n1", [(1, 1, 1)], [(1, 1, 1)])
    for pod, gpu, hours in (("virt-launcher-a-n1", "g1", 12), ("web", "g1", 6), ("web", "g2", 6)):
        cluster.add(datasets.GPU_DAYS, node="n1", namespace="shop", pod=pod, gpu_uuid=gpu, gpu_model_name="T4", gpu_vendor_name="nvidia",
                    gpu_pod_uptime=hours * 3600, gpu_memory_capacity_mib=15360)  # fmt: skip
    found = charge(conn, cluster, tag_rate("gpu_cost_per_month", "nvidia", {"T4": 720}), enabled=("tier",))
    assert near(total(found, "cost_model_gpu_cost"), 24)
    assert near(total(found, "cost_model_gpu_cost", vm_name="a"), 12)
    assert [r["vm_labels"] for r in found if r["vm_name"]] == [{"tier": "gold", NAME: "a"}]


def test_nothing_else_changes(conn: Connection) -> None:
    """Figures of pods are the same with and without the machines' report."""
    cluster, told = nodes("n1", "n2"), nodes("n1", "n2")
    for some in (cluster, told):
        launcher(some, "a", "n1", 12)
        launcher(some, "a", "n2", 12)
        some.pod("shop", "web", "n1", [(1, 1, 1)], [(1, 1, 1)])
    told.machine("shop", "a", "n1", 12)
    told.machine("shop", "a", "n2", 12)
    found = summarize(conn, cluster)
    figures = [c for c in found[0] if c.startswith(("pod_", "node_cap", "cluster_cap"))]
    keys = ("namespace", "node", "all_labels")
    made = [sorted(((*(str(r[k]) for k in keys), *(r[c] for c in figures)) for r in rows), key=str)
            for rows in (found, again(conn, told))]  # fmt: skip
    assert made[0] == made[1]
