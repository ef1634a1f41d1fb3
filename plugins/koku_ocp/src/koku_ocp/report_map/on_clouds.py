"""The reports about what clusters cost on clouds (`infrastructures/all`), as data.

No cluster is known to run on a cloud as long as no cloud's bills are matched with clusters: no row of the daily summary is of these
reports, and what bills alone know of a row is null.
"""

from __future__ import annotations

from dataclasses import replace

from koku_core.declare.reports import CURRENCY, Aggregate, Choice, Expression, Figure, Key, Report, column
from koku_ocp.report_map.parts import CLUSTER, CLUSTERS, NODE, OWN_COST_ORDERS, PROJECT, PROJECT_TEXTS

_NOTHING, _UNKNOWN = Expression("false", ()), Expression("NULL::text", ())
#: Clients ask by type of cost as they do of bills; what is billed of a cluster is one amount.
_COST_TYPES = ("unblended_cost", "blended_cost", "calculated_amortized_cost", "savingsplan_effective_cost")
_COST = (
    Aggregate("raw", column("infrastructure_raw_cost"), money="bill"),
    Aggregate("markup", column("infrastructure_markup_cost"), money="bill"),
)
_BILLED = ("account", "service", "region", "product_family")
_KEYS = (
    *(Key(name, _UNKNOWN, order=name) for name in _BILLED),
    *(Key(name, search=(_UNKNOWN,), inert=True) for name in ("az", "org_unit_id", "storage_type")),
    *(replace(k, search=k.searched) for k in (CLUSTER, PROJECT, NODE)),
)


def _report(name: str, doc: str, instance_type: Key, unit: str = "") -> Report:
    used = (Figure("usage", "usage", "usage", unit),) if unit else ()
    return Report(
        f"infrastructures/all/{name}", doc, (*_KEYS, instance_type),
        (Aggregate("usage", Expression("0", ())),) if unit else (),
        (*used, *_cost_block()),
        where=_NOTHING,
        order="usage" if unit else "cost_total",
        orders=OWN_COST_ORDERS | ({"usage": ("usage", ())} if unit else {}),
        deltas={"usage": "usage"} if unit else {"cost": "cost_total", "cost_total": "cost_total"},
        refused_deltas=("cost", "cost_total") if unit else (),
        lists=(CLUSTERS,),
        texts=PROJECT_TEXTS,
        tags="all_labels",
        units={"cost_units": CURRENCY} | ({"usage_units": unit} if unit else {}),
        choice=Choice("cost_type", _COST_TYPES[0], dict.fromkeys(_COST_TYPES, _COST)),
        within="instance_type" if name == "instance-types" else "",
        forecast=() if unit else ("infra_total", "sup_total", "cost_total"),
    )  # fmt: skip


def _cost_block() -> tuple[Figure, ...]:
    parts = (("raw", "raw"), ("markup", "markup"), ("usage", "0"), ("total", "raw + markup"))
    found = [Figure(f"infra_{name}", sql, f"infrastructure.{name}", CURRENCY) for name, sql in parts]
    found += [Figure(f"sup_{name}", "0", f"supplementary.{name}", CURRENCY) for name, _ in parts]
    return (*found, *(Figure(f"cost_{name}", sql, f"cost.{name}", CURRENCY) for name, sql in parts))


_IGNORED = Key("instance_type", search=(_UNKNOWN,), inert=True)
ON_CLOUDS = (
    _report("costs", "What clusters cost on clouds.", _IGNORED),
    _report("storage", "How much clusters stored on clouds, and what it cost.", _IGNORED, "GB-Mo"),
    _report("instance-types", "How long clusters' instances ran on clouds.", Key("instance_type", _UNKNOWN), "Hrs"),
)
