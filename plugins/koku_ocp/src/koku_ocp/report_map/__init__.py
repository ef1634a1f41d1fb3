"""The reports about clusters, as data: a line here is a key, a figure or a report of the API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from koku_core.declare.reports import (
    CURRENCY,
    Aggregate,
    Capacity,
    CostGroups,
    Expression,
    Figure,
    Flag,
    Key,
    Listed,
    Report,
    ReportMap,
    ResourceType,
    TagReport,
    column,
)
from koku_ocp.facts import DAILY_SUMMARY, NETWORK_ROWS, POD_ROWS, REAL, VOLUME_ROWS
from koku_ocp.lines import LINES
from koku_ocp.report_map import parts
from koku_ocp.report_map.breakdown import BREAKDOWN
from koku_ocp.report_map.gpus import GPUS, INSTANCES, MODELS, VENDORS
from koku_ocp.report_map.machines import MACHINES, VIRTUAL_MACHINES
from koku_ocp.report_map.on_clouds import ON_CLOUDS
from koku_ocp.report_map.parts import CATEGORY, CLUSTER, CLUSTERS, NODE, PROJECT, PROJECT_TEXTS, TOTAL

#: No cluster is known to run on a cloud as long as no cloud's bills are matched, so no row fulfils it.
_ON_CLOUD = Expression("cardinality({values}::text[]) < 0", ())

KEYS = (
    CLUSTER,
    PROJECT,
    NODE,
    Key("persistentvolumeclaim", column("persistentvolumeclaim"), order="persistentvolumeclaim"),
    Key("storageclass", column("storageclass"), exclude=False, order="storage_class",
        order_with=("persistentvolumeclaim", "storageclass")),
    CATEGORY,
    Key("infrastructures", choices=("aws", "azure", "gcp"), exclude_choices=("aws", "azure"), condition=_ON_CLOUD),
)  # fmt: skip


def _quantities(**columns: str) -> tuple[Aggregate, ...]:
    return tuple(Aggregate(name, column(of)) for name, of in columns.items())


def _used(unit: str, *names: str) -> tuple[Figure, ...]:
    return tuple(Figure(name, f'"{name}"', name, unit) for name in names)


_COST_DELTAS = {"cost": "cost_total", "cost_total": "cost_total", "distributed_cost": "cost_total_distributed"}
_INVENTORY_ORDERS = {
    **parts.COST_ORDERS,
    **{n: (n, ()) for n in ("usage", "request", "limit", "usage_efficiency", "wasted_cost")},
}
_INVENTORY_DELTAS = {
    **_COST_DELTAS, "cost_total_distributed": "cost_total_distributed", "usage": "usage", "request": "request"
}  # fmt: skip
_DELTA_WITH = {"distributed_cost": "project"}
_SCORE = (
    Figure("usage_efficiency", "CASE WHEN request = 0 THEN 0 ELSE round(usage / request * 100) END",
           "score.usage_efficiency_percent", integer=True),
    Figure("wasted_cost", f"CASE WHEN request = 0 THEN 0 ELSE greatest(({TOTAL}) * (1 - usage / request), 0) END",
           "score.wasted_cost", CURRENCY),
)  # fmt: skip

COSTS = Report(
    "costs",
    "What clusters cost.",
    KEYS,
    parts.cost_aggregates(*parts.MODEL_COSTS),
    parts.cost_block(
        *parts.distributions("project"),
        parts.distributed_total("project"),
    ),
    forecast=("infra_total", "sup_total", "cost_total"),
    orders=parts.COST_ORDERS,
    deltas=_COST_DELTAS,
    delta_with=_DELTA_WITH,
    lists=(CLUSTERS,),
    texts=(parts.COST_GROUP, *PROJECT_TEXTS),
    tags="all_labels",
    units={"cost_units": CURRENCY},
    flags=(
        Flag("distributed_overhead", "project",
             Expression("cost_model_rate_type IN ('platform_distributed', 'worker_distributed')", ("cost_model_rate_type",))),
    ),
    categories=parts.CATEGORIES,
)  # fmt: skip


def _inventory(
    name: str,
    doc: str,
    quantities: tuple[Aggregate, ...],
    used: tuple[Figure, ...],
    where: Expression,
    unit: str,
    size_unit: str = "",
    **more: Any,
) -> Report:
    """A report about what is used of one resource; `size_unit` is of what there is of it."""
    sizes = {"capacity_count_units": size_unit} if size_unit else {}
    return Report(
        name, doc, KEYS, quantities, used,
        where=where,
        order="usage",
        orders=_INVENTORY_ORDERS,
        deltas=_INVENTORY_DELTAS,
        compared=("usage", "request", "limit", "capacity", "distributed_cost"),
        delta_with=_DELTA_WITH,
        texts=PROJECT_TEXTS,
        units={"cost_units": CURRENCY, "usage_units": unit, **sizes},
        categories=parts.CATEGORIES,
        **{"lists": (CLUSTERS,), **more},
    )  # fmt: skip


def _pods(name: str, doc: str, quantity: str, unit: str, size: str, size_unit: str, model: str) -> Report:
    """The report about what pods use of one resource."""
    return _inventory(
        name,
        doc,
        _quantities(usage=f"pod_usage_{quantity}", request=f"pod_request_{quantity}", limit=f"pod_limit_{quantity}")
        + parts.cost_aggregates(model),
        (*_used(unit, "usage", "request", "limit"), *_SCORE, *parts.cost_block(parts.distributed_total(""))),
        Expression(POD_ROWS, ("data_source", "namespace")),
        unit,
        size_unit,
        capacity=Capacity(
            "node",
            unit,
            column(f"node_capacity_{size}"),
            size_unit,
            column(f"node_capacity_{quantity}"),
            amount=column(f"cluster_capacity_{quantity}"),
        ),
        tags="pod_labels",
        alone=("score",),
        total_names={"score": "total_score"},
    )


COMPUTE = _pods(
    "compute", "CPU that pods used, requested and were limited to, and what it cost.",
    "cpu_core_hours", "Core-Hours", "cpu_cores", "Core", "cost_model_cpu_cost",
)  # fmt: skip
MEMORY = _pods(
    "memory", "Memory that pods used, requested and were limited to, and what it cost.",
    "memory_gigabyte_hours", "GiB-Hours", "memory_gigabytes", "GiB", "cost_model_memory_cost",
)  # fmt: skip
VOLUMES = _inventory(
    "volumes",
    "Storage that volume claims used and requested, and what it cost.",
    _quantities(
        usage="persistentvolumeclaim_usage_gigabyte_months",
        request="volume_request_storage_gigabyte_months",
        capacity="persistentvolumeclaim_capacity_gigabyte_months",
    )
    + parts.cost_aggregates("cost_model_volume_cost"),
    (*_used("GiB-Mo", "usage", "request", "capacity"), *parts.cost_block()),
    Expression(VOLUME_ROWS, ("data_source", "persistentvolumeclaim")),
    "GiB-Mo",
    "GiB",
    lists=(
        CLUSTERS,
        Listed("persistent_volume_claim", column("persistentvolumeclaim"), total=True, repeated=True),
        Listed("storage_class", column("storageclass"), total=True, repeated=True),
    ),
    capacity=Capacity(
        "node",
        "GiB-Mo",
        column("persistentvolumeclaim_capacity_gigabyte"),
        "GiB",
        column("persistentvolumeclaim_capacity_gigabyte_months"),
        part_how="sum",
    ),
    tags="volume_labels",
)
NETWORK = _inventory(
    "network",
    "What the cloud that clusters run on bills for their traffic with the world.",
    _quantities(data_in="infrastructure_data_in_gigabytes", data_out="infrastructure_data_out_gigabytes")
    + parts.cost_aggregates(*parts.MODEL_COSTS),
    (
        Figure("usage", "data_in + data_out", "usage", "GB"),
        Figure("data_transfer_in", "data_in", "data_transfer_in", "GB"),
        Figure("data_transfer_out", "data_out", "data_transfer_out", "GB"),
        *parts.cost_block(),
    ),
    Expression(NETWORK_ROWS, ("namespace",)),
    "GB",
    tags="all_labels",
)

#: Tag tables keep namespaces, not cost groups.
_IN_GROUP = Expression(
    """EXISTS (SELECT FROM cost_group JOIN cost_group_pattern ON cost_group.id = cost_group_id, unnest({values}::text[]) AS part
               WHERE namespace LIKE pattern AND position(part IN lower(name)) > 0)""",
    ("namespace",),
)
TAGS = TagReport(
    keys=(CLUSTER, PROJECT, replace(NODE, filter=False, exclude=False), Key("category", condition=_IN_GROUP)),
    types=("pod", "storage"),
)

#: No cluster is known to run on a cloud as long as no cloud's bills are matched.
_CLOUDS = dict.fromkeys(("aws", "azure", "gcp", "all_cloud"), Expression("false", ()))
RESOURCE_TYPES = (
    ResourceType("clusters", CLUSTER, alias=("cluster_alias", parts.ALIAS), switches=_CLOUDS),
    ResourceType("nodes", NODE, (CLUSTER,), switches=_CLOUDS),
    ResourceType("projects", PROJECT, (CLUSTER,), switches=_CLOUDS),
    MACHINES,
    VENDORS,
    MODELS,
)  # fmt: skip
COST_GROUPS = CostGroups(
    PROJECT,
    Key("cluster", parts.ALIAS),
    # of what runs: a project that has labels alone may have a price, but nothing to be grouped
    Expression(
        f"{REAL} AND namespace <> 'GPU unallocated' AND cost_model_rate_type IS NULL",
        ("namespace", "cost_model_rate_type"),
    ),
)

REPORT_MAP = ReportMap(
    DAILY_SUMMARY,
    (COSTS, COMPUTE, MEMORY, VOLUMES, NETWORK, VIRTUAL_MACHINES, GPUS, INSTANCES, *ON_CLOUDS),
    TAGS,
    currency="raw_currency",
    resource_types=RESOURCE_TYPES,
    cost_groups=COST_GROUPS,
    lines=LINES,
    breakdowns=(BREAKDOWN,),
)
