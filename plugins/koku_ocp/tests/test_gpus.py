"""What GPUs are used for, what is left of them, what both cost, and who gets the cost of what is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.koku_ocp.tests.clusters import DAY, Cluster, price, rate, summarize, total

from koku_core.database.server import Connection
from koku_ocp import datasets, gpu

IDLE = "GPU unallocated"
TINY, NEARLY = Decimal("1e-14"), Decimal("1e-9")
HOUR = 3600
NEXT = DAY + timedelta(1)
#: A month's price that makes a day of June cost 1.
UNIT = 30


def use(cluster: Cluster, namespace: str, model: str, hours: float, *, node: str = "g1", uuid: str = "GPU-1", slices: int = 0,
        most: int | None = 7, instance: str = "", vendor: str = "nvidia", **more: Any) -> None:  # fmt: skip
    """A pod uses a GPU, or an instance of so many slices, for some hours."""
    mig = {"mig_profile": f"{slices}g.{slices * 5}gb", "mig_slice_count": slices, "mig_memory_capacity_mib": slices * 5120,
           "mig_instance_id": instance or f"MIG-{namespace}", "gpu_max_slices": most} if slices else {}  # fmt: skip
    cluster.add(
        datasets.GPU_DAYS, node=node, namespace=namespace, pod=f"{namespace}-pod", gpu_uuid=uuid, gpu_model_name=model,
        gpu_vendor_name=vendor, gpu_memory_capacity_mib=40960, gpu_pod_uptime=hours * HOUR, **mig, **more,
    )  # fmt: skip


def have(
    cluster: Cluster, product: str, count: int | str, hours: int = 24, *, node: str = "g1", strategy: str = ""
) -> None:
    """A node's labels tell of its GPUs for some hours."""
    told = gpu.inventory({"nvidia_com_gpu_present": "true", "nvidia_com_gpu_product": product, "nvidia_com_gpu_count": str(count),
                          "nvidia_com_mig_strategy": strategy})  # fmt: skip
    assert told is not None
    cluster.add(
        datasets.GPU_NODE_DAYS, node=node, gpu_model_name=told.model, gpu_count=told.count, mig_slice_count=told.slice_count,
        gpu_max_slices=told.max_slices, label_hours=hours,
    )  # fmt: skip


def prices(
    cost_type: str = "Infrastructure", vendor: str = "nvidia", default: str = "", **of_models: float
) -> dict[str, Any]:
    """A rate by model (blanks as underlines); `default` is the model whose price holds for models without one."""
    return named_prices({m.replace("_", " "): v for m, v in of_models.items()}, cost_type, vendor, default)


def named_prices(
    of_models: Mapping[str, float], cost_type: str = "Infrastructure", vendor: str = "nvidia", default: str = ""
) -> dict[str, Any]:
    """The same, with the names as they are."""
    values = [{"tag_value": m, "value": v, "unit": "USD", "default": m == default, "description": ""}
              for m, v in of_models.items()]  # fmt: skip
    return {"metric": {"name": "gpu_cost_per_month"}, "cost_type": cost_type, "custom_name": f"GPU {cost_type}",
            "tag_rates": {"tag_key": vendor, "tag_values": values}}  # fmt: skip


def cost(found: list[dict[str, Any]], **chosen: Any) -> Decimal:
    return total(found, "cost_model_gpu_cost", **chosen)


def moved(found: list[dict[str, Any]], **chosen: Any) -> Decimal:
    return total(found, "distributed_cost", cost_model_rate_type="gpu_distributed", **chosen)


def test_the_worked_example_with_slices(conn: Connection) -> None:
    """E11."""
    cluster = Cluster()
    have(cluster, "A100", 1, strategy="mixed")
    for namespace, slices, hours in (("ml-train", 4, 2), ("inference", 1, 6), ("serving", 2, 2)):
        use(cluster, namespace, "A100", hours, slices=slices)
    summarize(conn, cluster)
    found = price(conn, prices(A100=1000), gpu_unallocated=True)
    expected = {"ml-train": ("1.587301587301587", "13.227513227513228"), "inference": ("1.190476190476190", "9.920634920634921"),
                "serving": ("0.793650793650794", "6.613756613756614"), IDLE: ("29.761904761904762", "-29.761904761904762")}  # fmt: skip
    for namespace, (own, share) in expected.items():
        assert abs(cost(found, namespace=namespace) - Decimal(own)) < TINY
        assert abs(moved(found, namespace=namespace) - Decimal(share)) < TINY
    assert moved(found) == 0
    assert {r["data_source"] for r in found} == {"GPU"}
    assert {r["monthly_cost_type"] for r in found if r["cost_model_gpu_cost"]} == {"Tag"}


def test_moved_cost_is_told_beside_the_same_gpu_in_whatever_order_rows_come(conn: Connection) -> None:
    cluster = Cluster()
    have(cluster, "A100", 3)
    for uuid in ("GPU-b", "GPU-a", "GPU-c"):
        use(cluster, "shop", "A100", 6, uuid=uuid)
    summarize(conn, cluster)
    for _ in range(2):
        found = price(conn, prices(A100=1000), gpu_unallocated=True)
        (row,) = (r for r in found if r["cost_model_rate_type"] == "gpu_distributed" and r["namespace"] == "shop")
        assert row["resource_id"] == "GPU-a"
        conn.execute("UPDATE pg_temp.usage SET usage_row = -usage_row")


def left(conn: Connection, cluster: Cluster) -> dict[str, Decimal]:
    """For each model the hours of whole GPUs that were left."""
    rows = [r for r in summarize(conn, cluster) if r["data_source"] == "GPU" and r["namespace"] == IDLE]
    return {r["gpu_model"]: r["gpu_slice_seconds"] / r["gpu_slices"] / HOUR for r in rows}


class TestWhatIsLeft:
    """The hours that a node's labels tell of, less what was used."""

    def test_of_a_node_without_any_use_all(self, conn: Connection) -> None:
        cluster = Cluster()
        have(cluster, "NVIDIA-A100-SXM4-40GB", 2, 10)
        assert left(conn, cluster) == {"NVIDIA A100 SXM4 40GB": 20}
        found = price(conn, prices(default="H100", H100=720), gpu_unallocated=True)
        assert [cost(found, namespace=IDLE), moved(found)] == [20, 0]
        assert not [
            r for r in found if r["cost_model_rate_type"] == "gpu_distributed"
        ]  # nobody to receive it: it stays

    def test_of_a_node_with_two_models_each_by_its_own_count(self, conn: Connection) -> None:
        cluster = Cluster()
        have(cluster, "A100", 4)
        use(cluster, "a", "A100", 24)
        use(cluster, "t", "Tesla T4", 6, uuid="GPU-2")
        assert left(conn, cluster) == {"A100": 3 * 24 - 24, "Tesla T4": 24 - 6}

    def test_of_a_model_that_is_idle_for_a_day(self, conn: Connection) -> None:
        """It is still there, under the name that the report has for it on other days."""
        cluster = Cluster()
        have(cluster, "NVIDIA-A100", 4)
        use(cluster, "a", "A100", 24, usage_start=NEXT)
        use(cluster, "t", "Tesla T4", 6, uuid="GPU-2", usage_start=NEXT)
        assert left(conn, cluster) == {"A100": 72, "Tesla T4": 24}

    def test_after_labels_changed_within_the_day(self, conn: Connection) -> None:
        cluster = Cluster()
        have(cluster, "A100", 1, 10)
        have(cluster, "A100", 3, 14)
        use(cluster, "a", "A100", 20)
        assert left(conn, cluster) == {"A100": 10 + 42 - 20}

    @pytest.mark.parametrize(
        "product", ["NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-40GB-SHARED", "nvidia a100", "A100_SXM4"]
    )
    def test_the_labels_name_the_report_s_model(self, conn: Connection, product: str) -> None:
        cluster = Cluster()
        have(cluster, product, 1)
        use(cluster, "a", "NVIDIA A100 SXM4 40GB", 4)
        found = left(conn, cluster)
        assert found == {"NVIDIA A100 SXM4 40GB": 20}

    def test_where_labels_count_instances(self, conn: Connection) -> None:
        cluster = Cluster()
        have(cluster, "NVIDIA-A100-SXM4-40GB-MIG-2g.10gb", 3, strategy="single")
        use(cluster, "a", "NVIDIA A100 SXM4 40GB", 12, slices=2)
        assert abs(left(conn, cluster)["NVIDIA A100 SXM4 40GB"] - Decimal(3 * 24 - 12) * 2 / 7) < NEARLY

    def test_whole_gpus_beside_instances_count_all_their_slices(self, conn: Connection) -> None:
        cluster = Cluster()
        have(cluster, "A100", 2, strategy="mixed")
        use(cluster, "whole", "A100", 24)
        use(cluster, "sliced", "A100", 24, uuid="GPU-2", slices=7)
        assert left(conn, cluster) == {}

    def test_more_use_than_there_is_leaves_nothing(self, conn: Connection) -> None:
        cluster = Cluster()
        have(cluster, "A100", 1)
        use(cluster, "a", "A100", 24)
        use(cluster, "b", "A100", 24)
        assert left(conn, cluster) == {}

    def test_without_labels_nothing_is_known(self, conn: Connection) -> None:
        cluster = Cluster()
        use(cluster, "a", "A100", 1)
        assert left(conn, cluster) == {}

    @pytest.mark.parametrize("count", ["", "two"])
    def test_labels_without_a_count_count_what_was_seen(self, conn: Connection, count: str) -> None:
        cluster = Cluster()
        have(cluster, "A100", count)
        use(cluster, "a", "A100", 1)
        use(cluster, "a", "A100", 1, uuid="GPU-2")
        assert left(conn, cluster) == {"A100": 46}


def test_a_model_that_is_not_known_keeps_its_slices(conn: Connection) -> None:
    """They share the GPU as far as they were seen, so that it is never charged more than once."""
    cluster = Cluster()
    use(cluster, "a", "Newest 9000", 24, slices=1, most=None)
    use(cluster, "b", "Newest 9000", 24, slices=3, most=None)
    made = {r["namespace"]: r for r in summarize(conn, cluster)}
    assert {n: (r["gpu_mode"], r["mig_profile"], r["mig_slice_count"]) for n, r in made.items()} == {
        "a": ("MIG", "1g.5gb", 1), "b": ("MIG", "3g.15gb", 3),
    }  # fmt: skip
    found = price(conn, prices(Newest_9000=UNIT))
    assert (cost(found, namespace="a"), cost(found, namespace="b")) == (Decimal("0.25"), Decimal("0.75"))
    assert {(r["gpu_max_slices"], r["gpu_slices"]) for r in made.values()} == {(None, 4)}


class TestPrices:
    """Vendors are keys, models are values."""

    def cluster(self, conn: Connection) -> None:
        cluster = Cluster()
        use(cluster, "a", "A100", 24)
        use(cluster, "h", "H100", 24, uuid="GPU-2")
        use(cluster, "x", "MI300", 24, uuid="GPU-3", vendor="amd")
        summarize(conn, cluster)

    @pytest.mark.parametrize(
        ("rates", "expected"),
        [
            ([prices(A100=UNIT)], (1, 0, 0)),
            ([prices(A100=UNIT, L4=2 * UNIT, default="L4")], (1, 2, 0)),
            ([prices(A100=UNIT, H100=2 * UNIT, default="H100")], (1, 2, 0)),
            ([prices(A100=UNIT), prices(vendor="amd", MI300=3 * UNIT)], (1, 0, 3)),
            ([prices(A100=UNIT), prices("Supplementary", A100=UNIT, H100=UNIT)], (2, 1, 0)),
        ],
    )
    def test_models(self, conn: Connection, rates: list[dict[str, Any]], expected: tuple[int, ...]) -> None:
        self.cluster(conn)
        found = price(conn, *rates)
        assert tuple(cost(found, namespace=n) for n in ("a", "h", "x")) == expected

    def test_tiers_are_of_all_gpus_and_fill_up_over_the_month(self, conn: Connection) -> None:
        """A GPU-day each day, of which slices are a part: 1.5 at the first price, and what the label has on top."""
        cluster = Cluster()
        have(cluster, "A100", 1, strategy="mixed")
        use(cluster, "a", "A100", 12, slices=7)
        use(cluster, "x", "MI300", 24, node="g2", vendor="amd", usage_start=NEXT)
        summarize(conn, cluster)
        tiers = ((None, "0.05", UNIT), ("0.05", None, UNIT / 2))
        found = price(conn, rate("gpu_cost_per_month", 0, "Supplementary", tiers), prices(A100=2 * UNIT))
        half, kinds = Decimal("0.5"), ("Supplementary", "Infrastructure")
        for namespace, costs in {"a": (half, 1), IDLE: (half, 1), "x": (half + half / 2, 0)}.items():
            made = [cost(found, namespace=namespace, cost_model_rate_type=kind) for kind in kinds]
            assert made == [pytest.approx(c, abs=TINY) for c in costs]

    def test_names_may_hold_anything(self, conn: Connection) -> None:
        model = 'it\'s "a" \\ 🚀' + "x" * 80
        cluster = Cluster()
        use(cluster, "a", model, 24)
        summarize(conn, cluster)
        assert cost(price(conn, named_prices({model: UNIT}))) == 1

    def test_without_a_rate_there_is_still_the_inventory(self, conn: Connection) -> None:
        cluster = Cluster()
        use(cluster, "a", "A100", 24, slices=2)
        (made,) = summarize(conn, cluster)
        assert price(conn) == []
        assert (made["gpu_vendor"], made["gpu_model"], made["mig_instance_id"], made["resource_id"]) == (
            "nvidia", "A100", "MIG-a", "GPU-1",
        )  # fmt: skip
        assert (made["gpu_memory_gigabytes"], made["mig_memory_gigabytes"]) == (Decimal("42.94967296"), 10)


class TestDistribution:
    """What was left goes to those who used the same model on the same node that day."""

    def test_several_models_of_a_namespace_are_added_up(self, conn: Connection) -> None:
        cluster = Cluster()
        for model, uuid in (("A100", "GPU-1"), ("H100", "GPU-2")):
            have(cluster, model, 2)
            use(cluster, "both", model, 12, uuid=uuid)
        use(cluster, "one", "A100", 12, uuid="GPU-3")
        summarize(conn, cluster)
        found = price(conn, prices(A100=UNIT, H100=UNIT), gpu_unallocated=True)
        assert [moved(found, namespace=n) for n in ("both", "one")] == [2, Decimal("0.5")]
        assert moved(found, namespace=IDLE) == Decimal("-2.5")

    def test_it_stays_within_node_and_model(self, conn: Connection) -> None:
        cluster = Cluster()
        for node in ("g1", "g2"):
            have(cluster, "A100", 1, node=node)
        use(cluster, "a", "A100", 6)
        summarize(conn, cluster)
        found = price(conn, prices(A100=UNIT), gpu_unallocated=True)
        assert {r["node"]: r["distributed_cost"] for r in found if r["namespace"] == "a" and r["distributed_cost"]} == {
            "g1": Decimal("0.75")
        }
        assert cost(found, namespace=IDLE) + moved(found, namespace=IDLE) == 1

    def test_gpus_of_platform_namespaces_are_handed_on_with_their_cost(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("g1", 8, 32)
        cluster.pod("shop", "api", "g1", [(1, 1, 1)] * 24, [(1, 1, 1)] * 24)
        use(cluster, "openshift-ai", "A100", 24)
        summarize(conn, cluster)
        found = price(conn, prices(A100=UNIT))
        assert cost(found, namespace="openshift-ai") == 1
        platform = {"cost_model_rate_type": "platform_distributed"}
        assert total(found, "distributed_cost", namespace="openshift-ai", **platform) == -1
        assert total(found, "distributed_cost", namespace="shop", **platform) == 1


names = st.sampled_from(("a", "b", "openshift-ai"))
models = st.sampled_from(("A100", "H100", "Tesla T4", "Newest"))


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Cluster, dict[str, Decimal]]:
    """Nodes with GPUs of one model, and pods that use them or slices of them, also at the same time.

    With it the hours that each node has of GPUs, or those that they are reported in use, if these are more.
    """
    cluster, hours = Cluster(), {}
    for node in draw(st.lists(st.sampled_from(("g1", "g2", "g3")), min_size=1, unique=True)):
        model, count, sliced = draw(models), draw(st.integers(1, 4)), draw(st.booleans())
        up = [draw(st.integers(1, 12)) for _ in range(draw(st.integers(1, 2)))]
        for some in up:
            have(cluster, model, count, some, node=node, strategy="mixed" if sliced else "")
        most, used = gpu.max_slices(model), Decimal(0)
        for uuid in (f"{node}-{place}" for place in range(count)):
            whole = (0,) * draw(st.integers(0, 3))
            for n, slices in enumerate(draw(st.sampled_from(((1, 2, 4), (3, 4), (2,)))) if sliced and most else whole):
                time = draw(st.decimals(0, sum(up), places=3))
                used += time * (slices or 1) / (most if slices and most else 1)
                use(cluster, draw(names), model, float(time), node=node, uuid=uuid, slices=slices, most=most,
                    instance=f"{uuid}-{n}")  # fmt: skip
        hours[node] = max(used, Decimal(sum(up) * count))
    return cluster, hours


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(made=clusters(), value=st.decimals("0.0001", "9999", places=4))
def test_what_is_used_and_what_is_left_pay_for_the_hours_of_the_gpus(
    conn: Connection, made: tuple[Cluster, Mapping[str, Decimal]], value: Decimal
) -> None:
    cluster, hours = made
    with conn.transaction(force_rollback=True):
        usage = [r for r in summarize(conn, cluster) if r["data_source"] == "GPU"]
        found = price(conn, prices(default="A100", A100=float(value)), gpu_unallocated=True, platform_cost=False)
        for node, amount in hours.items():
            assert abs(cost(found, node=node) - value * amount / 24 / 30) < NEARLY
        assert moved(found) == 0
        takers = {(r["node"], r["gpu_model"]) for r in usage if r["namespace"] != IDLE and r["gpu_slice_seconds"] > 0}
        for row in (r for r in usage if r["namespace"] == IDLE):
            key = {"namespace": IDLE, "node": row["node"], "gpu_model": row["gpu_model"]}
            kept = cost(found, **key) + moved(found, **key)
            assert kept == (0 if (row["node"], row["gpu_model"]) in takers else cost(found, **key))
        assert {r["usage_start"] for r in found} <= {DAY}
