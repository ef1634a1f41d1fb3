"""The daily summary of clusters and its rollups."""

from __future__ import annotations

from koku_core.declare.columns import Column, Kind, labels, money, text
from koku_core.declare.facts import RATE_COLUMNS, Fact, Rollup, TagTable

_CPU = tuple(f"pod_{x}_cpu_core_hours" for x in ("usage", "request", "effective_usage", "limit"))
_MEMORY = tuple(f"pod_{x}_memory_gigabyte_hours" for x in ("usage", "request", "effective_usage", "limit"))
_NODE_CAPACITY = (
    "node_capacity_cpu_cores", "node_capacity_cpu_core_hours", "node_capacity_memory_gigabytes", "node_capacity_memory_gigabyte_hours",
)  # fmt: skip
_CLUSTER_CAPACITY = ("cluster_capacity_cpu_core_hours", "cluster_capacity_memory_gigabyte_hours")
_STORAGE = (
    "persistentvolumeclaim_capacity_gigabyte_months", "volume_request_storage_gigabyte_months",
    "persistentvolumeclaim_usage_gigabyte_months",
)  # fmt: skip
_TRAFFIC = ("infrastructure_data_in_gigabytes", "infrastructure_data_out_gigabytes")
_COSTS = (
    "infrastructure_raw_cost", "infrastructure_markup_cost", "cost_model_cpu_cost", "cost_model_memory_cost",
    "cost_model_volume_cost", "cost_model_gpu_cost", "distributed_cost",
)  # fmt: skip
_KEYS = ("cluster_id", "cluster_alias", "raw_currency", "cost_model_rate_type")
_PROJECT = ("namespace", "cost_category_id")
#: Rows of namespaces that are there.
REAL = "namespace NOT IN ('Worker unallocated', 'Platform unallocated', 'Network unattributed', 'Storage unattributed')"
#: What the reports about pods and about volumes are made of.
POD_ROWS = f"data_source = 'Pod' AND {REAL}"
VOLUME_ROWS = "data_source = 'Storage' AND persistentvolumeclaim IS NOT NULL"
#: The traffic of clusters with the world.
NETWORK_ROWS = "namespace = 'Network unattributed'"
#: What GPUs were used for and what was left of them.
ALL_GPU_ROWS = "data_source = 'GPU'"
#: What GPUs were used for: neither what was left of them nor what of that was handed on.
GPU_ROWS = (
    "data_source = 'GPU' AND namespace <> 'GPU unallocated' AND cost_model_rate_type IS DISTINCT FROM 'gpu_distributed'"
)
#: What the instances that GPUs are divided into were used for.
INSTANCE_ROWS = f"{GPU_ROWS} AND mig_profile <> ''"
#: What tells GPUs, and instances of them, apart.
GPU_KEYS = ("gpu_vendor", "gpu_model", "gpu_mode", "mig_profile", "mig_instance_id")
_GPU_SIZES = ("mig_slice_count", "gpu_max_slices", "gpu_slices", "gpu_memory_gigabytes", "mig_memory_gigabytes")

#: What costs have of the virtual machine that they are costs of.
VM_KEYS = ("vm_name", "vm_labels")
#: The report on virtual machines: the rows of their pods and claims, and their part of what is handed on.
VM_ROWS = "vm_name IS NOT NULL"

#: The projects of each day, also those without pods, with the labels of their namespaces alone.
PROJECT_DAYS = Fact(
    "ocp_project_days",
    (
        text("cluster_id"), text("cluster_alias"), text("namespace"), labels("namespace_labels"),
        Column("cost_category_id", Kind.INTEGER, "the cost group"),
    ),
)  # fmt: skip

DAILY_SUMMARY = Fact(
    "ocp_daily_summary",
    (
        text("cluster_id"), text("cluster_alias", "the source's name"), Column("usage_end", Kind.DATE, "the same day"),
        text("data_source", "Pod, Storage, GPU"), text("namespace"), text("node"), text("resource_id"),
        labels("pod_labels"), labels("volume_labels"), labels("all_labels"),
        *(money(name, unit="core-hours") for name in _CPU),
        *(money(name, unit="GiB-hours") for name in _MEMORY),
        *(money(name) for name in _NODE_CAPACITY),
        *(money(name) for name in _CLUSTER_CAPACITY),
        text("persistentvolumeclaim"), text("persistentvolume"), text("storageclass"),
        money("persistentvolumeclaim_capacity_gigabyte", unit="GiB"),
        *(money(name, unit="GiB-months") for name in _STORAGE),
        Column("cost_category_id", Kind.INTEGER, "the cost group"),
        money("infrastructure_raw_cost"), money("infrastructure_project_raw_cost"),
        money("infrastructure_markup_cost"), money("infrastructure_project_markup_cost"),
        *(money(name, unit="GB") for name in _TRAFFIC), text("raw_currency"),
        money("cost_model_cpu_cost"), money("cost_model_memory_cost"), money("cost_model_volume_cost"), money("cost_model_gpu_cost"),
        text("cost_model_rate_type", "null on usage rows; Infrastructure, Supplementary, or the name of a distribution"),
        text("monthly_cost_type", "null, Node, Node_Core_Month, Node_Core_Hour, Cluster, PVC, OCP_VM, OCP_VM_CORE, Tag"),
        money("distributed_cost"),
        text("gpu_vendor"), text("gpu_model"), text("gpu_mode", "dedicated, or MIG for an instance of a GPU"),
        text("mig_profile"), text("mig_instance_id"),
        Column("mig_slice_count", Kind.INTEGER, "slices of the instance"),
        Column("gpu_max_slices", Kind.INTEGER, "slices of the whole GPU, of instances; null: the model is not known"),
        Column("gpu_slices", Kind.INTEGER, "what a whole GPU of the model counts as on the node; 1: none is sliced"),
        money("gpu_memory_gigabytes", "memory of the whole GPU", "GB"), money("mig_memory_gigabytes", "memory of the instance", "gb"),
        money("gpu_slice_seconds", "slices times the seconds that they were in use, or left", "slice·s"),
        text("vm_name", "the virtual machine that the row's pods are of, or its claim"),
        labels("vm_labels", "what the machine is known by: its own labels, its pods', and a claim's"),
        money("vm_hours", "that the machine was up; a machine's rows of a day share them", "hours"),
        money("vm_core_hours", "Σ over its hours of the cores that it requested; null: no report tells", "core-hours"),
        money("vm_request_cpu_cores", "the most that the machine requested on the day", "cores"),
        money("vm_request_memory_gigabytes", "the most that the machine requested on the day", "GiB"),
    ),
    rollups=(
        Rollup("ocp_cost", _KEYS, _COSTS),
        Rollup("ocp_cost_by_node", (*_KEYS, "node"), _COSTS),
        Rollup("ocp_cost_by_project", (*_KEYS, *_PROJECT), _COSTS),
        Rollup("ocp_pod", _KEYS, _COSTS + _CPU + _MEMORY, _CLUSTER_CAPACITY, where=POD_ROWS),
        Rollup("ocp_pod_by_node", (*_KEYS, "node"), _COSTS + _CPU + _MEMORY, _CLUSTER_CAPACITY + _NODE_CAPACITY, where=POD_ROWS),
        Rollup("ocp_pod_by_project", (*_KEYS, *_PROJECT), _COSTS + _CPU + _MEMORY, _CLUSTER_CAPACITY, where=POD_ROWS),
        # a claim is in one project and mostly on one node: without them there would be as many rows
        Rollup("ocp_volume", (*_KEYS, *_PROJECT, "node", "persistentvolumeclaim", "storageclass"), _COSTS + _STORAGE,
               ("persistentvolumeclaim_capacity_gigabyte",), where=VOLUME_ROWS),
        Rollup("ocp_network", (*_KEYS, *_PROJECT, "node"), _COSTS + _TRAFFIC, where=NETWORK_ROWS),
        Rollup("ocp_gpu_model", ("cluster_id", "cluster_alias", "data_source", "namespace", "node", "gpu_vendor", "gpu_model"),
               where=ALL_GPU_ROWS),
        Rollup("ocp_gpu", (*_KEYS, *_PROJECT, "node", "resource_id", *GPU_KEYS), ("cost_model_gpu_cost", "gpu_slice_seconds"), _GPU_SIZES,
               where=GPU_ROWS),
        Rollup("ocp_gpu_instance", (*_KEYS, "namespace", "node", "resource_id", *GPU_KEYS), (), _GPU_SIZES, where=INSTANCE_ROWS),
        Rollup("ocp_vm", (*_KEYS, "namespace", "node", *VM_KEYS, "persistentvolumeclaim", "storageclass", _STORAGE[0], _STORAGE[2]),
               _COSTS, ("vm_request_cpu_cores", "vm_request_memory_gigabytes"), where=VM_ROWS),
    ),
    tags=(
        TagTable("pod", "pod_labels", ("namespace", "node", "cluster_id", "cluster_alias"), "data_source = 'Pod'"),
        TagTable("storage", "volume_labels", ("namespace", "node", "cluster_id", "cluster_alias"), "data_source = 'Storage'"),
    ),
)  # fmt: skip

#: The same costs, rate by rate.
COST_BY_RATE = Fact(
    "ocp_cost_by_rate",
    (
        *(text(name) for name in ("cluster_id", "cluster_alias", "namespace", "node")),
        Column("cost_category_id", Kind.INTEGER, "the cost group"), text("raw_currency"),
        text("cost_model_rate_type", "as in the daily summary"), *RATE_COLUMNS, *(money(name) for name in _COSTS),
    ),
)  # fmt: skip
