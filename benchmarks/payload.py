"""A payload of any size in the operator's format: a cluster of so many pods for so many days, written by Arrow."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

GIB = 1 << 30
CORES, MEMORY = 16, 64 * GIB


def write(target: Path, cluster: str, *, month: date, days: int, pods: int, nodes: int, namespaces: int) -> int:
    """Write a payload.

    Returns:
        The number of its CSV rows.
    """
    rng = np.random.default_rng(7)
    name = str(uuid.UUID(int=pods * 1000 + days, version=4))
    tables = [
        _pods(rng, month, days, pods, nodes, namespaces), _volumes(rng, month, days, pods // 3, namespaces, nodes),
        _labels(month, days, nodes, "node", "node_labels"), _labels(month, days, namespaces, "namespace", "namespace_labels"),
    ]  # fmt: skip
    files = [f"{name}_openshift_usage_report.{i}.csv" for i in range(len(tables))]
    start = datetime(month.year, month.month, 1)
    manifest = {
        "uuid": name, "cluster_id": cluster, "version": "1", "date": f"{start.isoformat()}Z", "files": files,
        "start": f"{start.isoformat()}Z", "end": f"{(start + timedelta(days=days)).isoformat()}Z", "daily_reports": True,
    }  # fmt: skip
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        for file, table in zip(files, tables, strict=True):
            sink = io.BytesIO()
            pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(quoting_style="none"))
            _add(tar, file, sink.getvalue())
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return sum(t.num_rows for t in tables)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _times(month: date, days: int, each: int) -> dict[str, Any]:
    """The four time columns for `each` rows an hour."""
    form = "%Y-%m-%d %H:%M:%S +0000 UTC"
    first = datetime(month.year, month.month, 1)
    after = (first + timedelta(days=32)).replace(day=1)
    hours = [first + timedelta(hours=h) for h in range(days * 24)]
    repeated = np.repeat(np.arange(len(hours)), each)
    starts = pa.array([h.strftime(form) for h in hours]).take(pa.array(repeated))
    ends = pa.array([(h + timedelta(minutes=59, seconds=59)).strftime(form) for h in hours]).take(pa.array(repeated))
    count = len(repeated)
    return {
        "report_period_start": pa.repeat(first.strftime(form), count), "report_period_end": pa.repeat(after.strftime(form), count),
        "interval_start": starts, "interval_end": ends,
    }  # fmt: skip


def _names(form: str, count: int, times: int, of: int | None = None) -> Any:
    """`form` numbered 0 … count-1 (modulo `of`), repeated for every hour."""
    names = pa.array([form.format(i % (of or count)) for i in range(count)])
    return names.take(pa.array(np.tile(np.arange(count), times)))


def _pods(rng: np.random.Generator, month: date, days: int, pods: int, nodes: int, namespaces: int) -> pa.Table:
    hours = days * 24
    count = pods * hours

    def some(top: float) -> Any:
        return pc.round(pa.array(rng.random(count) * top), 6)

    request = np.tile(rng.integers(1, 8, pods) * 900.0, hours)
    memory = np.tile(rng.integers(1, 16, pods) * (GIB / 8) * 3600, hours)
    labels = pa.array(
        [
            f"label_app:app{i % 40}|label_environment:{('dev', 'qe', 'prod')[i % 3]}|label_version:v{i % 7}"
            for i in range(pods)
        ]
    )
    return pa.table({
        **_times(month, days, pods),
        "node": _names("node-{}", pods, hours, nodes), "namespace": _names("project-{}", pods, hours, namespaces),
        "pod": _names("pod-{}", pods, hours),
        "pod_usage_cpu_core_seconds": some(3600), "pod_request_cpu_core_seconds": request, "pod_limit_cpu_core_seconds": request * 2,
        "pod_usage_memory_byte_seconds": some(float(GIB) * 3600), "pod_request_memory_byte_seconds": memory,
        "pod_limit_memory_byte_seconds": memory * 2,
        "node_capacity_cpu_cores": pa.repeat(float(CORES), count), "node_capacity_cpu_core_seconds": pa.repeat(CORES * 3600.0, count),
        "node_capacity_memory_bytes": pa.repeat(float(MEMORY), count),
        "node_capacity_memory_byte_seconds": pa.repeat(MEMORY * 3600.0, count),
        "node_role": pa.repeat("worker", count), "resource_id": _names("i-{}", pods, hours, nodes),
        "pod_labels": labels.take(pa.array(np.tile(np.arange(pods), hours))),
    })  # fmt: skip


def _volumes(rng: np.random.Generator, month: date, days: int, claims: int, namespaces: int, nodes: int) -> pa.Table:
    hours = days * 24
    count = claims * hours
    size = np.tile(rng.integers(1, 20, claims) * 10.0 * GIB, hours)
    return pa.table({
        **_times(month, days, claims),
        "namespace": _names("project-{}", claims, hours, namespaces), "pod": _names("pod-{}", claims, hours),
        "node": _names("node-{}", claims, hours, nodes),
        "persistentvolumeclaim": _names("claim-{}", claims, hours), "persistentvolume": _names("pv-{}", claims, hours),
        "storageclass": _names("class-{}", claims, hours, 3), "csi_driver": _names("ebs-{}", claims, hours, 1),
        "csi_volume_handle": _names("vol-{}", claims, hours),
        "persistentvolumeclaim_capacity_bytes": size, "persistentvolumeclaim_capacity_byte_seconds": size * 3600,
        "volume_request_storage_byte_seconds": size * 3600,
        "persistentvolumeclaim_usage_byte_seconds": pc.round(pa.array(rng.random(count) * size * 3600), 6),
        "persistentvolume_labels": _names("label_tier:t{}", claims, hours, 4),
        "persistentvolumeclaim_labels": _names("label_app:app{}", claims, hours, 40),
    })  # fmt: skip


def _labels(month: date, days: int, count: int, key: str, column: str) -> pa.Table:
    form = {"node": "node-{}", "namespace": "project-{}"}[key]
    return pa.table({
        **_times(month, days, count), key: _names(form, count, days * 24), column: _names("label_zone:z{}", count, days * 24, 3),
    })  # fmt: skip
