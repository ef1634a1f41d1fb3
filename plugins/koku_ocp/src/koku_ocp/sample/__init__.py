"""A small cluster for demonstrations: payloads in the operator's format for last month and this one, up to yesterday.

Nothing is random: the same day gives the same bytes of CSV. What the cluster runs is in `cluster`.
"""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from koku_core.declare.deliveries import Sample
from koku_ocp.sample import cluster

T = TypeVar("T", cluster.Pod, cluster.Machine, cluster.Gpu)
GIB = 1 << 30
_TIME = "%Y-%m-%d %H:%M:%S +0000 UTC"
_PERIOD = "report_period_start,report_period_end,interval_start,interval_end,"
_HEADERS = {
    "pod": "node,namespace,pod,pod_usage_cpu_core_seconds,pod_request_cpu_core_seconds,pod_limit_cpu_core_seconds,"
    "pod_usage_memory_byte_seconds,pod_request_memory_byte_seconds,pod_limit_memory_byte_seconds,node_capacity_cpu_cores,"
    "node_capacity_cpu_core_seconds,node_capacity_memory_bytes,node_capacity_memory_byte_seconds,node_role,resource_id,pod_labels",
    "storage": "namespace,pod,node,persistentvolumeclaim,persistentvolume,storageclass,csi_driver,csi_volume_handle,"
    "persistentvolumeclaim_capacity_bytes,persistentvolumeclaim_capacity_byte_seconds,volume_request_storage_byte_seconds,"
    "persistentvolumeclaim_usage_byte_seconds,persistentvolume_labels,persistentvolumeclaim_labels",
    "vm": "node,resource_id,namespace,vm_name,vm_instance_type,vm_os,vm_guest_os_arch,vm_guest_os_name,vm_guest_os_version,"
    "vm_uptime_total_seconds,vm_cpu_limit_cores,vm_cpu_limit_core_seconds,vm_cpu_request_cores,vm_cpu_request_core_seconds,"
    "vm_cpu_request_sockets,vm_cpu_request_socket_seconds,vm_cpu_request_threads,vm_cpu_request_thread_seconds,"
    "vm_cpu_usage_total_seconds,vm_memory_limit_bytes,vm_memory_limit_byte_seconds,vm_memory_request_bytes,"
    "vm_memory_request_byte_seconds,vm_memory_usage_byte_seconds,vm_device,vm_volume_mode,vm_persistentvolumeclaim_name,"
    "vm_disk_allocated_size_byte_seconds,vm_labels",
    "nvidia-gpu": "node,namespace,pod,gpu_uuid,gpu_model_name,gpu_vendor_name,gpu_memory_capacity_mib,gpu_pod_uptime,"
    "gpu_pod_utilization,gpu_max_slices,mig_instance_id,mig_profile,mig_strategy",
    "node": "node,node_labels",
    "namespace": "namespace,namespace_labels",
}


def sample(folder: Path, today: date) -> Sample:
    """Write the payloads of the last month and of this one into a folder.

    Args:
        folder: an existing folder.
        today: the day after the last full day.
    """
    yesterday = today - timedelta(days=1)
    this_month = yesterday.replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    payloads = (
        _payload(folder, last_month, this_month - timedelta(days=1)),
        _payload(folder, this_month, yesterday),
    )
    return Sample(
        "OCP",
        cluster.NAME,
        {"cluster_id": cluster.CLUSTER_ID},
        payloads,
        cost_model=cluster.COST_MODEL,
        tag_keys=cluster.TAG_KEYS,
        report="openshift/costs",
        question={"group_by": "project", "months": -2, "resolution": "monthly"},
    )


def _payload(folder: Path, month: date, last: date) -> Path:
    """One package of the operator: a file per report and month, and the manifest at the end."""
    package = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{cluster.CLUSTER_ID}/{last}"))
    times = list(_hours(month, last))
    contents = {
        "pod": _running(times, cluster.PODS, pod_row), "storage": _volumes(times), "vm": _running(times, cluster.MACHINES, _machine_row),
        "nvidia-gpu": _running(times, cluster.GPUS, _gpu_row), "node": _named(times, cluster.NODE_LABELS),
        "namespace": _named(times, cluster.NAMESPACES),
    }  # fmt: skip
    names = {kind: f"{package}-cm-openshift-{kind}-usage-{month:%Y%m}.{i}.csv" for i, kind in enumerate(contents)}
    path = folder / f"{last:%Y%m%d}T235959-cost-mgmt.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for kind, lines in contents.items():
            _add(tar, names[kind], "\n".join([_PERIOD + _HEADERS[kind], *lines, ""]), last)
        _add(tar, "manifest.json", json.dumps(_manifest(package, list(names.values()), month, last), indent=1), last)
    return path


def _manifest(package: str, files: list[str], month: date, last: date) -> dict[str, object]:
    return {
        "uuid": package, "cluster_id": cluster.CLUSTER_ID, "version": "0" * 40, "date": f"{last}T23:59:59.5Z", "files": files,
        "resource_optimization_files": None, "start": f"{month}T00:00:00Z", "end": f"{last}T23:59:59Z",
        "cr_status": {"clusterID": cluster.CLUSTER_ID, "clusterVersion": "stable-4.18"}, "certified": False, "daily_reports": True,
    }  # fmt: skip


def _add(tar: tarfile.TarFile, name: str, text: str, day: date) -> None:
    content = text.encode()
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(content), int(datetime(day.year, day.month, day.day).timestamp())
    tar.addfile(info, io.BytesIO(content))


def _hours(month: date, last: date) -> Iterator[tuple[datetime, str]]:
    """Every hour of the month up to the last day, with the four time columns as text."""
    first = datetime(month.year, month.month, 1)
    after = (first + timedelta(days=32)).replace(day=1)
    for h in range(((last - month).days + 1) * 24):
        start = first + timedelta(hours=h)
        end = start + timedelta(minutes=59, seconds=59)
        yield start, ",".join(t.strftime(_TIME) for t in (first, after, start, end)) + ","


def _running(times: list[tuple[datetime, str]], things: Iterable[T], row: Callable[[T, int, bool], str]) -> list[str]:
    """A row per thing and hour that it runs in; it depends on the hour of the day and on the weekend alone."""
    rows = {
        (weekend, hour): [row(x, hour, weekend) for x in things if x.runs(hour, weekend)]
        for weekend in (False, True)
        for hour in range(24)
    }
    return [head + row for start, head in times for row in rows[start.weekday() >= 5, start.hour]]


def pod_row(pod: cluster.Pod, hour: int, weekend: bool) -> str:
    """The columns of a pod's row after the time columns."""
    node = cluster.NODES[pod.node]
    load = cluster.load(hour, weekend) if pod.busy else 1.0
    seconds = [pod.cpu * load, pod.cpu_request, pod.cpu_limit]
    byte_seconds = [GIB * gib for gib in (pod.memory * (0.75 + 0.25 * load), pod.memory_request, pod.memory_limit)]
    capacity = (node.cores, node.cores * 3600, node.memory * GIB, node.memory * GIB * 3600)
    columns = [
        pod.node, pod.namespace, pod.name, *map(_hourly, seconds), *map(_hourly, byte_seconds), *(f"{c:.6f}" for c in capacity),
        node.role, node.resource_id, _labels(pod.labels),
    ]  # fmt: skip
    return ",".join(columns)


def _machine_row(machine: cluster.Machine, hour: int, weekend: bool) -> str:
    pod, load = machine.pod, cluster.load(hour, weekend)
    cores, bytes_, used = machine.cores, machine.memory * GIB, pod.memory * (0.75 + 0.25 * load) * GIB
    columns = [
        pod.node, cluster.NODES[pod.node].resource_id, pod.namespace, machine.name, f"u1.{cores}x{machine.memory}", "", "x86_64",
        machine.guest, "", "3600.000000", *(f"{n:.6f}" for n in (cores, cores * 3600, cores, cores * 3600, 1, 3600, 1, 3600)),
        _hourly(pod.cpu * load), *(f"{n:.6f}" for n in (bytes_, bytes_ * 3600, bytes_, bytes_ * 3600)), _hourly(used),
        "rootdisk", "Block", machine.volume.claim, _hourly(machine.disk * GIB), _labels(pod.labels),
    ]  # fmt: skip
    return ",".join(columns)


def _gpu_row(gpu: cluster.Gpu, hour: int, weekend: bool) -> str:
    """The pod uses the GPU for the whole hour; how much of it is the same every hour."""
    pod = gpu.pod
    columns = [
        pod.node, pod.namespace, pod.name, f"GPU-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{pod.node}/{gpu.number}')}",
        "NVIDIA A100-SXM4-80GB", f"nvidia{gpu.number}", "81920", "3600.000000", "0.700000",
        *(("7.000000", gpu.instance, gpu.profile, "mixed") if gpu.profile else ("",) * 4),
    ]  # fmt: skip
    return ",".join(columns)


def _volumes(times: list[tuple[datetime, str]]) -> list[str]:
    rows = [
        ",".join([
            v.namespace, v.pod, v.node, v.claim, f"pv-{v.claim}", "gp3", "ebs.csi.aws.com", f"vol-{i:08x}", f"{v.capacity * GIB:.6f}",
            *(_hourly(GIB * gib) for gib in (v.capacity, v.capacity, v.used)),
            "label_topology_kubernetes_io_zone:eu-central-1a", _labels(v.labels),
        ])
        for i, v in enumerate(cluster.VOLUMES, 1)
    ]  # fmt: skip
    return [head + row for _, head in times for row in rows]


def _named(times: list[tuple[datetime, str]], labels: dict[str, dict[str, str]]) -> list[str]:
    rows = [f"{name},{_labels(values)}" for name, values in labels.items()]
    return [head + row for _, head in times for row in rows]


def _hourly(value: float) -> str:
    """A level held for an hour, in value-seconds; what is not set is empty."""
    return f"{value * 3600:.6f}" if value else ""


def _labels(labels: dict[str, str]) -> str:
    return "|".join(f"label_{k}:{v}" for k, v in sorted(labels.items()))
