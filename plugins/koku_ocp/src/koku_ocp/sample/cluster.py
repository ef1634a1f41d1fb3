"""What the sample cluster is made of and runs: a shop, payments, an ERP in virtual machines, training on GPUs, CI, and OpenShift itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAME = "sample cluster"
CLUSTER_ID = "koku-sample-cluster"
TAG_KEYS = ("app", "environment", "team")

#: What a typical server does in the hours of a working day (UTC), as a part of its peak.
_DAY = (2, 2, 1, 1, 1, 2, 3, 5, 8, 9, 10, 10, 9, 9, 10, 10, 9, 8, 7, 7, 6, 5, 4, 3)


def load(hour: int, weekend: bool) -> float:
    """The part of its peak that a busy pod uses."""
    return _DAY[hour] / (25 if weekend else 10)


@dataclass(frozen=True, slots=True)
class Node:
    """A machine: cores, memory in GiB, role as the operator tells it, and the instance behind it."""

    cores: int
    memory: int
    role: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod: cores and GiB at its peak, what it requests and is limited to (0: not set).

    Attributes:
        busy: its use follows the hours of the day.
        hours: the hours that it runs in; workdays: not at weekends.
    """

    namespace: str
    name: str
    node: str
    cpu: float
    memory: float
    cpu_request: float = 0
    memory_request: float = 0
    cpu_limit: float = 0
    memory_limit: float = 0
    labels: dict[str, str] = field(default_factory=dict)
    busy: bool = True
    hours: range = range(24)
    workdays: bool = False

    def runs(self, hour: int, weekend: bool) -> bool:
        """Whether it runs in this hour."""
        return hour in self.hours and not (self.workdays and weekend)


@dataclass(frozen=True, slots=True)
class Volume:
    """A claim that a pod mounts; capacity and use in GiB."""

    namespace: str
    pod: str
    node: str
    claim: str
    capacity: int
    used: float
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine: what it requests, the claim of its disk (GiB, and what of it is used), its guest, and the pod that runs it."""

    name: str
    cores: int
    memory: int
    disk: int
    disk_used: float
    guest: str
    pod: Pod

    @property
    def volume(self) -> Volume:
        """The claim of its disk."""
        pod = self.pod
        return Volume(pod.namespace, pod.name, pod.node, f"{self.name}-disk", self.disk, self.disk_used, pod.labels)

    def runs(self, hour: int, weekend: bool) -> bool:
        """Whether it is up in this hour."""
        return self.pod.runs(hour, weekend)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, or an instance of one, as a pod uses it for as long as it runs; no profile: the whole GPU."""

    pod: Pod
    number: int
    profile: str = ""
    instance: str = ""

    def runs(self, hour: int, weekend: bool) -> bool:
        """Whether it is in use in this hour."""
        return self.pod.runs(hour, weekend)


NODES = {
    "control-plane-0": Node(4, 16, "master", "i-0a0000000000000c0"),
    "worker-0": Node(8, 32, "worker", "i-0a0000000000000a0"),
    "worker-1": Node(8, 32, "worker", "i-0a0000000000000a1"),
    "worker-2": Node(8, 32, "worker", "i-0a0000000000000a2"),
    "gpu-0": Node(16, 64, "worker", "i-0a0000000000000d0"),
}
NODE_LABELS = {
    name: {
        "kubernetes_io_hostname": name,
        "node_kubernetes_io_instance_type": f"m6i.{'' if node.cores == 4 else '2'}xlarge",
    }
    for name, node in NODES.items()
}
NODE_LABELS["gpu-0"] |= {
    "node_kubernetes_io_instance_type": "gpu.2xa100", "nvidia_com_gpu_present": "true", "nvidia_com_gpu_count": "2",
    "nvidia_com_gpu_product": "NVIDIA-A100-SXM4-80GB", "nvidia_com_mig_strategy": "mixed",
}  # fmt: skip
NAMESPACES: dict[str, dict[str, str]] = {
    "shop": {"team": "storefront"},
    "shop-staging": {"team": "storefront"},
    "payments": {"team": "payments"},
    "analytics": {"team": "data"},
    "training": {"team": "data"},
    "erp": {"team": "back-office"},
    "ci": {"team": "platform"},
    "openshift-monitoring": {},
    "openshift-ingress": {},
    "openshift-kube-apiserver": {},
}


def _app(app: str, environment: str, team: str) -> dict[str, str]:
    return {"app": app, "environment": environment, "team": team}


_SHOP, _STAGING = _app("shop", "production", "storefront"), _app("shop", "staging", "storefront")
_PAY, _DATA, _CI = (
    _app("payments", "production", "payments"),
    _app("warehouse", "production", "data"),
    _app("ci", "ci", "platform"),
)

_TRAIN, _ERP = _app("training", "production", "data"), _app("erp", "production", "back-office")


def _machine(name: str, cores: int, memory: int, disk: int, used: float, guest: str, **when: Any) -> Machine:
    labels = _ERP | {"vm_kubevirt_io_name": name}
    pod = Pod(
        "erp",
        f"virt-launcher-{name}",
        "worker-2",
        cores * 0.8,
        memory * 0.7,
        cores,
        memory,
        cores,
        memory,
        labels,
        **when,
    )
    return Machine(name, cores, memory, disk, used, guest, pod)


MACHINES = (
    _machine("erp-db", 4, 16, 300, 210, "Red Hat Enterprise Linux"),
    _machine("erp-desk", 2, 8, 60, 35, "Microsoft Windows Server 2022", hours=range(6, 20), workdays=True),
)

_TRAINER = Pod("training", "train-0", "gpu-0", 6, 24, 6, 24, 8, 32, _TRAIN, busy=False, hours=range(0, 18))
_SERVER = Pod("training", "model-server-0", "gpu-0", 2, 8, 2, 8, 4, 12, _TRAIN | {"app": "model-server"})
_NOTEBOOKS = tuple(
    Pod("analytics", f"notebook-{i}", "gpu-0", 1, 4, 1, 4, 2, 8, _DATA | {"app": "notebook"}, hours=range(8, 18), workdays=True)
    for i in range(2)
)  # fmt: skip
#: One whole GPU, and one that is divided: three of its seven slices serve a model, two and one are for notebooks, one is free.
GPUS = (
    Gpu(_TRAINER, 0),
    Gpu(_SERVER, 1, "3g.40gb", "1"),
    Gpu(_NOTEBOOKS[0], 1, "2g.20gb", "3"),
    Gpu(_NOTEBOOKS[1], 1, "1g.10gb", "9"),
)

PODS = (
    *(Pod("shop", f"web-{i}", f"worker-{i % 2}", 0.9, 1.2, 0.5, 1, 2, 2, _SHOP) for i in range(4)),
    Pod("shop", "db-0", "worker-1", 0.8, 3.5, 1, 4, 2, 6, _SHOP | {"app": "shop-db"}),
    *(Pod("shop-staging", f"web-{i}", "worker-0", 0.2, 0.8, 0.5, 1, 2, 2, _STAGING) for i in range(2)),
    Pod("shop-staging", "db-0", "worker-0", 0.1, 1.0, 0.5, 2, 2, 4, _STAGING | {"app": "shop-db"}, busy=False),
    *(Pod("payments", f"api-{i}", f"worker-{i}", 0.6, 1.5, 0.75, 2, 1.5, 3, _PAY) for i in range(2)),
    Pod("payments", "db-0", "worker-0", 0.4, 2.5, 0.5, 3, 1, 4, _PAY | {"app": "payments-db"}),
    Pod("analytics", "warehouse-0", "worker-1", 1.5, 6.0, 1, 6, 3, 8, _DATA, busy=False),
    Pod("analytics", "nightly-load", "worker-1", 2.0, 4.0, 2, 4, 4, 8, _DATA | {"app": "nightly"}, busy=False, hours=range(1, 5)),
    *(Pod("ci", f"runner-{i}", f"worker-{i}", 1.2, 1.5, 1, 2, 2, 3, _CI, hours=range(7, 19), workdays=True) for i in range(2)),
    *(Pod("openshift-monitoring", f"prometheus-k8s-{i}", f"worker-{i}", 0.3, 2.0, 0.1, 1, labels={"app": "prometheus"}, busy=False)
      for i in range(2)),
    Pod("openshift-ingress", "router-default-0", "worker-0", 0.2, 0.3, 0.1, 0.25, labels={"app": "router"}),
    *(m.pod for m in MACHINES), *(g.pod for g in GPUS),
    Pod("openshift-kube-apiserver", "kube-apiserver-control-plane-0", "control-plane-0", 0.8, 3.0, 0.3, 1.5, labels={"app": "apiserver"}),
)  # fmt: skip

VOLUMES = (
    Volume("shop", "db-0", "worker-1", "shop-db", 100, 42, {"app": "shop-db", "environment": "production"}),
    Volume("shop-staging", "db-0", "worker-0", "staging-db", 50, 6, {"app": "shop-db", "environment": "staging"}),
    Volume("payments", "db-0", "worker-0", "payments-db", 80, 31, {"app": "payments-db", "environment": "production"}),
    Volume(
        "analytics", "warehouse-0", "worker-1", "warehouse", 500, 390, {"app": "warehouse", "environment": "production"}
    ),
    *(
        Volume("openshift-monitoring", f"prometheus-k8s-{i}", f"worker-{i}", f"prometheus-{i}", 60, 25)
        for i in range(2)
    ),
    *(m.volume for m in MACHINES),
)


def _rate(metric: str, cost_type: str, value: str) -> dict[str, Any]:
    return {"metric": {"name": metric}, "cost_type": cost_type, "tiered_rates": [{"value": value, "unit": "USD"}]}


def _gpu_rate(model: str, value: str) -> dict[str, Any]:
    price = {"tag_value": model, "value": value, "unit": "USD", "default": True}
    tags = {"tag_key": "nvidia", "tag_values": [price]}
    return {"metric": {"name": "gpu_cost_per_month"}, "cost_type": "Infrastructure", "tag_rates": tags}


COST_MODEL: Mapping[str, Any] = {
    "name": "sample prices",
    "description": "A node's and a GPU's price, and small prices for what is used beyond them.",
    "source_type": "OCP",
    "currency": "USD",
    "rates": [
        _rate("node_cost_per_month", "Infrastructure", "250"),
        _rate("cluster_cost_per_month", "Infrastructure", "120"),
        _rate("cpu_core_usage_per_hour", "Supplementary", "0.03"),
        _rate("memory_gb_usage_per_hour", "Supplementary", "0.004"),
        _rate("storage_gb_request_per_month", "Supplementary", "0.12"),
        _rate("vm_cost_per_hour", "Supplementary", "0.05"),
        _gpu_rate("NVIDIA A100 SXM4 80GB", "900"),
    ],
    "markup": {"value": "10", "unit": "percent"},
    "distribution": "cpu",
    "distribution_info": {
        "distribution_type": "cpu",
        "platform_cost": True,
        "worker_cost": True,
        "gpu_unallocated": True,
    },
}
