"""Payloads as they are, for the second opinion: every row of every report, hour by hour, with its numbers as exact decimals."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Reports = dict[str, list[Row]]

#: A column that only this report has, in the order in which a header is tried → what names a row of an hour.
KINDS = {
    "persistentvolumeclaim_capacity_bytes": ("storage", "namespace pod node persistentvolumeclaim persistentvolume storageclass"),
    "pod_usage_cpu_core_seconds": ("pod", "namespace node pod"),
    "node_labels": ("node", "node"),
    "namespace_labels": ("namespace", "namespace"),
    "vm_uptime_total_seconds": ("machine", "namespace node vm_name"),
    "gpu_uuid": ("gpu", "node namespace pod gpu_uuid mig_instance_id"),
}  # fmt: skip
NUMBERS = ("_seconds", "_cores", "_bytes", "_uptime", "_mib", "_slices")
LIMITED = (
    "pod_usage_cpu_core_seconds", "pod_request_cpu_core_seconds", "pod_limit_cpu_core_seconds", "pod_usage_memory_byte_seconds",
    "pod_request_memory_byte_seconds", "pod_limit_memory_byte_seconds", "node_capacity_cpu_core_seconds",
    "node_capacity_memory_byte_seconds", "node_capacity_memory_bytes", "persistentvolumeclaim_capacity_bytes",
    "persistentvolumeclaim_capacity_byte_seconds", "volume_request_storage_byte_seconds", "persistentvolumeclaim_usage_byte_seconds",
)  # fmt: skip


def read(payloads: Iterable[Path]) -> Reports:
    """The rows of a cluster's payloads; an hour that several have a report of is as the one that was made last has it."""
    hours: dict[tuple[str, date, int], list[Row]] = {}
    for _, reports in sorted((_payload(path) for path in payloads), key=lambda found: found[0]):
        covered = {(row["day"], row["hour"]) for rows in reports.values() for row in rows}
        for kind, rows in reports.items():
            hours |= {(kind, *hour): [] for hour in covered}
            for row in rows:
                hours[kind, row["day"], row["hour"]].append(row)
    made: Reports = {kind: [] for kind, _ in KINDS.values()}
    for (kind, *_), rows in hours.items():
        made[kind] += rows
    return made


def _payload(path: Path) -> tuple[str, Reports]:
    """When the payload was made, and the rows of the reports that it has; of two rows of an hour that are named alike the last."""
    with tarfile.open(path) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]  # a file, not a folder
        found: dict[str, dict[tuple[Any, ...], Row]] = {}
        for name in sorted(set(manifest["files"]) & set(tar.getnames())):
            text = io.TextIOWrapper(tar.extractfile(name), "utf-8", newline="")  # type: ignore[type-var]  # a file, not a folder
            reader = csv.DictReader(text)
            kind, named = next(kind for column, kind in KINDS.items() if column in (reader.fieldnames or ()))
            rows = found.setdefault(kind, {})
            for row in map(_row, reader):
                if all(row.get(column, 0) <= Decimal("1e18") for column in LIMITED):
                    rows[(row["day"], row["hour"], *(row.get(c, "") for c in named.split()))] = row
    return manifest["date"], {kind: list(rows.values()) for kind, rows in found.items()}


def _row(raw: dict[str, str]) -> Row:
    start = datetime.strptime(raw["interval_start"][:19], "%Y-%m-%d %H:%M:%S")
    made: Row = {"day": start.date(), "hour": start.hour}
    for column, value in raw.items():
        if column.endswith("_labels"):
            made[column] = labels(value)
        else:
            made[column] = Decimal(value or 0) if column.endswith(NUMBERS) else value
    return made


def labels(text: str) -> dict[str, str]:
    """`label_a:b|label_c:d` as a dictionary; a value may hold colons."""
    pieces = (piece.partition(":") for piece in text.split("|"))
    return {key.removeprefix("label_"): value for key, colon, value in pieces if colon}
