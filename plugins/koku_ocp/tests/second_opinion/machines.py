"""How long virtual machines ran, and with how many cores, on the rows of their pods: differences 1 to 6 of virtual machines."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from fractions import Fraction
from typing import Any

from plugins.koku_ocp.tests.second_opinion.reading import Reports
from plugins.koku_ocp.tests.second_opinion.usage import HOUR, MACHINE, Row, Rules, labelled

Key = tuple[date, str, str]


def machines_of(reports: Reports, rules: Rules) -> list[Row]:
    """A row for each machine, day, node and set of labels: its hours, core-hours, part of the day and of its cores.

    Pods that request no CPU have no part of the price of their machine for a month.
    """
    made = []
    told = {line["day"] for line in reports["machine"]}
    parts = _parts(reports, rules)
    hours, core_hours, cores = _reported(reports)
    for key in parts:
        if key[0] not in told:
            hours[key] = {node: Fraction(sum(count for count, _ in rows.values())) for node, rows in parts[key].items()}
    for key, by_node in hours.items():
        day, namespace, name = key
        found: list[tuple[Row, bool]] = []
        for node, up in by_node.items():
            rows = parts.get(key, {}).get(node) or {((MACHINE, name),): (1, True)}
            for labels, (count, asks) in rows.items():
                share = Fraction(count, sum(count for count, _ in rows.values()))
                figures = {"vm_hours": up * share, "vm_core_hours": core_hours.get((key, node), Fraction(0)) * share}
                found.append((Row(day, namespace, node, "Pod", dict(labels), figures, machine=name), asks))
        whole, asking = (sum(r.figures["vm_hours"] for r, asks in found if asks or every) for every in (True, False))
        for row, asks in found:
            up = row.figures["vm_hours"]
            row.figures["vm_months"] = up / asking if asks and asking else Fraction(0)
            row.figures["vm_core_months"] = up / whole * cores.get(key, Fraction(0)) if whole else Fraction(0)
            made.append(row)
    return made


def _reported(
    reports: Reports,
) -> tuple[dict[Key, dict[str, Fraction]], dict[tuple[Key, str], Fraction], dict[Key, Fraction]]:
    """What the report of machines says: hours by node, core-hours by node, the most cores of the day."""
    hours: dict[Key, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    core_hours: dict[tuple[Key, str], Fraction] = defaultdict(Fraction)
    cores: dict[Key, Fraction] = defaultdict(Fraction)
    for line in reports["machine"]:
        key = line["day"], line["namespace"], line["vm_name"]
        up, count = Fraction(line["vm_uptime_total_seconds"]) / HOUR, Fraction(line["vm_cpu_request_cores"])
        hours[key][line["node"]] += up
        core_hours[key, line["node"]] += up * count
        cores[key] = max(cores[key], count)
    return hours, core_hours, cores


def _parts(reports: Reports, rules: Rules) -> dict[Key, dict[str, dict[Any, tuple[int, bool]]]]:
    """The hours of the rows of machines' pods, and whether they request CPU: by node and by labels."""
    made: dict[Key, dict[str, dict[Any, tuple[int, bool]]]] = {}
    for line, found in labelled(reports, rules):
        if MACHINE in found:
            key, labels = (line["day"], line["namespace"], found[MACHINE]), tuple(sorted(found.items()))
            nodes = made.setdefault(key, {}).setdefault(line["node"], {})
            count, asks = nodes.get(labels, (0, False))
            nodes[labels] = count + 1, asks or line["pod_request_cpu_core_seconds"] > 0
    return made
