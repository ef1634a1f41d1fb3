"""What costs are made of, as data: for each project which rate, and which overhead, how much."""

from __future__ import annotations

from koku_core.declare.reports import CURRENCY, Expression, Key, Listed, Report, Text, column
from koku_ocp.facts import COST_BY_RATE
from koku_ocp.report_map import parts

#: What cost a row is of: the project's own, or that of an overhead which was handed on to it (or away from it).
_OVERHEAD = Expression(
    """CASE cost_model_rate_type WHEN 'platform_distributed' THEN 'platform' WHEN 'worker_distributed' THEN 'worker_unallocated'
         WHEN 'unattributed_storage' THEN 'storage_unattributed' WHEN 'unattributed_network' THEN 'network_unattributed'
         WHEN 'gpu_distributed' THEN 'gpu_unallocated' ELSE 'none' END""",
    ("cost_model_rate_type",),
)  # fmt: skip
_LIST = Expression("price_list || '/' || price_list_version", ("price_list", "price_list_version"))
#: A list's name is its present one; the version is that of the prices.
_LISTS = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object('uuid', l[1], 'name', p.name, 'version', l[2]::int)
                               ORDER BY lower(p.name), l[1], l[2]::int), '[]')
     FROM (SELECT string_to_array(v, '/') AS l FROM unnest({values}) AS v) AS lists LEFT JOIN price_list AS p ON p.uuid = l[1]::uuid)"""

BREAKDOWN = Report(
    "costs",
    "What costs are made of: of each project, cluster or node which rate, and of which overhead, comes to how much.",
    (
        parts.CLUSTER, parts.PROJECT, parts.NODE, parts.CATEGORY,
        Key("overhead", _OVERHEAD, order="overhead"), Key("rate", column("rate_name"), order="rate"),
        Key("metric", column("metric"), order="metric"), Key("cost_type", column("rate_type"), order="cost_type"),
        Key("price_list", Expression("price_list::text", ("price_list",)), order="price_list"),
    ),
    parts.cost_aggregates(*parts.MODEL_COSTS),
    parts.cost_block(*parts.distributions(""), parts.distributed_total("")),
    order="cost_total_distributed",
    orders={**parts.COST_ORDERS, "distributed_cost": ("cost_total_distributed", ())},
    lists=(parts.CLUSTERS, Listed("price_lists", _LIST, shown=_LISTS)),
    texts=(
        parts.COST_GROUP,
        *parts.PROJECT_TEXTS,
        Text("metric", "rate", column("metric"), others="{label}"),
        Text("cost_type", "rate", column("rate_type"), others="{label}"),
    ),
    units={"cost_units": CURRENCY},
    categories=parts.CATEGORIES,
    limit_alone=True,
    fact=COST_BY_RATE,
    usual_groups=("project",),
    parts=("overhead", "rate"),
)  # fmt: skip
