"""What the reports about clusters have in common, as data: keys, what stands beside figures, the cost block, distributed cost."""

from __future__ import annotations

from koku_core.declare.reports import CURRENCY, Aggregate, Categories, Expression, Figure, Key, Listed, Text, column

#: The columns of all that a cost model charges.
MODEL_COSTS = ("cost_model_cpu_cost", "cost_model_memory_cost", "cost_model_volume_cost", "cost_model_gpu_cost")
ALIAS = Expression("coalesce(cluster_alias, cluster_id)", ("cluster_alias", "cluster_id"))
CLUSTER = Key("cluster", column("cluster_id"), (column("cluster_alias"), column("cluster_id")),
              order="cluster", access="openshift.cluster")  # fmt: skip
PROJECT = Key("project", column("namespace"), order="project", access="openshift.project")
NODE = Key("node", column("node"), order="node", access="openshift.node")

_GROUP_NAME = Expression("(SELECT name FROM cost_group WHERE id = cost_category_id)", ("cost_category_id",))
CATEGORY = Key("category", search=(_GROUP_NAME,))
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
#: Two texts that stand beside every group of projects.
PROJECT_TEXTS = (CLASSIFICATION, DEFAULT_PROJECT)
#: What lists of machines and of GPUs may be narrowed by, exactly.
NARROWING = tuple(Key(name, column(name)) for name in ("cluster_id", "cluster_alias", "namespace", "node"))

OWN_COST_ORDERS = {
    "cost": ("cost_total", ()),
    "infrastructure": ("infra_total", ()),
    "supplementary": ("sup_total", ()),
}
COST_ORDERS = {**OWN_COST_ORDERS, "distributed_cost": ("cost_total_distributed", ("project",))}

#: The distributions: name of the figure in JSON, rate type of its rows, whose currency they are in.
DISTRIBUTIONS = (
    ("platform_distributed", "platform_distributed", "model"),
    ("worker_unallocated_distributed", "worker_distributed", "model"),
    ("network_unattributed_distributed", "unattributed_network", "bill"),
    ("storage_unattributed_distributed", "unattributed_storage", "bill"),
    ("gpu_unallocated_distributed", "gpu_distributed", "model"),
)
TOTAL = "infra_raw + infra_markup + model_infra + model_sup"
_DISTRIBUTED = " + ".join([TOTAL, *(name for name, _, _ in DISTRIBUTIONS)])


def of_type(name: str) -> Expression:
    """The costs of one type: Infrastructure, Supplementary, or what a distribution moved."""
    return Expression(f"cost_model_rate_type = '{name}'", ("cost_model_rate_type",))


def cost_aggregates(*model: str) -> tuple[Aggregate, ...]:
    """The aggregates behind the cost block; `model` names the cost model's columns that the report counts."""
    priced = Expression(" + ".join(f"coalesce({c}, 0)" for c in model), model)
    return (
        Aggregate("infra_raw", column("infrastructure_raw_cost"), money="bill"),
        Aggregate("infra_markup", column("infrastructure_markup_cost"), money="bill"),
        Aggregate("model_infra", priced, of_type("Infrastructure"), money="model"),
        Aggregate("model_sup", priced, of_type("Supplementary"), money="model"),
        *(
            Aggregate(name, column("distributed_cost"), of_type(kind), money=money)
            for name, kind, money in DISTRIBUTIONS
        ),
    )


def cost_block(*distributed: Figure) -> tuple[Figure, ...]:
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
        ("cost_usage", "model_infra + model_sup", "cost.usage"),
    )
    total = Figure("cost_total", TOTAL, "cost.total", CURRENCY)
    return (*(Figure(name, sql, path, CURRENCY) for name, sql, path in figures), *distributed, total)


def distributions(group: str) -> tuple[Figure, ...]:
    """What each distribution moved; `group`: the key that they need, empty: none."""
    return tuple(Figure(f"cost_{name}", name, f"cost.{name}", CURRENCY, group) for name, _, _ in DISTRIBUTIONS)


def distributed_total(group: str) -> Figure:
    """The cost with all that was moved."""
    return Figure("cost_total_distributed", _DISTRIBUTED, "cost.distributed", CURRENCY, group)
