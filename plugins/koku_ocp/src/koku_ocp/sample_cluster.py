"""What the sample cluster is made of and runs: a shop, its staging, payments, analytics, CI, and OpenShift's own projects."""

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


NODES = {
    "control-plane-0": Node(4, 16, "master", "i-0a0000000000000c0"),
    "worker-0": Node(8, 32, "worker", "i-0a0000000000000a0"),
    "worker-1": Node(8, 32, "worker", "i-0a0000000000000a1"),
}
NODE_LABELS = {
    name: {
        "kubernetes_io_hostname": name,
        "node_kubernetes_io_instance_type": f"m6i.{'' if node.cores == 4 else '2'}xlarge",
    }
    for name, node in NODES.items()
}
NAMESPACES: dict[str, dict[str, str]] = {
    "shop": {"team": "storefront"},
    "shop-staging": {"team": "storefront"},
    "payments": {"team": "payments"},
    "analytics": {"team": "data"},
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
)


def _rate(metric: str, cost_type: str, value: str) -> dict[str, Any]:
    return {"metric": {"name": metric}, "cost_type": cost_type, "tiered_rates": [{"value": value, "unit": "USD"}]}


COST_MODEL: Mapping[str, Any] = {
    "name": "sample prices",
    "description": "A node's price, and small prices for what is used beyond it.",
    "source_type": "OCP",
    "currency": "USD",
    "rates": [
        _rate("node_cost_per_month", "Infrastructure", "250"),
        _rate("cluster_cost_per_month", "Infrastructure", "120"),
        _rate("cpu_core_usage_per_hour", "Supplementary", "0.03"),
        _rate("memory_gb_usage_per_hour", "Supplementary", "0.004"),
        _rate("storage_gb_request_per_month", "Supplementary", "0.12"),
    ],
    "markup": {"value": "10", "unit": "percent"},
    "distribution": "cpu",
    "distribution_info": {"distribution_type": "cpu", "platform_cost": True, "worker_cost": True},
}
