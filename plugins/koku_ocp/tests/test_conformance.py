"""OpenShift passes the published kit, as any provider must."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from plugins.koku_ocp.tests.payloads import START, payload, pod

import koku_ocp
from koku_core.testing import ProviderConformance
from koku_core.testing.corpus import Line
from koku_ocp.reports import POD
from koku_ocp.sample.cluster import CLUSTER_ID

#: The quick part has the kit of the toy's provider.
pytestmark = pytest.mark.slow


class TestOpenShift(ProviderConformance):
    plugin = koku_ocp
    awkward_report = "compute"
    awkward_key = "project"
    awkward_figure = "usage"
    awkward_factor = Decimal(1) / 3600
    awkward_credits = False

    def awkward(self, folder: Path, lines: Sequence[Line]) -> Path:
        rows = [self.row(n, line) for n, line in enumerate(lines)]
        return payload(folder / "payload.tar.gz", {POD: rows}, cluster_id=CLUSTER_ID)

    def row(self, number: int, line: Line) -> dict[str, object]:
        hour = (datetime.combine(line.day, time(), UTC) - START).total_seconds() / 3600
        labels = "|".join(f"label_{key}:{value}" for key, value in line.labels.items())
        return pod(
            int(hour), f"pod-{number}", namespace=line.name, pod_usage_cpu_core_seconds=line.amount, pod_labels=labels
        )
