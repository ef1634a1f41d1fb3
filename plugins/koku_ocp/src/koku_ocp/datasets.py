"""The line items of a cluster, a row per day: what the lake keeps.

Hours are folded to days while the files are read; what needs hours is kept in a column or dataset of its own. A day that came in several
deliveries has rows of each, with disjoint hours (`hours`), so sums over a day are always right.
"""

from __future__ import annotations

from koku_core.declare.columns import Column, Kind, labels, quantity, text
from koku_core.declare.datasets import Dataset

POD_DAYS = Dataset(
    "ocp_pod_days",
    (
        text("namespace"), text("node"), text("pod"), labels("pod_labels"),
        text("resource_id", "cloud instance id of the node"),
        quantity("pod_usage_cpu_core_seconds", "core·s"),
        quantity("pod_request_cpu_core_seconds", "core·s"),
        quantity("pod_effective_usage_cpu_core_seconds", "core·s", "Σ of the hourly larger one of usage and request"),
        quantity("pod_limit_cpu_core_seconds", "core·s"),
        quantity("pod_usage_memory_byte_seconds", "byte·s"),
        quantity("pod_request_memory_byte_seconds", "byte·s"),
        quantity("pod_effective_usage_memory_byte_seconds", "byte·s", "Σ of the hourly larger one of usage and request"),
        quantity("pod_limit_memory_byte_seconds", "byte·s"),
        Column("pod_hours", Kind.INTEGER, "hours that the pod has a row in"),
    ),
    "one pod on one node with one set of labels",
)  # fmt: skip

NODE_DAYS = Dataset(
    "ocp_node_days",
    (
        text("node"), text("resource_id"),
        text("node_role", "master, infra, worker, or null: the highest that a row names (control plane, infra, worker)"),
        Column("runs_control_plane", Kind.BOOLEAN, "a pod of openshift-kube-apiserver ran on it"),
        quantity("node_capacity_cpu_cores", "cores", "the largest of the day"),
        quantity("node_capacity_cpu_core_seconds", "core·s", "Σ over hours of the largest that a pod's row names"),
        quantity("node_capacity_memory_bytes", "bytes", "the largest of the day"),
        quantity("node_capacity_memory_byte_seconds", "byte·s", "Σ over hours of the largest that a pod's row names"),
    ),
    "one node, as the pod report tells of it",
)  # fmt: skip

STORAGE_DAYS = Dataset(
    "ocp_storage_days",
    (
        text("namespace"), text("pod"), text("node"), text("persistentvolumeclaim"), text("persistentvolume"),
        text("storageclass"), text("csi_driver"), text("csi_volume_handle"),
        labels("persistentvolume_labels"), labels("persistentvolumeclaim_labels"),
        quantity("persistentvolumeclaim_capacity_bytes", "bytes", "the largest of the day"),
        quantity("persistentvolumeclaim_capacity_byte_seconds", "byte·s"),
        quantity("volume_request_storage_byte_seconds", "byte·s"),
        quantity("persistentvolumeclaim_usage_byte_seconds", "byte·s"),
    ),
    "one volume as one pod mounts it",
)  # fmt: skip

NODE_LABEL_DAYS = Dataset(
    "ocp_node_label_days",
    (text("node"), labels("node_labels"), Column("last_hour", Kind.INTEGER), Column("label_hours", Kind.INTEGER)),
    "one node with one set of labels; `last_hour` is the last hour they were seen in, `label_hours` how many",
)

NAMESPACE_LABEL_DAYS = Dataset(
    "ocp_namespace_label_days",
    (
        text("namespace"),
        labels("namespace_labels"),
        Column("last_hour", Kind.INTEGER),
        Column("label_hours", Kind.INTEGER),
    ),
    "one namespace with one set of labels; `last_hour` is the last hour they were seen in, `label_hours` how many",
)

VM_DAYS = Dataset(
    "ocp_vm_days",
    (
        text("namespace"), text("node"), text("vm_name"), labels("vm_labels"), text("resource_id"),
        text("vm_instance_type"), text("vm_os"), text("vm_guest_os_arch"), text("vm_guest_os_name"), text("vm_guest_os_version"),
        quantity("vm_uptime_total_seconds", "s"),
        quantity("vm_cpu_limit_cores", "cores"), quantity("vm_cpu_request_cores", "cores"),
        quantity("vm_cpu_request_sockets", "count"), quantity("vm_cpu_request_threads", "count"),
        quantity("vm_cpu_limit_core_seconds", "core·s"), quantity("vm_cpu_request_core_seconds", "core·s"),
        quantity("vm_cpu_request_socket_seconds", "s"), quantity("vm_cpu_request_thread_seconds", "s"),
        quantity("vm_cpu_usage_total_seconds", "core·s"),
        quantity("vm_memory_limit_bytes", "bytes"), quantity("vm_memory_request_bytes", "bytes"),
        quantity("vm_memory_limit_byte_seconds", "byte·s"), quantity("vm_memory_request_byte_seconds", "byte·s"),
        quantity("vm_memory_usage_byte_seconds", "byte·s"),
        text("vm_device"), text("vm_volume_mode"), text("vm_persistentvolumeclaim_name"),
        quantity("vm_disk_allocated_size_byte_seconds", "byte·s"),
        quantity("vm_core_seconds_up", "core·s", "Σ over hours of uptime times the requested cores of that hour"),
        Column("last_hour", Kind.INTEGER, "the last hour of the day that the machine has a row in"),
    ),
    "one virtual machine on one node with one set of labels; cores, sockets, threads and bytes are the largest of the day",
)  # fmt: skip

GPU_DAYS = Dataset(
    "ocp_gpu_days",
    (
        text("node"), text("namespace"), text("pod"), text("gpu_uuid"), text("mig_instance_id"),
        text("gpu_model_name"), text("gpu_vendor_name"), quantity("gpu_memory_capacity_mib", "MiB"),
        quantity("gpu_pod_uptime", "s"), text("mig_profile"), text("mig_strategy"),
        Column("mig_slice_count", Kind.INTEGER, "slices of the instance, from its profile"),
        Column("mig_memory_capacity_mib", Kind.INTEGER, "memory of the instance, from its profile"),
        Column("gpu_max_slices", Kind.INTEGER, "slices of a whole GPU of the model; null: not known, or not sliced"),
    ),
    "one GPU (or slice of one) as one pod uses it",
)  # fmt: skip

GPU_NODE_DAYS = Dataset(
    "ocp_gpu_node_days",
    (
        text("node"), text("gpu_model_name"),
        Column("gpu_count", Kind.INTEGER, "GPUs of the node, or instances if `mig_slice_count` is there; null: not told"),
        Column("mig_slice_count", Kind.INTEGER, "slices of each instance, where all GPUs are divided alike"),
        Column("gpu_max_slices", Kind.INTEGER, "slices of a whole GPU, where they are sliced; null: not sliced, or not known"),
        Column("label_hours", Kind.INTEGER, "hours that the node was labelled so"),
    ),
    "the GPUs of one node, as its labels tell",
)  # fmt: skip

ALL = (POD_DAYS, NODE_DAYS, STORAGE_DAYS, NODE_LABEL_DAYS, NAMESPACE_LABEL_DAYS, VM_DAYS, GPU_DAYS, GPU_NODE_DAYS)
