"""What claims used: section C6, and differences 3 and 4 (a volume counts once, whoever mounts it and wherever it moves)."""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from plugins.koku_ocp.tests.second_opinion.reading import Reports
from plugins.koku_ocp.tests.second_opinion.usage import GIB, HOUR, Row, Rules, seen_last

COLUMNS = {
    "capacity": "persistentvolumeclaim_capacity_byte_seconds",
    "storage_request": "volume_request_storage_byte_seconds",
    "storage_usage": "persistentvolumeclaim_usage_byte_seconds",
}


def days_in(day: date) -> int:
    """The days of a day's month."""
    return calendar.monthrange(day.year, day.month)[1]


def volumes_of(reports: Reports, rules: Rules) -> list[Row]:
    """The rows of claims, in GiB-months, by day, namespace, node, claim and labels."""
    of_nodes, of_namespaces = seen_last(reports["node"], "node"), seen_last(reports["namespace"], "namespace")
    where = _nodes_of_pods(reports)
    of_volume, of_claim = (
        _times_over(reports, "persistentvolume"),
        _times_over(reports, "namespace", "persistentvolumeclaim"),
    )
    made: dict[Any, Row] = {}
    for line in reports["storage"]:
        day, namespace, claim = line["day"], line["namespace"], line["persistentvolumeclaim"]
        nodes: Sequence[str | None] = where.get((day, namespace, line["pod"]), ())
        if line.get("node"):
            nodes = [line["node"]]
        for node in nodes or [None]:
            found = rules.known(
                of_nodes.get((day, node or ""), {}), of_namespaces.get((day, namespace), {}),
                line["persistentvolume_labels"], line["persistentvolumeclaim_labels"],
            )  # fmt: skip
            key = (
                day,
                namespace,
                node,
                claim,
                line["persistentvolume"],
                line["storageclass"],
                tuple(sorted(found.items())),
            )
            row = made.setdefault(key, Row(day, namespace, node, "Storage", found, defaultdict(Fraction), claim=claim))
            for figure, column in COLUMNS.items():
                over = (
                    of_claim[day, namespace, claim]
                    if figure == "capacity"
                    else of_volume[day, line["persistentvolume"]]
                )
                scale = 24 * HOUR * days_in(day) * GIB * over * max(1, len(nodes))
                row.figures[figure] += Fraction(line[column]) / scale
    return list(made.values())


def _nodes_of_pods(reports: Reports) -> Mapping[Any, list[str]]:
    found: dict[Any, set[str]] = defaultdict(set)
    for line in reports["pod"]:
        if line["node"]:
            found[line["day"], line["namespace"], line["pod"]].add(line["node"])
    return {key: sorted(nodes) for key, nodes in found.items()}


def _times_over(reports: Reports, *keys: str) -> Mapping[Any, Fraction]:
    """How many times over a volume or claim is reported: its rows of a day for each hour that the day has data for."""
    hours: dict[date, set[int]] = defaultdict(set)
    for line in reports["pod"]:
        hours[line["day"]].add(line["hour"])
    rows = Counter((line["day"], *(line[k] for k in keys)) for line in reports["storage"])
    return {key: max(Fraction(1), Fraction(count, len(hours[key[0]]) or 24)) for key, count in rows.items()}
