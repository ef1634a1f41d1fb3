"""The operator's six cost reports, as declarations: how each is told from its header and folded from hours to days."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from koku_core.declare.datasets import Dataset
from koku_ocp import datasets

#: Every report has these, and more that are not needed: a row's day and hour are those of its start.
TIMES = ("report_period_start", "report_period_end", "interval_start", "interval_end")


@dataclass(frozen=True, slots=True)
class Report:
    """One kind of report.

    Attributes:
        name: what people call it.
        dataset: what it is folded into.
        keys: text columns that a day's rows are grouped by.
        row: those of them that name one row of an hour; a second row of the same name corrects the first.
        labels: those of the keys that hold labels.
        sums, maxes: numbers that are added up over the hours, or of which the largest counts; blank is 0.
        texts: texts of which the largest counts.
        optional: columns that older operators do not write.
        larger: sums of the larger one of two columns of an hour: name → the two.
        products: sums of the product of two columns of an hour: name → the two, and what to divide by.
        unused: columns that must be there but are not kept.
    """

    name: str
    dataset: Dataset
    keys: tuple[str, ...]
    row: tuple[str, ...]
    labels: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    maxes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    larger: tuple[tuple[str, str, str], ...] = ()
    products: tuple[tuple[str, str, str], ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that hold numbers."""
        return self.sums + self.maxes

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return ("interval_start", *self.keys, *self.texts, *self.numbers)

    @property
    def required(self) -> frozenset[str]:
        """The columns that a header must name to be of this report."""
        return frozenset((*TIMES, *self.columns, *self.unused)) - frozenset(self.optional)


STORAGE = Report(
    "storage_usage",
    datasets.STORAGE_DAYS,
    keys=("namespace", "pod", "node", "persistentvolumeclaim", "persistentvolume", "storageclass", "csi_driver",
          "csi_volume_handle", "persistentvolume_labels", "persistentvolumeclaim_labels"),
    row=("namespace", "pod", "node", "persistentvolumeclaim", "persistentvolume", "storageclass"),
    labels=("persistentvolume_labels", "persistentvolumeclaim_labels"),
    sums=("persistentvolumeclaim_capacity_byte_seconds", "volume_request_storage_byte_seconds",
          "persistentvolumeclaim_usage_byte_seconds"),
    maxes=("persistentvolumeclaim_capacity_bytes",),
    optional=("node", "csi_driver", "csi_volume_handle"),
)  # fmt: skip

#: The numbers of a node that every pod's row repeats.
NODE_NUMBERS = (
    "node_capacity_cpu_cores", "node_capacity_cpu_core_seconds", "node_capacity_memory_bytes", "node_capacity_memory_byte_seconds",
)  # fmt: skip

POD = Report(
    "pod_usage",
    datasets.POD_DAYS,
    keys=("namespace", "node", "pod", "pod_labels"),
    row=("namespace", "node", "pod"),
    labels=("pod_labels",),
    sums=("pod_usage_cpu_core_seconds", "pod_request_cpu_core_seconds", "pod_limit_cpu_core_seconds",
          "pod_usage_memory_byte_seconds", "pod_request_memory_byte_seconds", "pod_limit_memory_byte_seconds"),
    maxes=NODE_NUMBERS,
    texts=("resource_id", "node_role"),
    optional=("node_role",),
    larger=(
        ("pod_effective_usage_cpu_core_seconds", "pod_usage_cpu_core_seconds", "pod_request_cpu_core_seconds"),
        ("pod_effective_usage_memory_byte_seconds", "pod_usage_memory_byte_seconds", "pod_request_memory_byte_seconds"),
    ),
)  # fmt: skip

NODE_LABELS = Report(
    "node_labels", datasets.NODE_LABEL_DAYS, keys=("node", "node_labels"), row=("node",), labels=("node_labels",)
)

NAMESPACE_LABELS = Report(
    "namespace_labels",
    datasets.NAMESPACE_LABEL_DAYS,
    keys=("namespace", "namespace_labels"),
    row=("namespace",),
    labels=("namespace_labels",),
)

VM = Report(
    "vm_usage",
    datasets.VM_DAYS,
    keys=("namespace", "node", "vm_name", "vm_labels"),
    row=("namespace", "node", "vm_name"),
    labels=("vm_labels",),
    sums=("vm_uptime_total_seconds", "vm_cpu_limit_core_seconds", "vm_cpu_request_core_seconds", "vm_cpu_request_socket_seconds",
          "vm_cpu_request_thread_seconds", "vm_cpu_usage_total_seconds", "vm_memory_limit_byte_seconds",
          "vm_memory_request_byte_seconds", "vm_memory_usage_byte_seconds", "vm_disk_allocated_size_byte_seconds"),
    maxes=("vm_cpu_limit_cores", "vm_cpu_request_cores", "vm_cpu_request_sockets", "vm_cpu_request_threads",
           "vm_memory_limit_bytes", "vm_memory_request_bytes"),
    texts=("resource_id", "vm_instance_type", "vm_os", "vm_guest_os_arch", "vm_guest_os_name", "vm_guest_os_version",
           "vm_device", "vm_volume_mode", "vm_persistentvolumeclaim_name"),
    products=(("vm_core_seconds_up", "vm_uptime_total_seconds", "vm_cpu_request_cores"),),
)  # fmt: skip

GPU = Report(
    "gpu_usage",
    datasets.GPU_DAYS,
    keys=("node", "namespace", "pod", "gpu_uuid", "mig_instance_id"),
    row=("node", "namespace", "pod", "gpu_uuid", "mig_instance_id"),
    sums=("gpu_pod_uptime",),
    maxes=("gpu_memory_capacity_mib", "gpu_max_slices"),
    texts=("gpu_model_name", "gpu_vendor_name", "mig_profile", "mig_strategy"),
    optional=("mig_instance_id", "gpu_max_slices", "mig_profile", "mig_strategy"),
)

#: In the order in which a header is tried.
ALL = (STORAGE, POD, NODE_LABELS, NAMESPACE_LABELS, VM, GPU)


def detect(header: Collection[str]) -> Report | None:
    """The first report all of whose columns the header names; None: it is none of them."""
    named = frozenset(header)
    return next((report for report in ALL if report.required <= named), None)
