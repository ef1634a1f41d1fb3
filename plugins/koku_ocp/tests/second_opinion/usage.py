"""What pods used of their nodes and what they left, from hourly rows: sections C3-C8 of the specification, in plain loops."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from plugins.koku_ocp.tests.second_opinion.reading import Reports
from plugins.koku_ocp.tests.second_opinion.reading import Row as Line

GIB = 2**30
HOUR = 3600
MACHINE = "vm_kubevirt_io_name"
PLATFORM = "Platform"
MEASURES = ("usage", "request", "effective_usage", "limit")
#: resource → the name in columns of reports, what its figures are called, seconds of a unit in an hour's unit.
RESOURCES = {
    "cpu": ("cpu_core", "cpu_core_hours", HOUR),
    "memory": ("memory_byte", "memory_gigabyte_hours", HOUR * GIB),
}

Labels = Mapping[str, str]


@dataclass
class Node:
    """A node on a day: by resource its hours of capacity, its size, and the cluster's hours of capacity."""

    hours: dict[str, Fraction] = field(default_factory=dict)
    size: dict[str, Fraction] = field(default_factory=dict)
    cluster: dict[str, Fraction] = field(default_factory=dict)


@dataclass
class Row:
    """Something that is used and may be priced."""

    day: date
    namespace: str
    node: str | None
    source: str
    labels: Labels
    figures: dict[str, Fraction]
    on: Node | None = None
    claim: str | None = None
    machine: str | None = None


@dataclass(frozen=True)
class Rules:
    """What somebody has set: enabled keys, child key → parent key, and (id, name, pattern) of cost groups."""

    enabled: frozenset[str] = frozenset()
    parents: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[tuple[int, str, str]] = ()

    def known(self, *sets: Labels) -> dict[str, str]:
        """The labels of a row: the later set wins, then children stand under their parents."""
        merged = {k: v for labels in sets for k, v in labels.items() if k in self.enabled or k == MACHINE}
        made = {k: v for k, v in merged.items() if k not in self.parents}
        for key in sorted(merged.keys() & self.parents.keys()):
            made.setdefault(self.parents[key], merged[key])
        return made

    def group(self, namespace: str) -> tuple[int, str] | None:
        """The cost group of a namespace."""
        found = [(number, name) for number, name, pattern in self.groups if _like(namespace, pattern)]
        return max(found, default=None)


def _like(text: str, pattern: str) -> bool:
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(p) or re.escape(p[-1]) for p in pieces), text, re.DOTALL) is not None


def seen_last(lines: Iterable[Line], name: str) -> dict[tuple[date, str], Labels]:
    """The labels that a node or namespace had in the last hour of each day."""
    found: dict[tuple[date, str], tuple[int, Labels]] = {}
    for line in lines:
        key = line["day"], line[name]
        if key not in found or line["hour"] >= found[key][0]:
            found[key] = line["hour"], line[f"{name}_labels"]
    return {key: labels for key, (_, labels) in found.items()}


def nodes_of(lines: Iterable[Line]) -> dict[tuple[date, str], Node]:
    """The nodes of each day: the largest capacity that a pod's row tells for an hour, added up over the hours."""
    hours: dict[tuple[Any, ...], Any] = {}
    for line in lines:
        if line["node"]:
            for kind, seconds, size in (("cpu", "node_capacity_cpu_core_seconds", "node_capacity_cpu_cores"),
                                        ("memory", "node_capacity_memory_byte_seconds", "node_capacity_memory_bytes")):  # fmt: skip
                key = line["day"], line["node"], kind, line["hour"]
                old = hours.get(key, (0, 0))
                hours[key] = max(old[0], line[seconds]), max(old[1], line[size])
    found: dict[tuple[date, str], Node] = defaultdict(Node)
    cluster: dict[tuple[date, str], Fraction] = defaultdict(Fraction)
    for (day, name, kind, _), (seconds, size) in hours.items():
        node, part = found[day, name], Fraction(seconds) / RESOURCES[kind][2]
        node.hours[kind] = node.hours.get(kind, Fraction(0)) + part
        node.size[kind] = max(node.size.get(kind, Fraction(0)), Fraction(size) / (1 if kind == "cpu" else GIB))
        cluster[day, kind] += part
    for (day, _), node in found.items():
        node.cluster = {kind: cluster[day, kind] for kind in RESOURCES}
    return dict(found)


def roles_of(reports: Reports) -> dict[tuple[tuple[int, int], str], str]:
    """The role of a node in a month: the highest that a row names, else by what runs on it or by its labels, else worker."""
    ranks = {"control-plane": 3, "master": 3, "infra": 2, "worker": 1}
    told: dict[Any, int] = defaultdict(int)
    control, infra = set(), set()
    for line in reports["pod"]:
        key = (line["day"].year, line["day"].month), line["node"]
        told[key] = max(told[key], ranks.get(line.get("node_role", ""), 0))
        if line["namespace"] == "openshift-kube-apiserver":
            control.add(key)
    for line in reports["node"]:
        if line["node_labels"].get("node_role_kubernetes_io") == "infra":
            infra.add(((line["day"].year, line["day"].month), line["node"]))
    guessed = {key: 3 if key in control else 2 if key in infra else 1 for key in told}
    return {key: ("worker", "infra", "master")[(rank or guessed[key]) - 1] for key, rank in told.items()}


def labelled(reports: Reports, rules: Rules) -> Iterator[tuple[Line, dict[str, str]]]:
    """The rows of pods that are on a node, each with its labels as the daily summary has them."""
    of_nodes, of_namespaces = seen_last(reports["node"], "node"), seen_last(reports["namespace"], "namespace")
    for line in reports["pod"]:
        if line["node"]:
            of_node, of_namespace = (
                of_nodes.get((line["day"], line["node"]), {}),
                of_namespaces.get((line["day"], line["namespace"]), {}),
            )
            yield line, rules.known(of_node, of_namespace, line["pod_labels"])


def pods_of(reports: Reports, rules: Rules) -> list[Row]:
    """What pods used, by day, namespace, node and labels; without what is left."""
    nodes, made = nodes_of(reports["pod"]), {}
    for line, found in labelled(reports, rules):
        day, namespace, name = line["day"], line["namespace"], line["node"]
        key = day, namespace, name, tuple(sorted(found.items()))
        if key not in made:
            made[key] = Row(
                day, namespace, name, "Pod", found, defaultdict(Fraction), nodes[day, name], machine=found.get(MACHINE)
            )
        row = made[key]
        for kind, (column, _, scale) in RESOURCES.items():
            used, asked, most = (line[f"pod_{m}_{column}_seconds"] for m in ("usage", "request", "limit"))
            for measure, value in zip(MEASURES, (used, asked, max(used, asked), most), strict=True):
                row.figures[f"{measure}_{kind}"] += Fraction(value) / scale
    return list(made.values())


def unallocated(pods: Sequence[Row], reports: Reports) -> list[Row]:
    """What pods left of each node: its capacity less what they used, requested and so on."""
    roles = roles_of(reports)
    used: dict[tuple[date, str], dict[str, Fraction]] = {}
    nodes = nodes_of(reports["pod"])
    for row in pods:
        sums = used.setdefault((row.day, row.node or ""), defaultdict(Fraction))
        for figure, value in row.figures.items():
            sums[figure] += value
    made = []
    for (day, name), node in nodes.items():
        namespace = "Worker unallocated" if roles[(day.year, day.month), name] == "worker" else "Platform unallocated"
        left = {
            f"{m}_{kind}": node.hours[kind] - used[day, name][f"{m}_{kind}"] for m in MEASURES for kind in RESOURCES
        }
        made.append(Row(day, namespace, name, "Pod", {}, left, node))
    return made
