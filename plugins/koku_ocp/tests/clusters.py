"""Small clusters for tests: line items written by hand, summarized and priced by the plugin's own templates on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from koku_core.clock import month_end, month_of
from koku_core.costing.engine import run_costs
from koku_core.database.server import Connection, rows
from koku_core.declare.columns import Column, Kind
from koku_core.declare.datasets import Dataset
from koku_core.executors.base import CONTEXT_COLUMNS
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.sql import Table, templates
from koku_core.summarize.insert import insert_select
from koku_core.summarize.publish import USAGE, make_tables, rows_of
from koku_core.summarize.staging import stage
from koku_core.summarize.tables import temporary
from koku_ocp import datasets
from koku_ocp.summarize import SUMMARY

DAY = date(2025, 6, 10)
GIB = 2**30
PLATFORM = ("openshift-%", "kube-%", "openshift", "Platform unallocated")
SOURCE = "6f5b1d4e-0000-4000-8000-000000000001"
COSTS = Table("costs", "pg_temp")

Hourly = tuple[float, float, float]


@cache
def plugin() -> ProviderPlugin:
    """The OpenShift plugin as it is installed."""
    return Plugins(("ocp",)).provider("ocp")


def exact(value: float | Decimal | str) -> Decimal:
    """A number as a person writes it, to the nine decimals of a quantity."""
    return Decimal(str(value)).quantize(Decimal("1e-9"))


@dataclass
class Cluster:
    """The line items of a small cluster."""

    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, dataset: Dataset, **values: Any) -> None:
        """Add a line item; figures that are left out are 0, labels none."""
        row: dict[str, Any] = {
            "usage_start": DAY,
            "delivery": "d1",
            "hours": -1,
            "source_uuid": SOURCE,
            "plugin_version": "0",
        }
        for column in dataset.columns:
            row[column.name] = _value(column, values.pop(column.name, None))
        row.update(values)
        self.lines.setdefault(dataset.name, []).append(row)

    def node(
        self, name: str, cores: float, gib: float, *, role: str | None = "worker", hours: float = 24, **more: Any
    ) -> None:
        """A node that is up for some hours of a day."""
        self.add(
            datasets.NODE_DAYS, node=name, node_role=role, resource_id=f"i-{name}",
            node_capacity_cpu_cores=cores, node_capacity_cpu_core_seconds=exact(cores) * exact(hours) * 3600,
            node_capacity_memory_bytes=exact(gib) * GIB, node_capacity_memory_byte_seconds=exact(gib) * GIB * exact(hours) * 3600,
            **more,
        )  # fmt: skip

    def pod(
        self, namespace: str, pod: str, node: str, cpu: Sequence[Hourly], memory: Sequence[Hourly],
        labels: Mapping[str, str] | None = None, **more: Any,
    ) -> None:  # fmt: skip
        """A pod, by hours of (usage, request, limit) in cores and GiB; effective usage is the hourly larger one, as normalized."""
        figures: dict[str, Any] = {"pod_hours": len(cpu)}
        for kind, unit, hourly, scale in (("cpu", "core", cpu, 1), ("memory", "byte", memory, GIB)):
            for place, name in enumerate(("usage", "request", "limit")):
                figures[f"pod_{name}_{kind}_{unit}_seconds"] = sum(exact(h[place]) for h in hourly) * 3600 * scale
            effective = sum(exact(max(h[0], h[1])) for h in hourly) * 3600 * scale
            figures[f"pod_effective_usage_{kind}_{unit}_seconds"] = effective
        self.add(
            datasets.POD_DAYS, namespace=namespace, pod=pod, node=node, resource_id=f"i-{node}",
            pod_labels=dict(labels or {}), **{**figures, **more},
        )  # fmt: skip

    def volume(
        self, namespace: str, claim: str, pod: str, gib: float, used: float, *, node: str | None = None, hours: float = 24,
        labels: Mapping[str, str] | None = None, **more: Any,
    ) -> None:  # fmt: skip
        """A volume as one pod mounts it for some hours."""
        self.add(
            datasets.STORAGE_DAYS, **{
                "namespace": namespace, "pod": pod, "node": node, "persistentvolumeclaim": claim, "persistentvolume": f"pv-{claim}",
                "storageclass": "gp3", "persistentvolumeclaim_labels": dict(labels or {}),
                "persistentvolumeclaim_capacity_bytes": exact(gib) * GIB,
                "persistentvolumeclaim_capacity_byte_seconds": exact(gib) * GIB * exact(hours) * 3600,
                "volume_request_storage_byte_seconds": exact(gib) * GIB * exact(hours) * 3600,
                "persistentvolumeclaim_usage_byte_seconds": exact(used) * GIB * exact(hours) * 3600, **more,
            },
        )  # fmt: skip

    def machine(
        self, namespace: str, name: str, node: str, hours: float = 24, cores: float = 1, gib: float = 2, **more: Any
    ) -> None:
        """A virtual machine on one node, as its own report tells; `vm_core_seconds_up` if its cores changed."""
        self.add(
            datasets.VM_DAYS, **{
                "namespace": namespace, "vm_name": name, "node": node, "resource_id": f"i-{node}", "last_hour": 23,
                "vm_uptime_total_seconds": exact(hours) * 3600, "vm_cpu_request_cores": cores,
                "vm_core_seconds_up": exact(hours) * exact(cores) * 3600, "vm_memory_request_bytes": exact(gib) * GIB, **more,
            },
        )  # fmt: skip

    def table(self, dataset: Dataset) -> pa.Table:
        """The line items of a dataset as the lake would give them."""
        return pa.Table.from_pylist(self.lines.get(dataset.name, []), schema=dataset.schema)


def _value(column: Column, value: Any) -> Any:
    if column.kind is Kind.LABELS:
        return json.dumps(value if value is not None else {})
    if column.kind is Kind.QUANTITY:
        return exact(value or 0)
    return value


def summarize(
    conn: Connection, cluster: Cluster, *, enabled: Sequence[str] = (), groups: Sequence[tuple[int, str]] | None = None
) -> list[dict[str, Any]]:
    """Stage a cluster and run the plugin's summarize steps; the rows made."""
    found = {(r["name"]): r["id"] for r in rows(conn, "SELECT name, id FROM cost_group")}
    if "Platform" not in found:
        made = conn.execute("INSERT INTO cost_group (name, built_in) VALUES ('Platform', true) RETURNING id").fetchone()
        found["Platform"] = made[0] if made else None
    patterns = groups if groups is not None else [(found["Platform"], p) for p in PLATFORM]
    make_tables(conn, SUMMARY, SOURCE)
    temporary(conn, COSTS.name, SUMMARY.fact.all_columns)
    tables = {d.name: Table(d.name, "pg_temp") for d in datasets.ALL}
    for dataset in datasets.ALL:
        stage(conn, dataset.name, dataset.all_columns, cluster.table(dataset))
    contexts = {
        "enabled_tag_keys": pa.table({"key": pa.array(list(enabled), pa.string())}),
        "cost_groups": pa.table(
            {
                "cost_group_id": pa.array([g for g, _ in patterns], pa.int64()),
                "pattern": pa.array([p for _, p in patterns], pa.string()),
            }
        ),
    }
    for context, columns in CONTEXT_COLUMNS.items():
        stage(conn, context.value, columns, contexts[context.value])
        tables[context.value] = Table(context.value, "pg_temp")
    month = month_of(DAY)
    values = {
        "source_uuid": SOURCE, "source_name": "test", "source_key": "cluster-1", "month_start": month,
        "month_end": month_end(month), "days_in_month": month_end(month).day, "datasets": tables,
    }  # fmt: skip
    for step in SUMMARY.steps:
        into = rows_of(SUMMARY, step.into or SUMMARY.fact)
        insert_select(conn, into, templates("koku_ocp", "postgres").render(step.template, values))
    return rows(conn, "SELECT * FROM pg_temp.usage")


def again(conn: Connection, cluster: Cluster, **options: Any) -> list[dict[str, Any]]:
    """Summarize once more in the same transaction."""
    for (name,) in conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'"
    ).fetchall():
        conn.execute(f'DROP TABLE pg_temp."{name}"')
    return summarize(conn, cluster, **options)


def rate(
    metric: str, value: float | str, cost_type: str = "Supplementary", tiers: Sequence[tuple[Any, Any, Any]] = ()
) -> dict[str, Any]:
    """A rate as price lists store it; `tiers` are (from, to, value)."""
    steps = tiers or ((None, None, value),)
    return {
        "metric": {"name": metric},
        "cost_type": cost_type,
        "tiered_rates": [
            {"value": v, "unit": "USD", "usage": {"usage_start": a, "usage_end": b, "unit": "USD"}} for a, b, v in steps
        ],
    }


def tag_rate(
    metric: str, key: str, values: Mapping[str, float | str], default: str | None = None, cost_type: str = "Supplementary"
) -> dict[str, Any]:  # fmt: skip
    """A rate by label as price lists store it; `default` is the value whose price is also that of values without one."""
    prices = [
        {"tag_value": v, "value": p, "unit": "USD", "description": "", "default": v == default} for v, p in values.items()
    ]  # fmt: skip
    return {
        "metric": {"name": metric}, "cost_type": cost_type, "custom_name": f"{metric} by {key}"[:50],
        "tag_rates": {"tag_key": key, "tag_values": prices},
    }  # fmt: skip


def attach(
    conn: Connection, lists: Sequence[tuple[date, date, Sequence[Mapping[str, Any]]]], *, distribution_type: str = "cpu",
    markup: str | None = None, **switches: bool,
) -> None:  # fmt: skip
    """Give the source a cost model with price lists (first day, last day, rates) in order of priority."""
    conn.execute("DELETE FROM cost_model")
    conn.execute(
        """INSERT INTO source (uuid, name, provider, source_type, key, credentials)
           VALUES (%s, 'test', 'ocp', 'OCP', 'cluster-1', '{}') ON CONFLICT DO NOTHING""",
        (SOURCE,),
    )
    info = {"distribution_type": distribution_type, **switches}
    made = conn.execute(
        "INSERT INTO cost_model (name, family, currency, markup, distribution) VALUES ('m', 'OCP', 'USD', %s, %s) RETURNING uuid",
        (json.dumps({"value": markup, "unit": "percent"} if markup else {}), json.dumps(info)),
    ).fetchone()
    model = made[0] if made else None
    conn.execute("INSERT INTO cost_model_source (source_uuid, cost_model_uuid) VALUES (%s, %s)", (SOURCE, model))
    for priority, (starts, ends, rates) in enumerate(lists, 1):
        conn.execute(
            """WITH l AS (INSERT INTO price_list (name, currency, starts, ends, rates) VALUES ('l', 'USD', %s, %s, %s) RETURNING uuid)
               INSERT INTO cost_model_price_list SELECT %s, uuid, %s FROM l""",
            (starts, ends, json.dumps(rates), model, priority),
        )


def price(
    conn: Connection,
    *rates: Mapping[str, Any],
    distribution_type: str = "cpu",
    markup: str | None = None,
    **switches: bool,
) -> list[dict[str, Any]]:
    """Price the summarized cluster with rates that hold for ever, and distribute; the rows made."""
    attach(
        conn,
        [(date(2000, 1, 1), date(2099, 12, 31), rates)],
        distribution_type=distribution_type,
        markup=markup,
        **switches,
    )
    return run(conn)


def run(conn: Connection) -> list[dict[str, Any]]:
    """Price and distribute with what is attached, from a clean start; the rows made."""
    conn.execute("DELETE FROM pg_temp.costs")
    run_costs(conn, plugin(), SOURCE, month_of(DAY), USAGE, COSTS)
    return rows(conn, "SELECT * FROM pg_temp.costs")


def total(found: Sequence[Mapping[str, Any]], column: str, **chosen: Any) -> Decimal:
    """The sum of a column over the rows whose columns have these values."""
    return sum((r[column] or Decimal(0) for r in found if all(r[k] == v for k, v in chosen.items())), Decimal(0))
