"""Costs by rate: whatever the cluster and its cost model, they are the same costs, and what is moved is moved rate by rate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.koku_ocp.tests.clusters import (
    COSTS,
    DAY,
    SOURCE,
    Cluster,
    attach,
    plugin,
    rate,
    summarize,
    tag_rate,
    total,
)
from plugins.koku_ocp.tests.test_conservation import KEYS, NODES, clusters, sums
from plugins.koku_ocp.tests.test_gpus import have, use

from koku_core.clock import month_of
from koku_core.costing.by_rate import fill_by_rate
from koku_core.costing.engine import run_costs
from koku_core.database.server import Connection, rows
from koku_core.sql import Table
from koku_core.summarize.publish import USAGE
from koku_core.summarize.tables import temporary
from koku_ocp.cost_model import METRICS, TOLD
from koku_ocp.facts import COST_BY_RATE

EVER = (date(2000, 1, 1), date(2099, 12, 31))
FULL, IDLE = [(1.0, 1.0, 1.0)] * 24, [(0.0, 0.0, 0.0)] * 24
FIGURES = [c.name for c in COST_BY_RATE.columns if c.name.endswith("_cost")]
TYPE = "cost_model_rate_type"
WORKER = "Worker unallocated"
SWITCHES = ("platform_cost", "worker_cost", "storage_unattributed", "network_unattributed", "gpu_unallocated")
Rows = list[dict[str, Any]]


def told(conn: Connection) -> tuple[Rows, Rows]:
    """Price what is summarized with what is attached: the rows of the fact, and those by rate."""
    into = Table("told_by_rate", "pg_temp")
    conn.execute("DELETE FROM pg_temp.costs")
    conn.execute("DROP TABLE IF EXISTS pg_temp.told_by_rate")
    temporary(conn, into.name, COST_BY_RATE.all_columns)
    costed = run_costs(conn, plugin(), SOURCE, month_of(DAY), USAGE, COSTS)
    fill_by_rate(conn, TOLD, COST_BY_RATE, SOURCE, costed, into)
    return rows(conn, "SELECT * FROM pg_temp.costs"), rows(conn, "SELECT * FROM pg_temp.told_by_rate")


def small() -> Cluster:
    """A worker of 4 cores with a project, and a namespace of the platform on it; a quarter is in use."""
    cluster = Cluster()
    cluster.node("w1", 4, 16)
    cluster.pod("shop", "api", "w1", [(0.5, 0, 0)] * 24, FULL)
    cluster.pod("openshift-x", "x", "w1", [(0.5, 0, 0)] * 24, FULL)
    return cluster


class TestWhatIsTold:
    """Which rate, which overhead, how much."""

    def test_a_projects_own_rates_and_its_overheads_by_rate(self, conn: Connection) -> None:
        summarize(conn, small())
        named = [rate("node_cost_per_month", 120, "Infrastructure") | {"custom_name": "node"},
                 rate("cpu_core_usage_per_hour", "0.5") | {"custom_name": "use"}]  # fmt: skip
        attach(conn, [(*EVER, named)])
        _, found = told(conn)
        shop = {(r[TYPE], r["rate_name"]): sum(r[f] or 0 for f in FIGURES) for r in found if r["namespace"] == "shop"}
        # the node is 4 a day: half a core of four, as much for the platform, and three cores that nobody uses
        assert shop == {
            ("Infrastructure", "node"): Decimal("0.5"), ("Supplementary", "use"): 6,
            ("platform_distributed", "node"): Decimal("0.5"), ("platform_distributed", "use"): 6,
            ("worker_distributed", "node"): 3, ("worker_distributed", "use"): 36,
        }  # fmt: skip
        kinds = {(r["rate_name"], r["metric"], r["rate_type"]) for r in found}
        assert kinds == {
            ("node", "node_cost_per_month", "Infrastructure"),
            ("use", "cpu_core_usage_per_hour", "Supplementary"),
        }
        assert total(found, "distributed_cost", namespace=WORKER, rate_name="node") == -3

    def test_raw_cost_and_markup_are_rates_too(self, conn: Connection) -> None:
        summarize(conn, small())
        conn.execute(
            "UPDATE pg_temp.usage SET infrastructure_raw_cost = 10, raw_currency = 'EUR' WHERE namespace = 'openshift-x'"
        )
        attach(conn, [(*EVER, [])], markup="10")
        _, found = told(conn)
        parts = {(r["namespace"], r["rate_name"], r["metric"]): r["distributed_cost"] for r in found if r["layer"] == 2}
        assert parts == {
            ("shop", "Raw", "raw"): 10, ("shop", "Markup", "markup"): 1,
            ("openshift-x", "Raw", "raw"): -10, ("openshift-x", "Markup", "markup"): -1,
        }  # fmt: skip
        own = {r["rate_name"]: (r["raw_currency"], r["price_list"]) for r in found if r["layer"] == 1}
        assert own == {"Raw": ("EUR", None), "Markup": ("EUR", None)}

    def test_the_price_list_of_each_day(self, conn: Connection) -> None:
        cluster = Cluster()
        for day in (DAY, DAY + timedelta(1)):
            cluster.node("w1", 4, 16, usage_start=day)
            cluster.pod("shop", "api", "w1", FULL, FULL, usage_start=day)
        summarize(conn, cluster)
        prices = [rate("cpu_core_usage_per_hour", 1)]
        attach(conn, [(EVER[0], DAY, prices), (DAY + timedelta(1), EVER[1], prices)])
        conn.execute("UPDATE price_list SET version = 7, name = 'first' WHERE starts = %s", (EVER[0],))
        _, found = told(conn)
        lists = {r["uuid"]: (r["name"], r["version"]) for r in rows(conn, "SELECT uuid, name, version FROM price_list")}
        of_day = {(r["usage_start"], lists[r["price_list"]], r["price_list_version"]) for r in found}
        assert of_day == {(DAY, ("first", 7), 7), (DAY + timedelta(1), ("l", 1), 1)}
        assert {r["layer"] for r in found} == {1, 2}

    def test_rates_of_opposite_sign_are_handed_on_though_they_cancel_out(self, conn: Connection) -> None:
        summarize(conn, small())
        conn.execute("UPDATE pg_temp.usage SET infrastructure_raw_cost = -6 WHERE namespace = 'openshift-x'")
        attach(conn, [(*EVER, [rate("cpu_core_usage_per_hour", "0.5")])], worker_cost=False)
        costs, found = told(conn)
        assert not [r for r in costs if r["distributed_cost"]]
        parts = {(r["namespace"], r["metric"]): r["distributed_cost"] for r in found if r["layer"] == 2}
        assert parts == {("shop", "raw"): -6, ("shop", "cpu_core_usage_per_hour"): 6,
                         ("openshift-x", "raw"): 6, ("openshift-x", "cpu_core_usage_per_hour"): -6}  # fmt: skip


def test_what_is_taken_away_takes_its_cost_along(conn: Connection) -> None:
    summarize(conn, small())
    conn.execute("UPDATE pg_temp.usage SET infrastructure_raw_cost = 10 WHERE namespace = 'shop'")
    prices = [rate("node_cost_per_month", 120), rate("cpu_core_usage_per_hour", 1)]
    attach(conn, [(*EVER, prices)], markup="10")
    both, _ = told(conn)
    assert total(both, "infrastructure_markup_cost") == 1
    attach(conn, [(*EVER, prices[:1])])
    one, found = told(conn)
    assert total(one, "infrastructure_markup_cost") == 0
    assert {r["metric"] for r in found} == {"node_cost_per_month", "raw"}
    conn.execute("DELETE FROM cost_model")
    costs, found = told(conn)
    assert costs == []
    assert {r["metric"] for r in found} == {"raw"}


values = st.decimals("0", "9999", places=4).map(str)


@st.composite
def model_rates(draw: st.DrawFn) -> Rows:
    """Rates of any metrics: by tiers or by label, of both cost types, several of one metric."""
    made: Rows = []
    for metric in draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=6)):
        cost_type = draw(st.sampled_from(("Infrastructure", "Supplementary")))
        if metric.tags and (not metric.tiered or draw(st.booleans())):
            prices = draw(st.dictionaries(st.sampled_from(("a", "b", "A100")), values, min_size=1))
            default = draw(st.one_of(st.none(), st.sampled_from(sorted(prices))))
            key = "nvidia" if metric.name.startswith("gpu") else draw(st.sampled_from(KEYS))
            made.append(tag_rate(metric.name, key, prices, default, cost_type))
        else:
            cut = draw(st.integers(1, 30))
            made.append(rate(metric.name, 0, cost_type, ((None, cut, draw(values)), (cut, None, draw(values)))))
        made[-1]["custom_name"] = f"rate {len(made)}"
    return made


@st.composite
def whole_clusters(draw: st.DrawFn) -> Cluster:
    """A random cluster that has machines and GPUs as well."""
    cluster = draw(clusters())
    if draw(st.booleans()):
        cluster.machine("shop", "vm", "n1", hours=draw(st.integers(1, 24)), cores=draw(st.integers(1, 8)))
        cluster.pod("shop", "virt-launcher-vm", "n1", [(1, 1, 1)], FULL[:1], {"vm_kubevirt_io_name": "vm", "env": "a"})
    if draw(st.booleans()):
        node = draw(st.sampled_from(NODES))
        have(cluster, "A100", 2, draw(st.integers(1, 24)), node=node)
        for number in range(draw(st.integers(1, 2))):
            uuid, namespace = f"GPU-{number}", draw(st.sampled_from(("shop", "openshift-etcd")))
            use(cluster, namespace, "A100", draw(st.integers(1, 12)), node=node, uuid=uuid)
    return cluster


bills = st.lists(
    st.tuples(st.sampled_from(("shop", "openshift-etcd", WORKER, "Storage unattributed", "Network unattributed")),
              st.decimals("-50", "500", places=9)), max_size=4, unique_by=lambda bill: bill[0],
)  # fmt: skip


def bill(conn: Connection, found: Sequence[tuple[str, Decimal]]) -> None:
    """Give namespaces raw cost of a cloud."""
    for namespace, amount in found:
        conn.execute(
            """INSERT INTO pg_temp.usage (usage_start, usage_end, namespace, node, data_source, infrastructure_raw_cost, cost_category_id)
               SELECT %(day)s, %(day)s, %(namespace)s, 'n1', 'Pod', %(amount)s,
                      CASE WHEN %(namespace)s LIKE 'openshift-%%' THEN (SELECT id FROM cost_group WHERE name = 'Platform') END""",
            {"day": DAY, "namespace": namespace, "amount": amount},
        )


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    cluster=whole_clusters(), prices=model_rates(), by=st.sampled_from(("cpu", "memory")), raw=bills,
    markup=st.one_of(st.none(), st.decimals("-50", "200", places=4)), off=st.sets(st.sampled_from(SWITCHES), max_size=2),
)  # fmt: skip
def test_any_model_on_any_cluster(
    conn: Connection, cluster: Cluster, prices: Rows, by: str, raw: list[tuple[str, Decimal]], markup: Decimal | None, off: set[str]
) -> None:  # fmt: skip
    """HV4, HV5, HV6, and that costs by rate are the same costs, to the last digit, in whatever order rows of usage come."""
    with conn.transaction(force_rollback=True):
        summarize(conn, cluster, enabled=KEYS)
        bill(conn, raw)
        usage = rows(conn, "SELECT * FROM pg_temp.usage")
        switches = {name: name not in off for name in SWITCHES}
        attach(conn, [(*EVER, prices)], distribution_type=by, markup=str(markup) if markup else None, **switches)
        costs, found = told(conn)
        _same_costs([*usage, *costs], found)
        moved = [r for r in found if r["layer"] == 2]
        for keys in (("usage_start", TYPE), ("usage_start", TYPE, "rate_name", "metric", "rate_type")):
            assert set(sums(moved, "distributed_cost", *keys).values()) <= {0}
        _given_whole_or_not_at_all(found)
        conn.execute("UPDATE pg_temp.usage SET usage_row = -usage_row")  # as if they had come the other way round
        again = told(conn)
        assert [sorted(map(_text, r)) for r in again] == [sorted(map(_text, r)) for r in (costs, found)]


def _same_costs(fact: Sequence[Mapping[str, Any]], by_rate: Sequence[Mapping[str, Any]]) -> None:
    keys = ("usage_start", "namespace", "node", "cost_category_id", TYPE, "raw_currency")
    for figure in FIGURES:
        one, other = ({k: v for k, v in sums(r, figure, *keys).items() if v} for r in (fact, by_rate))
        assert one == other, figure


def _given_whole_or_not_at_all(found: Sequence[Mapping[str, Any]]) -> None:
    """Whoever hands on cost of a rate hands on all of it, once: raw cost, markup and prices."""
    keys = ("usage_start", "namespace", "node", "rate_name", "metric", "rate_type")
    own: dict[tuple[Any, ...], Decimal] = {}
    for row in found:
        if row["layer"] == 1:
            key = tuple(row[k] for k in keys)
            own[key] = own.get(key, Decimal(0)) + sum((row[f] or 0 for f in FIGURES), Decimal(0))
    platform = [r for r in found if r["cost_category_id"] is not None and r["namespace"] != "GPU unallocated"]
    handed = sums([r for r in platform if r[TYPE] == "platform_distributed"], "distributed_cost", *keys)
    assert all(own.get(key) == -part for key, part in handed.items() if part)


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, default=str, sort_keys=True)
