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
from koku_ocp.facts import DAILY_SUMMARY, POD_ROWS, REAL, VOLUME_ROWS

_RATE_TYPE = ("cost_model_rate_type",)
_GROUP_NAME = Expression("(SELECT name FROM cost_group WHERE id = cost_category_id)", ("cost_category_id",))
_ALIAS = Expression("coalesce(cluster_alias, cluster_id)", ("cluster_alias", "cluster_id"))
#: No cluster is known to run on a cloud as long as no cloud's bills are matched, so no row fulfils it.
_ON_CLOUD = Expression("cardinality({values}::text[]) < 0", ())

CLUSTER = Key("cluster", column("cluster_id"), (column("cluster_alias"), column("cluster_id")),
              order="cluster", access="openshift.cluster")  # fmt: skip
PROJECT = Key("project", column("namespace"), order="project", access="openshift.project")
NODE = Key("node", column("node"), order="node", access="openshift.node")
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

CLUSTERS = Listed("clusters", _ALIAS)
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

#: The distributions: name of the figure in JSON, rate type of its rows, whose currency they are in.
DISTRIBUTIONS = (
    ("platform_distributed", "platform_distributed", "model"),
    ("worker_unallocated_distributed", "worker_distributed", "model"),
    ("network_unattributed_distributed", "unattributed_network", "bill"),
    ("storage_unattributed_distributed", "unattributed_storage", "bill"),
    ("gpu_unallocated_distributed", "gpu_distributed", "model"),
)
_TOTAL = "infra_raw + infra_markup + model_all"
_DISTRIBUTED = " + ".join([_TOTAL, *(name for name, _, _ in DISTRIBUTIONS)])


def _money(*model: str) -> tuple[Aggregate, ...]:
    """The aggregates behind the cost block; `model` names the cost model's columns that the report counts."""
    priced = Expression(" + ".join(f"coalesce({c}, 0)" for c in model), model)

    def of_type(name: str) -> Expression:
        return Expression(f"cost_model_rate_type = '{name}'", _RATE_TYPE)

    return (
        Aggregate("infra_raw", column("infrastructure_raw_cost"), money="bill"),
        Aggregate("infra_markup", column("infrastructure_markup_cost"), money="bill"),
        Aggregate("model_infra", priced, of_type("Infrastructure"), money="model"),
        Aggregate("model_sup", priced, of_type("Supplementary"), money="model"),
        Aggregate("model_all", priced, money="model"),
        *(
            Aggregate(name, column("distributed_cost"), of_type(kind), money=money)
            for name, kind, money in DISTRIBUTIONS
        ),
    )


def _cost_block(*distributed: Figure) -> tuple[Figure, ...]:
    """The three objects infrastructure, supplementary and cost."""
    figures = (
        ("infra_raw", "infra_raw", "infrastructure.raw"),
        ("infra_markup", "infra_markup", "infrastructure.markup"),
        ("infra_usage", "model_infra", "infrastructure.usage"),
        ("infra_total", "infra_raw + infra_markup + model_infra", "infrastructure.total"),
        ("sup_raw", "0", "supplementary.raw"),
        ("sup_markup", "0", "supplementary.markup"),
        ("sup_usage", "model_sup", "supplementary.usage"),
        ("sup_total", "model_sup", "supplementary.total"),
        ("cost_raw", "infra_raw", "cost.raw"),
        ("cost_markup", "infra_markup", "cost.markup"),
        ("cost_usage", "model_all", "cost.usage"),
    )
    total = Figure("cost_total", _TOTAL, "cost.total", CURRENCY)
    return (*(Figure(name, sql, path, CURRENCY) for name, sql, path in figures), *distributed, total)


def _distributed(group: str) -> Figure:
    return Figure("cost_total_distributed", _DISTRIBUTED, "cost.distributed", CURRENCY, group)


def _quantities(**columns: str) -> tuple[Aggregate, ...]:
    return tuple(Aggregate(name, column(of)) for name, of in columns.items())


def _used(unit: str, *names: str) -> tuple[Figure, ...]:
    return tuple(Figure(name, f'"{name}"', name, unit) for name in names)


_COST_ORDERS = {
    "cost": ("cost_total", ()), "infrastructure": ("infra_total", ()), "supplementary": ("sup_total", ()),
    "distributed_cost": ("cost_total_distributed", ("project",)),
}  # fmt: skip
_COST_DELTAS = {"cost": "cost_total", "cost_total": "cost_total", "distributed_cost": "cost_total_distributed"}
_INVENTORY_ORDERS = {
    **_COST_ORDERS,
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
    Figure("wasted_cost", f"CASE WHEN request = 0 THEN 0 ELSE greatest(({_TOTAL}) * (1 - usage / request), 0) END",
           "score.wasted_cost", CURRENCY),
)  # fmt: skip

COSTS = Report(
    "costs",
    "What clusters cost.",
    KEYS,
    _money("cost_model_cpu_cost", "cost_model_memory_cost", "cost_model_volume_cost", "cost_model_gpu_cost"),
    _cost_block(
        *(Figure(f"cost_{name}", name, f"cost.{name}", CURRENCY, "project") for name, _, _ in DISTRIBUTIONS),
        _distributed("project"),
    ),
    forecast=("infra_total", "sup_total", "cost_total"),
    orders=_COST_ORDERS,
    deltas=_COST_DELTAS,
    delta_with=_DELTA_WITH,
    lists=(CLUSTERS,),
    texts=(COST_GROUP, CLASSIFICATION, DEFAULT_PROJECT),
    tags="all_labels",
    units={"cost_units": CURRENCY},
    flags=(
        Flag("distributed_overhead", "project",
             Expression("cost_model_rate_type IN ('platform_distributed', 'worker_distributed')", _RATE_TYPE)),
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
        + _money(model),
        (*_used(unit, "usage", "request", "limit"), *_SCORE, *_cost_block(_distributed(""))),
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
    + _money("cost_model_volume_cost"),
    (*_used("GiB-Mo", "usage", "request", "capacity"), *_cost_block()),
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
_VM = Key("vm_name", Expression("all_labels ->> 'vm_kubevirt_io_name'", ("all_labels",)))
RESOURCE_TYPES = (
    ResourceType("clusters", CLUSTER, alias=("cluster_alias", _ALIAS), switches=_CLOUDS),
    ResourceType("nodes", NODE, (CLUSTER,), switches=_CLOUDS),
    ResourceType("projects", PROJECT, (CLUSTER,), switches=_CLOUDS),
    ResourceType(
        "virtual-machines", _VM, (CLUSTER, PROJECT), counted=False,
        narrowing=(
            Key("cluster_id", column("cluster_id")), Key("cluster_alias", column("cluster_alias")),
            Key("namespace", column("namespace")), Key("node", column("node")),
        ),
    ),
)  # fmt: skip
COST_GROUPS = CostGroups(
    PROJECT,
    Key("cluster", _ALIAS),
    Expression(f"{REAL} AND namespace <> 'GPU unallocated'", ("namespace",)),
)

REPORT_MAP = ReportMap(
    DAILY_SUMMARY,
    (COSTS, COMPUTE, MEMORY, VOLUMES),
    TAGS,
    currency="raw_currency",
    resource_types=RESOURCE_TYPES,
    cost_groups=COST_GROUPS,
)
