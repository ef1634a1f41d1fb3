"""The templates of all providers on all engines that are here, over line items that nobody would write by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import hypothesis
import pytest

import koku_acme
import koku_aws
import koku_ocp
from koku_core.embedded import EmbeddedServer
from koku_core.settings import Settings
from koku_core.testing import EngineConformance, ExecutorConformance
from koku_core.testing.fixtures import settings_for
from koku_core.testing.generated import Hints

pytestmark = pytest.mark.slow
_NODES = ("n1", "N1", "", 'it\'s "quoted" \\ %_{}', "☕", None)
_NAMESPACES = ("shop", "kube-system", "openshift", "", "x" * 70)
OCP = Hints(
    texts={
        "node": _NODES, "namespace": _NAMESPACES, "pod": ("p1", "p2", "☕", ""),
        "node_role": ("master", "infra", "worker", "odd", "", None),
        "vm_name": ("vm1", "a", "", None), "persistentvolume": ("pv1", "pv2", "", None), "persistentvolumeclaim": ("c1", "c2", "", None),
        "gpu_model_name": ("A100", "H100", "", None), "gpu_uuid": ("g1", "g2", "", None),
    },
    keys=("vm_kubevirt_io_name", "node_role_kubernetes_io", "node_role_kubernetes_io_infra"),
    filled=("pod_hours",), whole=("node_capacity_cpu_cores", "persistentvolumeclaim_capacity_bytes"),
    largest={"node_capacity_cpu_cores": 100, "gpu_memory_capacity_mib": 10**6},
)  # fmt: skip
AWS = Hints(
    texts={
        "line_item_type": ("Usage", "Tax", "SavingsPlanNegation", "SavingsPlanCoveredUsage", "SavingsPlanUpfrontFee"),
        "billing_entity": ("AWS", "AWS Marketplace"), "usage_account_id": ("1", "2", "☕"),
    },
    filled=("tags", "cost_category"),
)  # fmt: skip


class TestAcme(EngineConformance):
    plugin = koku_acme
    conserved: ClassVar = {"cost": "acme_line_items.cost", "usage": "acme_line_items.usage"}


class TestAws(EngineConformance):
    plugin = koku_aws
    hints = AWS
    conserved: ClassVar = {
        n: f"aws_line_items.{n}" for n in ("unblended_cost", "blended_cost", "savingsplan_effective_cost")
    }


class TestOpenShift(EngineConformance):
    plugin = koku_ocp
    hints = OCP
    on_trino = hypothesis.settings(EngineConformance.on_trino, max_examples=1)  # its four templates take seconds each


class TestPostgres(ExecutorConformance):
    """The default engine makes the same rows on the newest PostgreSQL that there is a wheel of as on the server of the tests."""

    executor = "postgres"
    hints: ClassVar = {"ocp": OCP, "aws": AWS}

    @pytest.fixture
    def reference(self, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Settings]:
        with EmbeddedServer(tmp_path_factory.mktemp("newest"), durable=False) as server:
            yield settings_for(server.dsn, tmp_path)
