"""The report about virtual machines, and the list of them, as data."""

from __future__ import annotations

from dataclasses import replace

from koku_core.declare.reports import (
    CURRENCY,
    Aggregate,
    Expression,
    Figure,
    Key,
    Listed,
    Report,
    ResourceType,
    Text,
    column,
)
from koku_ocp.facts import VM_ROWS
from koku_ocp.report_map import parts
from koku_ocp.report_map.parts import ALIAS, CLUSTER, MODEL_COSTS, NARROWING, NODE, PROJECT

_ROWS = Expression(VM_ROWS, ("vm_name",))
_VM = Key("vm_name", column("vm_name"), order="vm_name", exclude_operators=False)


def _within(key: Key) -> Key:
    """A key that machines are filtered by, and never grouped."""
    return replace(key, value=None, search=key.searched, order="")


#: A claim on a day and node; costs of claims have no amounts.
_CLAIM = Expression(
    """CASE WHEN persistentvolumeclaim IS NOT NULL AND cost_model_rate_type IS NULL THEN jsonb_build_array(
         persistentvolumeclaim, storageclass, persistentvolumeclaim_usage_gigabyte_months,
         persistentvolumeclaim_capacity_gigabyte_months, usage_start, cluster_id, namespace, node)::text END""",
    (
        "persistentvolumeclaim", "storageclass", "persistentvolumeclaim_usage_gigabyte_months",
        "persistentvolumeclaim_capacity_gigabyte_months", "usage_start", "cluster_id", "namespace", "node", "cost_model_rate_type",
    ),
)  # fmt: skip
_CLAIMS = """
    (SELECT coalesce(json_agg(json_build_object('pvc_name', claim, 'storage_class', class, 'usage', used, 'capacity', capacity,
                                                  'usage_units', 'GiB-Mo') ORDER BY claim, class), '[]')
     FROM (SELECT claim, class, max(used) AS used, max(capacity) AS capacity
           FROM (SELECT c ->> 0 AS claim, c ->> 1 AS class, sum((c ->> 2)::numeric) AS used, sum((c ->> 3)::numeric) AS capacity
                 FROM (SELECT cast(v AS jsonb) AS c FROM unnest({values}) AS v) AS rows GROUP BY c ->> 0, c ->> 1, c ->> 4) AS days
           GROUP BY claim, class) AS claims)"""
#: Pods' labels stand before those that only claims have.
_LABELS = Expression(
    """CASE WHEN vm_labels <> '{}' THEN (CASE WHEN persistentvolumeclaim IS NULL THEN '1' ELSE '2' END) || vm_labels::text END""",
    ("vm_labels", "persistentvolumeclaim"),
)
_TAGS = """
    (SELECT coalesce(json_agg(json_build_object('key', key, 'values', found)
                               ORDER BY place, octet_length(key), key COLLATE "C"), '[]')
     FROM (SELECT key, min(left(v, 1)) AS place, jsonb_agg(DISTINCT value ORDER BY value) AS found
           FROM unnest({values}) AS v, jsonb_each_text(cast(substr(v, 2) AS jsonb)) GROUP BY key) AS tags)"""


def _request(name: str, of: str, unit: str) -> tuple[Aggregate, Figure]:
    """What machines request: of each the most of a day, added up where several of one name are shown as one."""
    figure = Figure(f"request_{name}", f"request_{name}", f"request.{name}", unit, unit_of_nothing=False)
    return Aggregate(figure.name, column(of), how="each", per=("namespace",)), figure


_CPU, _CPU_FIGURE = _request("cpu", "vm_request_cpu_cores", "Core")
_MEMORY, _MEMORY_FIGURE = _request("memory", "vm_request_memory_gigabytes", "GiB")

VIRTUAL_MACHINES = Report(
    "resources/virtual-machines",
    "The virtual machines of a month, what they request and what they cost.",
    (*map(_within, (CLUSTER, PROJECT, NODE)), _VM),
    (*parts.cost_aggregates(*MODEL_COSTS), _CPU, _MEMORY),
    (*parts.cost_block(*parts.distributions(""), parts.distributed_total("")), _CPU_FIGURE, _MEMORY_FIGURE),
    where=_ROWS,
    orders={
        **parts.COST_ORDERS, "distributed_cost": ("cost_total_distributed", ()),
        **{n: (n, ()) for n in ("cluster", "project", "node", "request_cpu", "request_memory")},
    },
    lists=(Listed("storage", _CLAIM, shown=_CLAIMS), Listed("tags", _LABELS, shown=_TAGS)),
    texts=(
        Text("cluster", "vm_name", ALIAS),
        Text("node", "vm_name", column("node")),
        Text("project", "vm_name", column("namespace")),
    ),
    tags="vm_labels",
    units={"cost_units": CURRENCY, "request_cpu_units": "Core", "request_memory_units": "GiB"},
    within="vm_name",
    inventory=True,
)  # fmt: skip

_NAME = Key("vm_name", column("vm_name"))
MACHINES = ResourceType("virtual-machines", _NAME, (CLUSTER, PROJECT), where=_ROWS, counted=False, narrowing=NARROWING)
