"""What a cost model may price on a cluster, and which costs may be handed on to its projects."""

from __future__ import annotations

from collections.abc import Mapping

from koku_core.declare.summarize import CostModelSpec, Distribution, Metric, Told
from koku_ocp.facts import GPU_KEYS, VM_KEYS

_HOURS = "core-hours"
_GIB_HOURS = "GiB-hours"
_UNATTRIBUTED = ("Storage unattributed", "Network unattributed")
#: A label of pods prices their nodes as a whole, and of the cluster what the pods themselves have of it.
_TAG_TEMPLATES = {
    "Node": "tag_node_cost.sql", "Cluster": "tag_usage_cost.sql", "Persistent volume claims": "tag_claim_cost.sql",
}  # fmt: skip


def _usage(name: str, label: str, measurement: str, unit: str, quantity: str, into: str) -> Metric:
    """A metric that is measured: its quantity on each row times the price."""
    params = {"quantity": quantity, "into": into, "labels": "volume_labels" if into == "volume" else "pod_labels"}
    return Metric(name, label, measurement, unit, "Supplementary", label.lower(), template="usage_cost.sql",
                  params=params, tag_template="tag_usage_cost.sql")  # fmt: skip


def _hourly(name: str, label: str, unit: str, quantity: str, into: str) -> Metric:
    """A node's or the cluster's price for an hour: priced like usage, by the rows' part of the capacity."""
    params = {"quantity": quantity, "into": into, "labels": "pod_labels"}
    of_node = {"price_of": "core_hour", "monthly_cost_type": "Node_Core_Hour"}
    return Metric(name, label, "Count", unit, "Infrastructure", label.lower(), template="usage_cost.sql", params=params,
                  tag_template=_TAG_TEMPLATES[label], tag_params=of_node if label == "Node" else {})  # fmt: skip


def _monthly(name: str, label: str, unit: str, cost_type: str, price_of: str) -> Metric:
    """A price for a month, a day's part of which is charged in full for each day that has data."""
    template = "claim_cost.sql" if price_of == "claim" else "capacity_cost.sql"
    params = {"monthly_cost_type": cost_type, "price_of": price_of, "into": "distributed"}
    kind = "pvc" if price_of == "claim" else label.lower()
    of_pods = {"quantity": "cluster_months", "labels": "pod_labels"}
    return Metric(name, label, "Count", unit, "Infrastructure", kind, template=template, params=params,
                  tag_template=_TAG_TEMPLATES[label], tag_params=of_pods if label == "Cluster" else {})  # fmt: skip


def _machine_hour(name: str, unit: str, quantity: str) -> Metric:
    """A price for an hour of a virtual machine or of a core of it: its pods pay what of that they have."""
    params = {"quantity": quantity, "into": "cpu", "labels": "pod_labels"}
    return Metric(name, "Virtual Machine", "Count", unit, "Infrastructure", "vm", template="usage_cost.sql", params=params,
                  tag_template="tag_usage_cost.sql")  # fmt: skip


def _machine_month(name: str, unit: str, quantity: str, cost_type: str) -> Metric:
    """A price for a month of a virtual machine or of a core of it."""
    params = {"quantity": quantity, "monthly_cost_type": cost_type}
    return Metric(name, "Virtual Machine", "Count", unit, "Infrastructure", "vm", template="vm_cost.sql", params=params,
                  tag_template="vm_tag_cost.sql")  # fmt: skip


METRICS = (
    _usage("cpu_core_usage_per_hour", "CPU", "Usage", _HOURS, "pod_usage_cpu_core_hours", "cpu"),
    _usage("cpu_core_request_per_hour", "CPU", "Request", _HOURS, "pod_request_cpu_core_hours", "cpu"),
    _usage("cpu_core_effective_usage_per_hour", "CPU", "Effective-usage", _HOURS, "pod_effective_usage_cpu_core_hours", "cpu"),
    _usage("memory_gb_usage_per_hour", "Memory", "Usage", _GIB_HOURS, "pod_usage_memory_gigabyte_hours", "memory"),
    _usage("memory_gb_request_per_hour", "Memory", "Request", _GIB_HOURS, "pod_request_memory_gigabyte_hours", "memory"),
    _usage("memory_gb_effective_usage_per_hour", "Memory", "Effective-usage", _GIB_HOURS,
           "pod_effective_usage_memory_gigabyte_hours", "memory"),
    _usage("storage_gb_usage_per_month", "Storage", "Usage", "GiB-month", "persistentvolumeclaim_usage_gigabyte_months", "volume"),
    _usage("storage_gb_request_per_month", "Storage", "Request", "GiB-month", "volume_request_storage_gigabyte_months", "volume"),
    _hourly("node_core_cost_per_hour", "Node", "core-hour", "core_hours", "cpu"),
    _monthly("node_cost_per_month", "Node", "node-month", "Node", "node"),
    _monthly("node_core_cost_per_month", "Node", "core-month", "Node_Core_Month", "core"),
    _monthly("cluster_cost_per_month", "Cluster", "cluster-month", "Cluster", "cluster"),
    _hourly("cluster_cost_per_hour", "Cluster", "cluster-hour", "cluster_hours", "distributed"),
    _monthly("pvc_cost_per_month", "Persistent volume claims", "pvc-month", "PVC", "claim"),
    _machine_month("vm_cost_per_month", "vm-month", "months", "OCP_VM"),
    _machine_hour("vm_cost_per_hour", "vm-hour", "vm_hours"),
    _hourly("cluster_core_cost_per_hour", "Cluster", "core-hour", "core_hours", "cpu"),
    Metric("project_per_month", "Project", "Count", "project-month", "Infrastructure", "project", tiered=False,
           tag_template="tag_project_cost.sql"),
    _machine_month("vm_core_cost_per_month", "core-month", "core_months", "OCP_VM_CORE"),
    _machine_hour("vm_core_cost_per_hour", "core-hour", "vm_core_hours"),
    Metric("gpu_cost_per_month", "GPU", "Count", "gpu-month", "Infrastructure", "gpu", template="usage_cost.sql",
           params={"quantity": "gpu_months", "into": "gpu"}, tag_template="gpu_cost.sql", by_label=False),
)  # fmt: skip


def _from_namespace(key: str, namespace: str, rate_type: str, others: tuple[str, ...], **switch: bool) -> Distribution:
    """The cost of one synthetic namespace goes to all that is not Platform and not one of `others`."""
    params: Mapping[str, object] = {
        "rate_type": rate_type, "source": namespace, "group": "Platform", "left_out": list(others),
        "keeps_currency": namespace in _UNATTRIBUTED,
    }  # fmt: skip
    return Distribution(key, "distribute.sql", params=params, **switch)


_WORKER = "Worker unallocated"
_STORAGE, _NETWORK = _UNATTRIBUTED

_MODEL_COSTS = ("cost_model_cpu_cost", "cost_model_memory_cost", "cost_model_volume_cost", "cost_model_gpu_cost")
_CAPACITIES = (
    "node_capacity_cpu_cores", "node_capacity_cpu_core_hours", "node_capacity_memory_gigabytes",
    "node_capacity_memory_gigabyte_hours", "cluster_capacity_cpu_core_hours", "cluster_capacity_memory_gigabyte_hours",
)  # fmt: skip
TOLD = Told(
    keys=(
        "cluster_id", "cluster_alias", "usage_start", "usage_end", "data_source", "namespace", "node", "resource_id",
        "pod_labels", "volume_labels", "all_labels", "persistentvolumeclaim", "persistentvolume", "storageclass",
        "cost_category_id", *_CAPACITIES, *GPU_KEYS, *VM_KEYS,
    ),
    kinds=("cost_model_rate_type", "monthly_cost_type", "raw_currency"),
    type="cost_model_rate_type",
    raw={"infrastructure_raw_cost": "Raw"},
    kept=("infrastructure_project_markup_cost",),
    moved="distributed_cost",
    moved_by=("namespace", "node", "data_source", "cost_category_id", "gpu_vendor", "gpu_model", "vm_name"),
    moved_has=(
        "cluster_id", "cluster_alias", "usage_start", "usage_end", "data_source", "namespace", "node", "resource_id",
        "cost_category_id", *_CAPACITIES, "gpu_vendor", "gpu_model", "vm_name",
    ),
    figures=("infrastructure_markup_cost", "infrastructure_project_markup_cost", *_MODEL_COSTS),
)  # fmt: skip

COST_MODEL = CostModelSpec(
    package="koku_ocp",
    told=TOLD,
    metrics=METRICS,
    markup="markup.sql",
    distributions=(
        Distribution(
            "platform_cost",
            "distribute.sql",
            default=True,
            without_model=False,
            params={
                "rate_type": "platform_distributed", "source": None, "group": "Platform",
                "left_out": [_WORKER, *_UNATTRIBUTED], "keeps_currency": False,
            },
        ),
        _from_namespace("worker_cost", _WORKER, "worker_distributed", _UNATTRIBUTED, default=True, without_model=False),
        _from_namespace("storage_unattributed", _STORAGE, "unattributed_storage", (_WORKER, _NETWORK),
                        default=False, without_model=True),
        _from_namespace("network_unattributed", _NETWORK, "unattributed_network", (_WORKER, _STORAGE),
                        default=False, without_model=True),
        Distribution("gpu_unallocated", "gpu_distribute.sql", default=False, without_model=False,
                     params={"rate_type": "gpu_distributed", "source": "GPU unallocated"}),
    ),
)  # fmt: skip
