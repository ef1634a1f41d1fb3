"""Compares the second opinion with what the library has in the daily summary and in its costs by rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from plugins.koku_ocp.tests.second_opinion.opinion import Opinion
from plugins.koku_ocp.tests.second_opinion.prices import Cost
from plugins.koku_ocp.tests.second_opinion.usage import MEASURES, RESOURCES

from koku_core import Koku

#: figure of the second opinion → column of the daily summary.
USED = {
    **{f"{m}_{kind}": f"pod_{m}_{name}" for m in MEASURES for kind, (_, name, _) in RESOURCES.items()},
    "capacity": "persistentvolumeclaim_capacity_gigabyte_months", "storage_request": "volume_request_storage_gigabyte_months",
    "storage_usage": "persistentvolumeclaim_usage_gigabyte_months", "vm_hours": "vm_hours", "vm_core_hours": "vm_core_hours",
}  # fmt: skip
COLUMNS = ("cpu", "memory", "volume", "gpu")
ROUNDED = Fraction(1, 10**15)
NEARLY = Fraction(1, 10**12)

Sums = Mapping[tuple[Any, ...], Fraction]


def summary_of(koku: Koku, source: str, months: Iterable[date]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The daily summary of a source, and its costs by rate."""
    rows = [row for month in months for row in koku.daily_summary(source, month).to_pylist()]
    with koku.handle.connection() as conn:
        found = conn.execute("SELECT * FROM ocp_cost_by_rate WHERE source_uuid = %s", (source,))
        names = [c.name for c in found.description or ()]
        return rows, [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def differences(opinion: Opinion, summary: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> list[str]:
    """In what the two differ by more than the rounding of stored figures."""
    rows, by_rate = summary
    scale = max([Fraction(1), *(abs(c.amount) for c in opinion.costs)])
    pairs = (("usage", *_usage(opinion, rows)), ("costs", *_costs(opinion, rows)), ("costs by rate", *_by_rate(opinion, by_rate)),
             ("moved", *_moved(opinion, rows)), ("capacity", *_capacity(opinion, rows)))  # fmt: skip
    found = []
    for what, ours, theirs in pairs:
        for key in sorted(ours.keys() | theirs.keys(), key=str):
            one, other = ours.get(key, Fraction(0)), theirs.get(key, Fraction(0))
            allowed = 100 * ROUNDED if what in ("usage", "capacity") else NEARLY * scale
            if abs(one - other) > allowed + NEARLY * abs(one):
                found.append(f"{what} {key}: second opinion {float(one)!r}, library {float(other)!r}")
    return found


def _usage(opinion: Opinion, rows: list[dict[str, Any]]) -> tuple[Sums, Sums]:
    ours: dict[Any, Fraction] = defaultdict(Fraction)
    theirs: dict[Any, Fraction] = defaultdict(Fraction)
    for used in opinion.usage:
        for figure in used.figures.keys() & USED.keys():
            ours[used.day, used.namespace, used.node or "", used.source, figure] += used.figures[figure]
    for row in rows:
        for figure, column in USED.items():
            if row[column]:
                theirs[(*_place(row), figure)] += Fraction(row[column])
    return ours, theirs


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["usage_start"], row["namespace"], row["node"] or "", row["data_source"]


def _priced(cost: Cost) -> tuple[Any, ...]:
    return cost.row.day, cost.row.namespace, cost.row.node or ""


def _costs(opinion: Opinion, rows: list[dict[str, Any]]) -> tuple[Sums, Sums]:
    ours: dict[Any, Fraction] = defaultdict(Fraction)
    theirs: dict[Any, Fraction] = defaultdict(Fraction)
    for cost in opinion.costs:
        ours[(*_priced(cost), cost.row.source, cost.kind, cost.monthly, cost.into)] += cost.amount
    for row in rows:
        for into in COLUMNS:
            if row[f"cost_model_{into}_cost"]:
                amount = Fraction(row[f"cost_model_{into}_cost"])
                theirs[(*_place(row), row["cost_model_rate_type"], row["monthly_cost_type"], into)] += amount
    return ours, theirs


def _by_rate(opinion: Opinion, rows: list[dict[str, Any]]) -> tuple[Sums, Sums]:
    ours: dict[Any, Fraction] = defaultdict(Fraction)
    theirs: dict[Any, Fraction] = defaultdict(Fraction)
    for cost in opinion.costs:
        ours[(*_priced(cost), cost.metric, cost.kind, cost.name)] += cost.amount
    for row in rows:
        if row["distributed_cost"] is None:
            amount = sum((row[f"cost_model_{into}_cost"] or Decimal(0) for into in COLUMNS), Decimal(0))
            key = (
                row["usage_start"],
                row["namespace"],
                row["node"] or "",
                row["metric"],
                row["rate_type"],
                row["rate_name"],
            )
            theirs[key] += Fraction(amount)
    return ours, theirs


def _moved(opinion: Opinion, rows: list[dict[str, Any]]) -> tuple[Sums, Sums]:
    ours: dict[Any, Fraction] = defaultdict(Fraction)
    theirs: dict[Any, Fraction] = defaultdict(Fraction)
    for moved in opinion.moved:
        ours[moved.day, moved.namespace, moved.node or "", moved.source, moved.kind] += moved.amount
    for row in rows:
        if row["distributed_cost"]:
            theirs[(*_place(row), row["cost_model_rate_type"])] += Fraction(row["distributed_cost"])
    return ours, theirs


def _capacity(opinion: Opinion, rows: list[dict[str, Any]]) -> tuple[Sums, Sums]:
    ours = {(r.day, r.node, kind, what): figures[kind] for r in opinion.usage if r.on is not None for kind in RESOURCES
            for what, figures in (("node", r.on.hours), ("cluster", r.on.cluster))}  # fmt: skip
    theirs = {(r["usage_start"], r["node"], kind, what): Fraction(r[f"{what}_capacity_{name}"] or 0) for r in rows
              if r["data_source"] == "Pod" and r["cost_model_rate_type"] is None and r["pod_usage_cpu_core_hours"] is not None
              for kind, (_, name, _) in RESOURCES.items() for what in ("node", "cluster")}  # fmt: skip
    return ours, theirs
