"""Eight questions, each as a report's query and as the bare SQL on the rollup that answers it."""

from __future__ import annotations

from dataclasses import dataclass

_MONTH = "filter[time_scope_units]=month&filter[time_scope_value]=-1&filter[resolution]="
_SUMS = """coalesce(sum(infrastructure_raw_cost), 0), coalesce(sum(infrastructure_markup_cost), 0),
    coalesce(sum(cost_model_cpu_cost + cost_model_memory_cost + cost_model_volume_cost), 0),
    coalesce(sum(cost_model_cpu_cost) FILTER (WHERE cost_model_rate_type = 'Infrastructure'), 0),
    coalesce(sum(cost_model_cpu_cost) FILTER (WHERE cost_model_rate_type = 'Supplementary'), 0),
    coalesce(sum(distributed_cost), 0)"""
_DAYS = "usage_start >= '2026-10-01' AND usage_start < '2026-11-01'"


@dataclass(frozen=True)
class Question:
    """A question in both forms."""

    name: str
    query: str
    sql: str


def _sql(table: str, key: str, *, daily: bool, where: str = "") -> str:
    keys = ", ".join(filter(None, ["usage_start" if daily else "", key]))
    group = f"GROUP BY {keys}" if keys else ""
    return f"SELECT {keys + ', ' if keys else ''}{_SUMS} FROM {table} WHERE {_DAYS} {where} {group}"


QUESTIONS = (
    Question("monthly total", f"{_MONTH}monthly", _sql("ocp_cost", "", daily=False)),
    Question("daily by project", f"{_MONTH}daily&group_by[project]=*", _sql("ocp_cost_by_project", "namespace", daily=True)),
    Question("monthly by project", f"{_MONTH}monthly&group_by[project]=*", _sql("ocp_cost_by_project", "namespace", daily=False)),
    Question("monthly by node", f"{_MONTH}monthly&group_by[node]=*", _sql("ocp_cost_by_node", "node", daily=False)),
    Question("daily by cluster", f"{_MONTH}daily&group_by[cluster]=*", _sql("ocp_cost", "cluster_id", daily=True)),
    Question("monthly by tag", f"{_MONTH}monthly&group_by[tag:app]=*", _sql("ocp_daily_summary", "all_labels ->> 'app'", daily=False)),
    Question(
        "daily with a tag filter", f"{_MONTH}daily&filter[tag:environment]=prod",
        _sql("ocp_daily_summary", "", daily=True, where="AND all_labels ->> 'environment' ILIKE '%prod%'"),
    ),
    Question(
        "top 5 projects with Others", f"{_MONTH}monthly&group_by[project]=*&filter[limit]=5",
        _sql("ocp_cost_by_project", "namespace", daily=False),
    ),
)  # fmt: skip
