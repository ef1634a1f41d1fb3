"""The reports about clusters, as data: a line here is a key, a figure or a report of the API."""

from __future__ import annotations

from dataclasses import replace

from koku_core.declare.reports import (
    CURRENCY,
    Aggregate,
    Capacity,
    Categories,
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
    Text,
    column,
)
from koku_ocp import gpu_reports, on_clouds
from koku_ocp.breakdown import breakdown
from koku_ocp.facts import DAILY_SUMMARY, NETWORK_ROWS, POD_ROWS, REAL, VOLUME_ROWS
from koku_ocp.lines import LINES
from koku_ocp.machine_reports import MACHINES, VIRTUAL_MACHINES
from koku_ocp.report_parts import (
    ALIAS,
    CLUSTER,
    COST_ORDERS,
    MODEL_COSTS,
    NODE,
    PROJECT,
    TOTAL,
    cost_aggregates,
    cost_block,
    distributed_total,
    distributions,
)

_GROUP_NAME = Expression("(SELECT name FROM cost_group WHERE id = cost_category_id)", ("cost_category_id",))
#: No cluster is known to run on a cloud as long as no cloud's bills are matched, so no row fulfils it.
_ON_CLOUD = Expression("cardinality({values}::text[]) < 0", ())

CATEGORY = Key("category", search=(_GROUP_NAME,))
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

CLUSTERS = Listed("clusters", ALIAS)
CLASSIFICATION = Text("classification", "project", of_group="""
    CASE WHEN {value} LIKE 'openshift-%' OR {value} LIKE 'kube-%' OR {value} = 'openshift' THEN 'default'
         WHEN {value} IN ('Platform unallocated', 'Worker unallocated', 'GPU unallocated') THEN 'unallocated'
         WHEN {value} IN ('Storage unattributed', 'Network unattributed') THEN 'unattributed'
         ELSE 'project' END""")  # fmt: skip
DEFAULT_PROJECT = Text("default_project", "project", ranked=True, others="False")
COST_GROUP = Text(
    "cost_group",
    "project",
    column("cost_category_id"),
    shown="(SELECT name FROM cost_group WHERE id = {value})",
    ranked_null=0,
)
CATEGORIES = Categories("project", _GROUP_NAME, "cost_group")


def _quantities(**columns: str) -> tuple[Aggregate, ...]:
    return tuple(Aggregate(name, column(of)) for name, of in columns.items())


def _used(unit: str, *names: str) -> tuple[Figure, ...]:
    return tuple(Figure(name, f'"{name}"', name, unit) for name in names)


_COST_DELTAS = {"cost": "cost_total", "cost_total": "cost_total", "distributed_cost": "cost_total_distributed"}
_INVENTORY_ORDERS = {
    **COST_ORDERS,
    **{n: (n, ()) for n in ("usage", "request", "limit", "usage_efficiency", "wasted_cost")},
}
_INVENTORY_DELTAS = {
    **_COST_DELTAS, "cost_total_distributed": "cost_total_distributed", "usage": "usage", "request": "request"
}  # fmt: skip
_COMPARED = ("usage", "request", "limit", "capacity", "distributed_cost")
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
    cost_aggregates(*MODEL_COSTS),
    cost_block(
        *distributions("project"),
        distributed_total("project"),
    ),
    forecast=("infra_total", "sup_total", "cost_total"),
    orders=COST_ORDERS,
    deltas=_COST_DELTAS,
    delta_with=_DELTA_WITH,
    lists=(CLUSTERS,),
    texts=(COST_GROUP, CLASSIFICATION, DEFAULT_PROJECT),
    tags="all_labels",
    units={"cost_units": CURRENCY},
    flags=(
        Flag("distributed_overhead", "project",
             Expression("cost_model_rate_type IN ('platform_distributed', 'worker_distributed')", ("cost_model_rate_type",))),
    ),
    categories=CATEGORIES,
)  # fmt: skip


def _pods(name: str, doc: str, quantity: str, unit: str, size: str, size_unit: str, model: str) -> Report:
    """The report about what pods use of one resource."""
    return Report(
        name,
        doc,
        KEYS,
        _quantities(usage=f"pod_usage_{quantity}", request=f"pod_request_{quantity}", limit=f"pod_limit_{quantity}")
        + cost_aggregates(model),
        (*_used(unit, "usage", "request", "limit"), *_SCORE, *cost_block(distributed_total(""))),
        where=Expression(POD_ROWS, ("data_source", "namespace")),
        order="usage",
        orders=_INVENTORY_ORDERS,
        deltas=_INVENTORY_DELTAS,
        compared=_COMPARED,
        delta_with=_DELTA_WITH,
        lists=(CLUSTERS,),
        texts=(CLASSIFICATION, DEFAULT_PROJECT),
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
        units={"cost_units": CURRENCY, "usage_units": unit, "capacity_count_units": size_unit},
        categories=CATEGORIES,
    )


COMPUTE = _pods(
    "compute", "CPU that pods used, requested and were limited to, and what it cost.",
    "cpu_core_hours", "Core-Hours", "cpu_cores", "Core", "cost_model_cpu_cost",
)  # fmt: skip
MEMORY = _pods(
    "memory", "Memory that pods used, requested and were limited to, and what it cost.",
    "memory_gigabyte_hours", "GiB-Hours", "memory_gigabytes", "GiB", "cost_model_memory_cost",
)  # fmt: skip
VOLUMES = Report(
    "volumes",
    "Storage that volume claims used and requested, and what it cost.",
    KEYS,
    _quantities(
        usage="persistentvolumeclaim_usage_gigabyte_months",
        request="volume_request_storage_gigabyte_months",
        capacity="persistentvolumeclaim_capacity_gigabyte_months",
    )
    + cost_aggregates("cost_model_volume_cost"),
    (*_used("GiB-Mo", "usage", "request", "capacity"), *cost_block()),
    where=Expression(VOLUME_ROWS, ("data_source", "persistentvolumeclaim")),
    order="usage",
    orders=_INVENTORY_ORDERS,
    deltas=_INVENTORY_DELTAS,
    compared=_COMPARED,
    delta_with=_DELTA_WITH,
    lists=(
        CLUSTERS,
        Listed("persistent_volume_claim", column("persistentvolumeclaim"), total=True, repeated=True),
        Listed("storage_class", column("storageclass"), total=True, repeated=True),
    ),
    texts=(CLASSIFICATION, DEFAULT_PROJECT),
    capacity=Capacity(
        "node",
        "GiB-Mo",
        column("persistentvolumeclaim_capacity_gigabyte"),
        "GiB",
        column("persistentvolumeclaim_capacity_gigabyte_months"),
        part_how="sum",
    ),
    tags="volume_labels",
    units={"cost_units": CURRENCY, "usage_units": "GiB-Mo", "capacity_count_units": "GiB"},
    categories=CATEGORIES,
)

NETWORK = Report(
    "network",
    "What the cloud that clusters run on bills for their traffic with the world.",
    KEYS,
    (
        *_quantities(data_in="infrastructure_data_in_gigabytes", data_out="infrastructure_data_out_gigabytes"),
        *cost_aggregates(*MODEL_COSTS),
    ),
    (
        Figure("usage", "data_in + data_out", "usage", "GB"),
        Figure("data_transfer_in", "data_in", "data_transfer_in", "GB"),
        Figure("data_transfer_out", "data_out", "data_transfer_out", "GB"),
        *cost_block(),
    ),
    where=Expression(NETWORK_ROWS, ("namespace",)),
    order="usage",
    orders=_INVENTORY_ORDERS,
    deltas=_INVENTORY_DELTAS,
    compared=_COMPARED,
    delta_with=_DELTA_WITH,
    lists=(CLUSTERS,),
    texts=(CLASSIFICATION, DEFAULT_PROJECT),
    tags="all_labels",
    units={"cost_units": CURRENCY, "usage_units": "GB"},
    categories=CATEGORIES,
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
    ResourceType("clusters", CLUSTER, alias=("cluster_alias", ALIAS), switches=_CLOUDS),
    ResourceType("nodes", NODE, (CLUSTER,), switches=_CLOUDS),
    ResourceType("projects", PROJECT, (CLUSTER,), switches=_CLOUDS),
    MACHINES,
    *gpu_reports.resource_types(CLUSTER, PROJECT),
)  # fmt: skip
COST_GROUPS = CostGroups(
    PROJECT,
    Key("cluster", ALIAS),
    # of what runs: a project that has labels alone may have a price, but nothing to be grouped
    Expression(
        f"{REAL} AND namespace <> 'GPU unallocated' AND cost_model_rate_type IS NULL",
        ("namespace", "cost_model_rate_type"),
    ),
)
GPUS = gpu_reports.reports(CLUSTER, PROJECT, NODE, CLUSTERS, (CLASSIFICATION, DEFAULT_PROJECT))
ON_CLOUDS = on_clouds.reports(CLUSTER, PROJECT, NODE, (CLUSTERS,), (CLASSIFICATION, DEFAULT_PROJECT))

REPORT_MAP = ReportMap(
    DAILY_SUMMARY,
    (COSTS, COMPUTE, MEMORY, VOLUMES, NETWORK, VIRTUAL_MACHINES, *GPUS, *ON_CLOUDS),
    TAGS,
    currency="raw_currency",
    resource_types=RESOURCE_TYPES,
    cost_groups=COST_GROUPS,
    lines=LINES,
    breakdowns=(breakdown(CATEGORY, CLUSTERS, CATEGORIES, COST_GROUP, CLASSIFICATION, DEFAULT_PROJECT),),
)
