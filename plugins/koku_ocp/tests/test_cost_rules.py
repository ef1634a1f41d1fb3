"""What pricing and distribution must get right at the edges: price lists, tiers, gaps, empty bases, reruns."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.clusters import DAY, SOURCE, Cluster, again, attach, price, rate, run, summarize, total

from koku_core.costing.effective import effective_model
from koku_core.database.server import Connection

FLAT = [(1.0, 1.0, 1.0)] * 24
IDLE = [(0.0, 0.0, 0.0)] * 24
EVER = (date(2000, 1, 1), date(2099, 12, 31))
WORKER, PLATFORM = "Worker unallocated", "Platform unallocated"


def week(days: int = 2, cores: float = 1) -> Cluster:
    """A node and a pod on each of some days."""
    cluster = Cluster()
    for place in range(days):
        day = DAY + timedelta(place)
        cluster.node("w1", cores, 4, usage_start=day)
        cluster.pod("shop", "api", "w1", [(0.25, 0.25, 0.25)] * 24, FLAT, usage_start=day)
    return cluster


def cpu(found: list[dict[str, Any]], **chosen: Any) -> Any:
    return total(found, "cost_model_cpu_cost", **chosen)


class TestPriceLists:
    """A price holds for the days it is valid for."""

    def test_a_list_that_starts_within_the_month(self, conn: Connection) -> None:
        summarize(conn, week())
        second = DAY + timedelta(1)
        attach(conn, [(second, EVER[1], [rate("cpu_core_usage_per_hour", 2)])])
        found = run(conn)
        assert [cpu(found, usage_start=d) for d in (DAY, second)] == [0, 48]

    def test_the_lowest_priority_number_wins_on_each_day(self, conn: Connection) -> None:
        summarize(conn, week(3))
        days = [DAY + timedelta(n) for n in range(3)]
        attach(
            conn,
            [
                (days[1], days[1], [rate("cpu_core_usage_per_hour", 5)]),
                (*EVER, [rate("cpu_core_usage_per_hour", 1)]),
                (*EVER, [rate("cpu_core_usage_per_hour", 100)]),
            ],
        )
        found = run(conn)
        assert [cpu(found, usage_start=d) for d in days] == [24, 120, 24]
        stretches: list[Any] = [
            (p.valid_from.day, p.valid_to.day, p.value) for p in effective_model(conn, SOURCE, date(2025, 6, 1)).prices
        ]
        assert stretches == [(1, 10, 1), (11, 11, 5), (12, 30, 1)]

    def test_a_disabled_list_still_prices(self, conn: Connection) -> None:
        summarize(conn, week())
        attach(conn, [(*EVER, [rate("cpu_core_usage_per_hour", 1)])])
        conn.execute("UPDATE price_list SET enabled = false")
        assert cpu(run(conn)) == 48

    def test_no_list_no_cost(self, conn: Connection) -> None:
        summarize(conn, week())
        attach(conn, [(date(2000, 1, 1), date(2000, 1, 31), [rate("cpu_core_usage_per_hour", 1)])])
        assert run(conn) == []

    def test_no_model_no_cost(self, conn: Connection) -> None:
        summarize(conn, week())
        assert run(conn) == []

    def test_prices_stay_exact(self, conn: Connection) -> None:
        attach(conn, [(*EVER, [])])
        text = json.dumps([rate("cpu_core_usage_per_hour", 1)]).replace('"value": 1', '"value": 123456789.0123456789')
        conn.execute("UPDATE price_list SET rates = %s", (text,))
        assert effective_model(conn, SOURCE, DAY).prices[0].value == Decimal("123456789.0123456789")

    def test_values_may_be_text_missing_or_of_unknown_metrics(self, conn: Connection) -> None:
        summarize(conn, week())
        nothing = rate("cpu_core_request_per_hour", 1)
        del nothing["tiered_rates"][0]["value"], nothing["tiered_rates"][0]["usage"]
        tagged = {**nothing, "tag_rates": {"tag_key": "k", "tag_values": []}, "tiered_rates": []}
        rates = (
            rate("cpu_core_usage_per_hour", "1.5000000000"),
            nothing,
            tagged,
            rate("vm_cost_per_month", 5),
            rate("future", 5),
        )
        assert cpu(price(conn, *rates)) == 72

    def test_a_model_gives_the_defaults_of_its_switches(self, conn: Connection) -> None:
        keys = ("platform_cost", "worker_cost", "storage_unattributed", "network_unattributed", "gpu_unallocated")
        from koku_ocp.cost_model import COST_MODEL

        def states() -> dict[str, bool]:
            model = effective_model(conn, SOURCE, DAY)
            return {
                d.key: model.switched_on(d.key, default=d.default, without_model=d.without_model)
                for d in COST_MODEL.distributions
            }

        assert states() == dict(zip(keys, (False, False, True, True, False), strict=True))
        attach(conn, [])
        assert states() == dict(zip(keys, (True, True, False, False, False), strict=True))
        attach(conn, [], platform_cost=False, network_unattributed=True)
        assert states() == dict(zip(keys, (False, True, False, True, False), strict=True))


class TestRates:
    """How rates of one metric go together."""

    def test_rates_of_one_metric_add_up_and_cost_types_stay_apart(self, conn: Connection) -> None:
        summarize(conn, week(1))
        rates = [
            rate("cpu_core_usage_per_hour", v, t)
            for v, t in ((1, "Supplementary"), (2, "Supplementary"), (4, "Infrastructure"))
        ]
        found = price(conn, *rates)
        assert cpu(found, cost_model_rate_type="Supplementary") == 72
        assert cpu(found, cost_model_rate_type="Infrastructure") == 96

    @pytest.mark.parametrize("metric", ["node_cost_per_month", "node_core_cost_per_month", "cluster_cost_per_month"])
    def test_a_monthly_metric_charges_both_cost_types(self, conn: Connection, metric: str) -> None:
        summarize(conn, week(1))
        found = price(
            conn,
            rate(metric, 30, "Infrastructure"),
            rate(metric, 60, "Supplementary"),
            platform_cost=False,
            worker_cost=False,
        )
        assert (
            cpu(found, cost_model_rate_type="Infrastructure"),
            cpu(found, cost_model_rate_type="Supplementary"),
        ) == (1, 2)

    def test_tiers_fill_up_over_the_month(self, conn: Connection) -> None:
        summarize(conn, week(3))  # 24 core-hours a day, unallocated ones included
        tiers = ((None, 30, 1), (30, 60, "0.5"), (60, None, "0.1"))
        found = price(
            conn,
            rate("cpu_core_usage_per_hour", 0, tiers=tiers),
            rate("cpu_core_request_per_hour", 1, "Infrastructure"),
        )
        kept = {"cost_model_rate_type": "Supplementary"}
        days = [cpu(found, usage_start=DAY + timedelta(n), **kept) for n in range(3)]
        assert days == [24, 6 + 9, 6 + Decimal("1.2")]
        # within a day every row pays the same mixture
        assert cpu(found, usage_start=DAY + timedelta(1), namespace="shop", **kept) == Decimal("15") / 4
        assert cpu(found, cost_model_rate_type="Infrastructure") == 72

    @pytest.mark.parametrize("metric", ["node_cost_per_month", "cluster_cost_per_month"])
    def test_tiers_of_a_monthly_price_fill_up_with_months(self, conn: Connection, metric: str) -> None:
        summarize(conn, week(3))
        tiers = ((None, "0.05", 30), ("0.05", None, 60))  # a thirtieth of a month each day: a day and a half
        found = price(conn, rate(metric, 0, tiers=tiers))
        days = [round(cpu(found, usage_start=DAY + timedelta(n)), 12) for n in range(3)]
        assert days == [1, Decimal("1.5"), 2]

    def test_a_day_without_quantity_does_not_matter_to_tiers(self, conn: Connection) -> None:
        cluster = week(1)
        cluster.volume("shop", "data", "api", 10, 0)
        cluster.volume("shop", "data", "api", 10, 3, usage_start=DAY + timedelta(1))
        summarize(conn, cluster)
        found = price(conn, rate("storage_gb_usage_per_month", 0, tiers=((None, "0.05", 1), ("0.05", None, 2))))
        assert round(total(found, "cost_model_volume_cost"), 12) == Decimal("0.15")  # 0.05 at 1 and 0.05 at 2


class TestAmortisation:
    """A monthly price is charged in full for a day with data, and not at all for a day without."""

    def test_part_of_a_day_pays_for_the_day(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("w1", 4, 16, hours=3)
        cluster.pod("shop", "api", "w1", FLAT[:3], FLAT[:3])
        summarize(conn, cluster)
        found = price(conn, rate("node_cost_per_month", 30), rate("cluster_cost_per_month", 60))
        assert cpu(found) == 3

    def test_days_without_data_pay_nothing(self, conn: Connection) -> None:
        summarize(conn, week(3))
        assert cpu(price(conn, rate("cluster_cost_per_month", 30))) == 3

    def test_a_node_without_capacity_is_no_error(self, conn: Connection) -> None:
        cluster = week(1)
        cluster.node("broken", 0, 0)
        cluster.pod("shop", "b", "broken", FLAT, FLAT)
        for by in ("cpu", "memory"):
            again(conn, cluster)
            rates = [
                rate(m, 30)
                for m in (
                    "node_cost_per_month",
                    "node_core_cost_per_month",
                    "cluster_cost_per_hour",
                    "node_core_cost_per_hour",
                )
            ]
            found = price(conn, *rates, distribution_type=by)
            assert all(c is not None for r in found if r["monthly_cost_type"] is None and r["distributed_cost"] is None
                       for c in (r["cost_model_cpu_cost"], r["cost_model_memory_cost"], r["cost_model_volume_cost"]))  # fmt: skip


class TestClaims:
    """A claim pays once a day."""

    def test_whatever_mounts_it(self, conn: Connection) -> None:
        cluster = week(1)
        cluster.node("w2", 8, 32)
        for node, pod, tag in (("w1", "a", "1"), ("w1", "b", "1"), ("w2", "c", "2")):
            cluster.pod("shop", pod, node, FLAT, FLAT)
            cluster.volume("shop", "data", pod, 30, 12, labels={"x": tag})
        cluster.volume("other", "data", "", 30, 12)
        summarize(conn, cluster, enabled=("x",))
        found = price(conn, rate("pvc_cost_per_month", 60, "Infrastructure"), rate("pvc_cost_per_month", 30))
        costs = {
            (n, t): round(total(found, "cost_model_volume_cost", namespace=n, cost_model_rate_type=t), 12)
            for n in ("shop", "other")
            for t in ("Infrastructure", "Supplementary")
        }
        assert costs == {(n, t): v for n in ("shop", "other") for t, v in (("Infrastructure", 2), ("Supplementary", 1))}
        assert {r["monthly_cost_type"] for r in found} == {"PVC"}


class TestDistribution:
    """Cost moves only where somebody takes it."""

    def test_a_base_of_zero_leaves_the_cost(self, conn: Connection) -> None:
        cluster = week(1)
        cluster.lines["ocp_pod_days"].clear()
        cluster.pod("shop", "idle", "w1", IDLE, IDLE)
        cluster.pod("openshift-x", "x", "w1", FLAT, FLAT)
        summarize(conn, cluster)
        found = price(conn, rate("cpu_core_usage_per_hour", 1))
        assert cpu(found) == 24
        assert total(found, "distributed_cost") == 0
        assert not [r for r in found if r["distributed_cost"]]

    def test_nobody_there_leaves_the_cost(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("m1", 4, 16, role="master")
        cluster.pod("openshift-x", "x", "m1", FLAT, FLAT)
        summarize(conn, cluster)
        assert not [r for r in price(conn, rate("node_cost_per_month", 300)) if r["distributed_cost"]]

    def test_switched_off(self, conn: Connection) -> None:
        summarize(conn, week(1, cores=4))
        found = price(conn, rate("node_cost_per_month", 300), worker_cost=False)
        assert {r["cost_model_rate_type"] for r in found} == {"Supplementary"}

    def test_markup_is_part_of_the_pool_and_goes_when_it_is_removed(self, conn: Connection) -> None:
        cluster = week(1, cores=4)
        cluster.pod("openshift-x", "x", "w1", FLAT, FLAT)
        summarize(conn, cluster)
        conn.execute("UPDATE pg_temp.usage SET infrastructure_raw_cost = 10 WHERE namespace = 'openshift-x'")
        for percent, moved in (("10", 11), (None, 10)):
            found = price(conn, markup=percent)
            assert total(found, "infrastructure_markup_cost") == moved - 10
            assert total(found, "distributed_cost", namespace="shop") == moved
            assert total(found, "distributed_cost", namespace="openshift-x") == -moved

    def test_e10_unattributed_storage(self, conn: Connection) -> None:
        cluster = Cluster()
        cluster.node("w1", 8, 32)
        for namespace, cores in (("shop", 2.0), ("batch", 1.5)):
            cluster.pod(namespace, namespace, "w1", [(cores, 0, 0)] * 24, FLAT)
        summarize(conn, cluster)
        conn.execute(
            """INSERT INTO pg_temp.usage (usage_start, namespace, data_source, infrastructure_raw_cost, raw_currency)
               VALUES (%s, 'Storage unattributed', 'Storage', 0.5, 'USD')""",
            (DAY,),
        )
        found = [
            r
            for r in price(conn, markup="10", storage_unattributed=True)
            if r["cost_model_rate_type"] == "unattributed_storage"
        ]
        parts = {r["namespace"]: round(r["distributed_cost"], 14) for r in found}
        assert parts == {
            "shop": Decimal("0.31428571428571"), "batch": Decimal("0.23571428571429"), "Storage unattributed": Decimal("-0.55"),
        }  # fmt: skip

    def test_a_rerun_changes_nothing(self, conn: Connection) -> None:
        summarize(conn, week(2, cores=4))
        first = price(conn, rate("node_cost_per_month", 300), rate("cpu_core_usage_per_hour", "0.1"))

        def key(row: dict[str, Any]) -> str:
            return json.dumps(row, default=str, sort_keys=True)

        assert sorted(map(key, run(conn))) == sorted(map(key, first))

    def test_rows_carry_their_layer(self, conn: Connection) -> None:
        summarize(conn, week(1, cores=4))
        found = price(conn, rate("node_cost_per_month", 300))
        assert {(r["layer"], r["distributed_cost"] is None) for r in found} == {(1, True), (2, False)}
        assert {str(r["source_uuid"]) for r in found} == {SOURCE}
