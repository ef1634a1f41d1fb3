"""A second opinion of what a cluster used and cost, in exact fractions, from its payloads and its cost model alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from plugins.koku_ocp.tests.second_opinion.gpus import LEFT, gpus_of
from plugins.koku_ocp.tests.second_opinion.machines import machines_of
from plugins.koku_ocp.tests.second_opinion.prices import Cost, Lists, costs_of
from plugins.koku_ocp.tests.second_opinion.reading import Reports, read
from plugins.koku_ocp.tests.second_opinion.usage import PLATFORM, Row, Rules, pods_of, seen_last, unallocated
from plugins.koku_ocp.tests.second_opinion.volumes import volumes_of

WORKER = "Worker unallocated"
#: Day, namespace, node and source of data.
Place = tuple[date, str, str | None, str]
EVER = (date(2026, 3, 1), date(2099, 12, 31))
SWITCHES = {"platform_cost": True, "worker_cost": True, "gpu_unallocated": False}


@dataclass(frozen=True)
class Moved:
    """What a distribution gives to a namespace on a node, or takes."""

    day: date
    namespace: str
    node: str | None
    source: str
    kind: str
    amount: Fraction


@dataclass(frozen=True)
class Opinion:
    """What was used, what it cost, and what was handed on."""

    usage: list[Row]
    costs: list[Cost]
    moved: list[Moved]


def second_opinion(
    payloads: Iterable[Path], model: Mapping[str, Any] | None, rules: Rules, lists: Lists | None = None
) -> Opinion:
    """The opinion on one cluster.

    Args:
        payloads: of the cluster.
        model: the cost model as the API takes it; None: there is none.
        rules: what somebody has set.
        lists: price lists (first day, last day, rates) in order of priority; default: the model's rates.
    """
    reports = read(payloads)
    info = dict((model or {}).get("distribution_info") or {})
    by = info.get("distribution_type") or (model or {}).get("distribution") or "cpu"
    pods = pods_of(reports, rules)
    pods += unallocated(pods, reports)
    usage = [
        *pods,
        *volumes_of(reports, rules),
        *gpus_of(reports),
        *machines_of(reports, rules),
        *_projects(reports, rules, pods),
    ]
    _derive(usage, by)
    costs = costs_of(usage, lists or [(*EVER, (model or {}).get("rates", []))], by)
    on = {name: info.get(name, default) and model is not None for name, default in SWITCHES.items()}
    return Opinion(usage, costs, _moved(usage, costs, rules, by, on))


def _projects(reports: Reports, rules: Rules, pods: Sequence[Row]) -> list[Row]:
    """The projects of each day on their nodes, with the labels of their namespace alone."""
    made = []
    for (day, namespace), labels in seen_last(reports["namespace"], "namespace").items():
        if not namespace.startswith(("kube-", "openshift-")) and namespace != "openshift":
            nodes: list[str | None] = [*{r.node for r in pods if (r.day, r.namespace) == (day, namespace)}] or [None]
            part = {"project_months": Fraction(1, len(nodes))}
            made += [Row(day, namespace, node, "Pod", rules.known(labels), part) for node in nodes]
    return made


def _derive(usage: Sequence[Row], by: str) -> None:
    """Give rows their parts of nodes and the cluster, by effective usage, and claims' rows theirs of a claim."""
    claims: dict[Any, Fraction] = defaultdict(Fraction)
    for row in usage:
        if row.claim and row.source == "Storage":
            claims[row.day, row.namespace, row.claim] += row.figures["capacity"]
    for row in usage:
        whole = claims.get((row.day, row.namespace, row.claim))
        if whole:
            row.figures["claim_months"] = row.figures["capacity"] / whole
        node, used = row.on, row.figures.get(f"effective_usage_{by}")
        if node is None or used is None:
            continue
        hours, cluster, size = node.hours[by], node.cluster[by], node.size[by]
        of_node = used / hours if hours else Fraction(0)
        row.figures["core_hours"] = used if by == "cpu" else of_node * node.hours["cpu"]
        row.figures["node_months"] = of_node
        row.figures["core_months"] = of_node * node.size["cpu"]
        row.figures["cluster_months"] = used / cluster if cluster else Fraction(0)
        row.figures["cluster_hours"] = row.figures["cluster_months"] * hours / size if size else Fraction(0)


def _moved(usage: Sequence[Row], costs: Sequence[Cost], rules: Rules, by: str, on: Mapping[str, bool]) -> list[Moved]:
    """The distributions; none hands on what another gave."""
    own: dict[Place, Fraction] = defaultdict(Fraction)
    for cost in costs:
        own[cost.row.day, cost.row.namespace, cost.row.node, cost.row.source] += cost.amount
    used: dict[Place, Fraction] = defaultdict(Fraction)
    for row in usage:
        if not _is_platform(rules, row.namespace) and row.namespace != WORKER:
            used[row.day, row.namespace, row.node, row.source] += row.figures.get(f"effective_usage_{by}", Fraction(0))
    made: list[Moved] = []
    if on["platform_cost"]:
        pool = {k: v for k, v in own.items() if _is_platform(rules, k[1]) and k[1] != WORKER}
        made += _hand_on(pool, used, "platform_distributed")
    if on["worker_cost"] and not _is_platform(
        rules, WORKER
    ):  # who puts it into that group takes it out of both distributions
        made += _hand_on({k: v for k, v in own.items() if k[1] == WORKER}, used, "worker_distributed")
    return made + (_of_gpus(usage, costs) if on["gpu_unallocated"] else [])


def _is_platform(rules: Rules, namespace: str) -> bool:
    found = rules.group(namespace)
    return found is not None and found[1] == PLATFORM


def _hand_on(pool: Mapping[Place, Fraction], used: Mapping[Place, Fraction], kind: str) -> list[Moved]:
    """Each day's cost of a pool goes to who used something, if anybody did."""
    made = []
    for day in {key[0] for key in pool}:
        base = sum((v for k, v in used.items() if k[0] == day), Fraction(0))
        whole = sum((v for k, v in pool.items() if k[0] == day), Fraction(0))
        if base > 0:
            made += [Moved(*key, kind, -cost) for key, cost in pool.items() if key[0] == day]
            made += [Moved(*key, kind, whole * part / base) for key, part in used.items() if key[0] == day]
    return made


def _of_gpus(usage: Sequence[Row], costs: Sequence[Cost]) -> list[Moved]:
    """What is left of a node's GPUs of a model goes to the namespaces that used some of them that day."""
    taken: dict[Any, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for row in usage:
        if row.source == "GPU" and row.namespace != LEFT:
            taken[row.day, row.node, *row.labels.values()][row.namespace] += row.figures["gpu_days"]
    made = []
    for cost in costs:
        row = cost.row
        shares = taken.get((row.day, row.node, *row.labels.values()), {})
        whole = sum(shares.values())
        if row.namespace == LEFT and whole:
            made.append(Moved(row.day, LEFT, row.node, "GPU", "gpu_distributed", -cost.amount))
            made += [Moved(row.day, name, row.node, "GPU", "gpu_distributed", cost.amount * part / whole)
                     for name, part in shares.items()]  # fmt: skip
    return made
