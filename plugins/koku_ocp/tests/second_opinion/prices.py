"""What a cost model charges: section D with our rules for tiers, price lists and labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from plugins.koku_ocp.tests.second_opinion.usage import Row
from plugins.koku_ocp.tests.second_opinion.volumes import days_in

Lists = Sequence[tuple[date, date, Sequence[Mapping[str, Any]]]]
UNALLOCATED = ("Worker unallocated", "Platform unallocated")


@dataclass(frozen=True)
class Charged:
    """How a metric is charged: the figure of rows that it multiplies, where its cost goes, and what its rows are called."""

    figure: str
    into: str
    kind: str | None = None
    tag_kind: str | None = "Tag"
    monthly: bool = False
    per_node: bool = False


METRICS = {
    **{f"cpu_core_{m}_per_hour": Charged(f"{m}_cpu", "cpu") for m in ("usage", "request", "effective_usage")},
    **{f"memory_gb_{m}_per_hour": Charged(f"{m}_memory", "memory") for m in ("usage", "request", "effective_usage")},
    **{f"storage_gb_{m}_per_month": Charged(f"storage_{m}", "volume") for m in ("usage", "request")},
    "node_core_cost_per_hour": Charged("core_hours", "cpu", None, "Node_Core_Hour", per_node=True),
    "node_cost_per_month": Charged("node_months", "by", "Node", "Node", monthly=True, per_node=True),
    "node_core_cost_per_month": Charged("core_months", "by", "Node_Core_Month", "Node_Core_Month", monthly=True, per_node=True),
    "cluster_cost_per_month": Charged("cluster_months", "by", "Cluster", monthly=True),
    "cluster_cost_per_hour": Charged("cluster_hours", "by"),
    "cluster_core_cost_per_hour": Charged("core_hours", "cpu"),
    "pvc_cost_per_month": Charged("claim_months", "volume", "PVC", "PVC", monthly=True),
    "vm_cost_per_month": Charged("vm_months", "cpu", "OCP_VM", monthly=True),
    "vm_cost_per_hour": Charged("vm_hours", "cpu"),
    "vm_core_cost_per_month": Charged("vm_core_months", "cpu", "OCP_VM_CORE", monthly=True),
    "vm_core_cost_per_hour": Charged("vm_core_hours", "cpu"),
    "project_per_month": Charged("project_months", "cpu", monthly=True),
    "gpu_cost_per_month": Charged("gpu_days", "gpu", monthly=True),
}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What a rate charges a row."""

    row: Row
    metric: str
    name: str
    kind: str
    monthly: str | None
    into: str
    amount: Fraction


def costs_of(rows: Sequence[Row], lists: Lists, by: str) -> list[Cost]:
    """All costs of the rows of a source by the lists of its cost model, in order of priority."""
    months: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        months[row.day.year, row.day.month].append(row)
    made: list[Cost] = []
    for found in months.values():
        for place, (_, _, rates) in enumerate(lists):
            for rate in rates:
                made += _of_rate(rate, found, {r.day for r in found if _in_force(lists, r.day) == place}, by)
    return made


def _in_force(lists: Lists, day: date) -> int | None:
    return next((place for place, (starts, ends, _) in enumerate(lists) if starts <= day <= ends), None)


def _of_rate(rate: Mapping[str, Any], rows: Sequence[Row], days: set[date], by: str) -> list[Cost]:
    """What a rate charges in a month, on the days that its list is in force."""
    metric = rate["metric"]["name"]
    charged = METRICS[metric]
    mine = [r for r in rows if charged.figure in r.figures]
    tag = rate.get("tag_rates")
    amounts = _by_label(tag, mine, charged, days) if tag else _by_tiers(rate["tiered_rates"], mine, charged)
    into, monthly = by if charged.into == "by" else charged.into, charged.tag_kind if tag else charged.kind
    name = rate.get("custom_name") or "-".join([metric, rate["cost_type"], *([tag["tag_key"]] if tag else [])])[:50]
    return [Cost(r, metric, name, rate["cost_type"], monthly, into, amount) for r, amount in amounts if r.day in days]


def _by_tiers(tiers: Sequence[Mapping[str, Any]], rows: Sequence[Row], charged: Charged) -> list[tuple[Row, Fraction]]:
    """Tiers fill up over the month, and all rows of a day pay the day's mean."""
    made, before = [], Fraction(0)
    for day in sorted({r.day for r in rows}):
        today = [
            (r, r.figures[charged.figure] / (days_in(day) if charged.monthly else 1)) for r in rows if r.day == day
        ]
        quantity = sum((units for _, units in today), Fraction(0))
        worth = _worth(tiers, before + quantity) - _worth(tiers, before)
        mean = worth / quantity if quantity else Fraction(str(tiers[0]["value"]))
        made += [(r, units * mean) for r, units in today]
        before += quantity
    return made


def _worth(tiers: Sequence[Mapping[str, Any]], quantity: Fraction) -> Fraction:
    """What a quantity costs by tiers."""
    made, start = Fraction(0), Fraction(0)
    for tier in tiers:
        end = (tier.get("usage") or {}).get("usage_end")
        top = min(quantity, Fraction(str(end))) if end is not None else quantity
        made += max(top - start, Fraction(0)) * Fraction(str(tier["value"]))
        start = max(start, top)
    return made


def _by_label(
    tag: Mapping[str, Any], rows: Sequence[Row], charged: Charged, days: set[date]
) -> list[tuple[Row, Fraction]]:
    """What rows of a label's values pay; a node's price is charged once, whoever has the label."""
    values = {v["tag_value"]: Fraction(str(v["value"])) for v in tag["tag_values"]}
    default = next((Fraction(str(v["value"])) for v in tag["tag_values"] if v.get("default")), None)
    made = []
    for row in rows:
        value = row.labels.get(tag["tag_key"])
        price = None if value is None else values.get(value, default)
        if price is not None:
            made.append((row, row.figures[charged.figure], price / (days_in(row.day) if charged.monthly else 1)))
    paid = [(row, quantity * price) for row, quantity, price in made]
    return paid + _left(made, rows, charged) if charged.per_node else paid


def _left(
    made: Sequence[tuple[Row, Fraction, Fraction]], rows: Sequence[Row], charged: Charged
) -> list[tuple[Row, Fraction]]:
    """What labelled pods leave of their nodes costs the mean of what they pay by their use."""
    whole: dict[tuple[date, str | None], Fraction] = defaultdict(Fraction)
    rest: dict[tuple[date, str | None], Row] = {}
    for row in rows:
        whole[row.day, row.node] += row.figures[charged.figure]
        if row.namespace in UNALLOCATED:
            rest[row.day, row.node] = row
    labelled: dict[tuple[date, str | None], list[tuple[Fraction, Fraction]]] = defaultdict(list)
    for row, quantity, price in made:
        labelled[row.day, row.node].append((quantity, price))
    paid = []
    for key, found in labelled.items():
        used = sum((q for q, _ in found), Fraction(0))
        mean = (
            sum((q * p for q, p in found), Fraction(0)) / used
            if used
            else sum((p for _, p in found), Fraction(0)) / len(found)
        )
        if key in rest:
            paid.append((rest[key], (whole[key] - used) * mean))
    return paid
