"""Prices by label where keys are mapped: they see the parent's key, on pods, volumes and namespaces, and nothing counts twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.clusters import Cluster, price, summarize, tag_rate, total

from koku_core.database.server import Connection, rows
from koku_core.summarize.mapping import apply_mappings
from koku_core.summarize.publish import rows_of
from koku_ocp import datasets
from koku_ocp.summarize import SUMMARY

KEYS = ("environment", "env", "stage", "team", "squad")
BUSY = [(1.0, 1.0, 1.0)] * 24


@pytest.fixture(autouse=True)
def mapped(conn: Connection) -> None:
    """`env` and `stage` are mapped to `environment`, `squad` to `team`."""
    for key in KEYS:
        conn.execute("INSERT INTO tag_key (family, key, enabled) VALUES ('OCP', %s, true)", (key,))
    for child, parent in (("env", "environment"), ("stage", "environment"), ("squad", "team")):
        conn.execute(
            """INSERT INTO tag_mapping (child, parent)
               SELECT c.uuid, p.uuid FROM tag_key c, tag_key p WHERE (c.key, p.key) = (%s, %s)""", (child, parent),
        )  # fmt: skip


def mapped_usage(conn: Connection, cluster: Cluster, **options: Any) -> list[dict[str, Any]]:
    """The rows of the daily summary as a publication makes them."""
    summarize(conn, cluster, enabled=KEYS, **options)
    for fact in SUMMARY.summarized:
        apply_mappings(conn, fact, "OCP", rows_of(SUMMARY, fact))
    return rows(conn, "SELECT * FROM pg_temp.usage")


def pods(*labels: dict[str, str]) -> Cluster:
    """A node of 10 cores with a pod of one core for each of some labels."""
    cluster = Cluster()
    cluster.node("w1", 10, 40)
    for place, each in enumerate(labels):
        cluster.pod(f"n{place}", "pod", "w1", BUSY, BUSY, each)
    return cluster


def cpu(conn: Connection, *rates: Any) -> list[Decimal]:
    found = price(conn, *rates, platform_cost=False, worker_cost=False)
    return [total(found, "cost_model_cpu_cost", namespace=f"n{place}") for place in range(4)]


def test_children_pay_the_price_of_their_parent(conn: Connection) -> None:
    mapped_usage(conn, pods({"environment": "prod"}, {"env": "prod"}, {"stage": "test"}, {"team": "prod"}))
    assert cpu(conn, tag_rate("cpu_core_usage_per_hour", "environment", {"prod": 1, "x": 2}, "x")) == [24, 24, 48, 0]
    assert cpu(conn, tag_rate("cpu_core_usage_per_hour", "env", {"prod": 1, "x": 2}, "x")) == [0, 0, 0, 0]


def test_a_row_with_children_of_two_parents_keeps_both(conn: Connection) -> None:
    """The reference drops the children of every parent as soon as a row has one parent's own key (HU5)."""
    found = mapped_usage(
        conn, pods({"environment": "prod", "env": "test", "squad": "red"}, {"env": "a", "stage": "b", "squad": "red"})
    )
    labels = {r["namespace"]: r["pod_labels"] for r in found}
    assert labels["n0"] == {"environment": "prod", "team": "red"}
    assert labels["n1"] == {"environment": "a", "team": "red"}
    rates = (
        tag_rate("cpu_core_usage_per_hour", "team", {"red": 1}),
        tag_rate("cpu_core_usage_per_hour", "environment", {"prod": 10, "a": 100}),
    )
    assert cpu(conn, *rates) == [24 * 11, 24 * 101, 0, 0]


def test_volumes_and_namespaces_are_mapped_too(conn: Connection) -> None:
    cluster = pods({})
    cluster.volume("n0", "data", "pod", 30, 30, labels={"stage": "gold"})
    for namespace in ("n0", "empty"):
        cluster.add(
            datasets.NAMESPACE_LABEL_DAYS,
            namespace=namespace,
            namespace_labels={"squad": "red"},
            last_hour=23,
            label_hours=24,
        )
    mapped_usage(conn, cluster)
    rates = [
        tag_rate("pvc_cost_per_month", "environment", {"gold": 60}), tag_rate("project_per_month", "team", {"red": 30}),
        tag_rate("storage_gb_usage_per_month", "environment", {"gold": 1}),
    ]  # fmt: skip
    found = price(conn, *rates, platform_cost=False, worker_cost=False)
    assert total(found, "cost_model_volume_cost", monthly_cost_type="PVC") == 2
    assert total(found, "cost_model_volume_cost", monthly_cost_type="Tag") == 1
    assert {r["namespace"]: r["cost_model_cpu_cost"] for r in found if r["cost_model_cpu_cost"]} == {
        "n0": 1,
        "empty": 1,
    }
    labels = {r["namespace"]: r["all_labels"] for r in found if r["data_source"] == "Pod"}
    assert labels == {"n0": {"team": "red"}, "empty": {"team": "red"}}


def test_a_namespace_of_two_patterns_is_priced_once(conn: Connection) -> None:
    """The reference counts what two patterns of cost groups match twice (HM3)."""
    cluster = pods({"env": "prod"})
    cluster.add(
        datasets.NAMESPACE_LABEL_DAYS, namespace="n0", namespace_labels={"team": "red"}, last_hour=23, label_hours=24
    )
    mapped_usage(conn, cluster, groups=[(1, "n%"), (2, "n0"), (1, "%")])
    rates = (
        tag_rate("cpu_core_usage_per_hour", "environment", {"prod": 1}),
        tag_rate("project_per_month", "team", {"red": 30}),
    )
    assert cpu(conn, *rates) == [24 + 1, 0, 0, 0]
