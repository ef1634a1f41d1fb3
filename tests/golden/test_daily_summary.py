"""The daily summary of the recorded clusters, ingested and priced by us, against what the reference system made of them."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku
from koku_core.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.shared]

TAGS = (
    "environment",
    "app",
    "version",
    "storageclass",
    "application",
    "instance-type",
    "stage",
    "group",
    "cats",
    "vm_kubevirt_io_name",
)
NAMES = {
    "my-ocp-cluster-1": "Test OCP on AWS", "my-ocp-cluster-2": "Test OCP on Azure", "my-ocp-cluster-3": "Test OCP on Premises",
    "test-ocp-gcp-cluster": "Test OCP on GCP",
}  # fmt: skip
MONTHS = (date(2026, 10, 1), date(2026, 11, 1))
KEYS = ("usage_start", "cluster_id", "namespace", "node", "data_source", "cost_model_rate_type", "monthly_cost_type")
#: Sums of capacity mean nothing: it repeats on every row of a node and day, and the reference has empty rows (difference 17).
FIGURES = (
    *(f"pod_{m}_{k}" for m in ("usage", "request", "effective_usage", "limit") for k in ("cpu_core_hours", "memory_gigabyte_hours")),
    "persistentvolumeclaim_capacity_gigabyte_months", "volume_request_storage_gigabyte_months",
    "persistentvolumeclaim_usage_gigabyte_months", "infrastructure_raw_cost", "infrastructure_markup_cost",
    "cost_model_cpu_cost", "cost_model_memory_cost", "cost_model_volume_cost", "cost_model_gpu_cost", "distributed_cost",
)  # fmt: skip
UNALLOCATED = ("Worker unallocated", "Platform unallocated")

Key = tuple[str, ...]
Sums = dict[Key, dict[str, Decimal]]
Listed = Callable[[dict[str, str], str], bool]


def sums(rows: Iterable[Mapping[str, Any]]) -> Sums:
    """The figures of rows, added up by `KEYS`."""
    made: Sums = defaultdict(lambda: dict.fromkeys(FIGURES, Decimal(0)))
    for row in rows:
        group = made[tuple(str(row[k] or "") for k in KEYS)]
        for figure in FIGURES:
            group[figure] += Decimal(row[figure] or 0)
    return made


def load(koku: Koku, payloads: Iterable[Path]) -> dict[str, str]:
    """Ingest payloads, each cluster a source; their uuids by cluster."""
    koku.tags.enable("OCP", TAGS)
    clusters: dict[str, str] = {}
    for path in payloads:
        cluster = path.name.split(".")[0]
        if cluster not in clusters:
            clusters[cluster] = koku.sources.add("ocp", name=NAMES[cluster], cluster_id=cluster).uuid
        koku.ingest(koku.sources.get(clusters[cluster]), path)
    return clusters


def price(koku: Koku, body: Mapping[str, Any], source: str, first: str | None = None) -> None:
    """Give a source a cost model, its own price list valid from `first` on."""
    made = koku.cost_models.create({**body, "source_uuids": [source]})
    if first:
        for listed in made["price_lists"]:
            koku.price_lists.update(listed["uuid"], {"effective_start_date": first})
    koku.work()
    assert koku.jobs.count(("waiting", "running", "failed")) == 0


def differences(shared: Path, scenario: str, koku: Koku, clusters: Mapping[str, str], listed: Listed) -> list[str]:
    """What differs between our sums and the recorded ones and is not in `docs/differences.md`."""
    with gzip.open(shared / "golden" / f"{scenario}.daily_summary.csv.gz", "rt") as file:
        recorded = sums(csv.DictReader(file))
    ours = sums(
        row
        for uuid in clusters.values()
        for month in MONTHS
        for row in koku.daily_summary(koku.sources.get(uuid), month).to_pylist()
    )
    found = []
    for key in sorted(recorded.keys() | ours.keys()):
        one, other = (s.get(key, dict.fromkeys(FIGURES, Decimal(0))) for s in (recorded, ours))
        for figure in FIGURES:
            apart = abs(one[figure] - other[figure])
            if apart > Decimal("1e-6") * abs(one[figure]) and apart > Decimal("1e-12"):
                named = dict(zip(KEYS, key, strict=True))
                if not listed(named, figure):
                    found.append(f"{key} {figure}: recorded {one[figure]}, ours {other[figure]}")
    assert len(recorded) > 1000
    return found


def usage_differs(key: dict[str, str], figure: str) -> bool:
    """Difference 1: the recorded limit of unallocated rows is empty."""
    return "_limit_" in figure and key["namespace"] in UNALLOCATED


def test_basic(shared: Path, settings: Settings) -> None:
    with Koku.open(settings=settings) as koku:
        clusters = load(koku, sorted((shared / "inputs" / "basic").glob("*.tar.gz")))
        body = json.loads((shared / "inputs" / "basic" / "cost_model.json").read_text())
        price(koku, body, clusters["my-ocp-cluster-1"], "2026-11-01")
        assert differences(shared, "basic", koku, clusters, usage_differs) == []


def test_nocm_and_multi(shared: Path, settings: Settings) -> None:
    with Koku.open(settings=settings) as koku:
        payloads = sorted(p for folder in ("basic", "nocm") for p in (shared / "inputs" / folder).glob("*.tar.gz"))
        clusters = load(koku, payloads)
        assert differences(shared, "nocm", koku, clusters, usage_differs) == []
        models = json.loads((shared / "inputs" / "nocm" / "multi_cost_models.json").read_text())
        for model, uuid in zip(models, clusters.values(), strict=True):
            price(koku, model, uuid)
        assert differences(shared, "multi", koku, clusters, multi_differs) == []


def multi_differs(key: dict[str, str], figure: str) -> bool:
    """Besides: a claim pays once (9), in the two namespaces that have two."""
    two = key["cluster_id"] == "my-ocp-cluster-2" and key["namespace"] in ("banking", "weather")
    return usage_differs(key, figure) or (two and key["monthly_cost_type"] == "PVC" and "_volume_" in figure)


def test_kitchen(shared: Path, settings: Settings) -> None:
    with Koku.open(settings=settings) as koku:
        clusters = load(koku, sorted((shared / "inputs" / "kitchen").glob("*.tar.gz")))
        price(koku, json.loads((shared / "inputs" / "kitchen" / "cost_model.json").read_text()), *clusters.values())
        assert differences(shared, "kitchen2m", koku, clusters, kitchen_differs) == []


def kitchen_differs(key: dict[str, str], figure: str) -> bool:
    """Besides: a claim pays once (9), what a label's price leaves of a node repeats no usage, and what is left of GPUs is handed on in the
    current month too."""
    again = key["namespace"] in UNALLOCATED and key["monthly_cost_type"] == "Node" and figure.startswith("pod_")
    claims = key["namespace"] == "NewDelhi" and key["monthly_cost_type"] == "PVC" and "_volume_" in figure
    current = key["cost_model_rate_type"] == "gpu_distributed" and key["usage_start"] >= str(MONTHS[1])
    return usage_differs(key, figure) or again or claims or current
