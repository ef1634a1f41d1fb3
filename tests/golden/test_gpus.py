"""GPUs of the recorded kitchen: its answers, and its table of what each GPU was used for."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from koku_core import Koku
from koku_core.database.server import rows
from koku_core.reports import Reports
from koku_core.settings import Settings
from tests.golden.test_daily_summary import load, price
from tests.golden.test_replay import alike, answered, recorded

pytestmark = [pytest.mark.slow, pytest.mark.shared]
KEYS = ("usage_start", "namespace", "node", "vendor", "model", "mode", "profile", "gpu", "instance")
#: What the recorded table calls our figures.
FIGURES = {
    "memory": "memory_capacity_gb",
    "slices": "mig_slice_count",
    "most": "gpu_max_slices",
    "cost": "cost_model_gpu_cost",
}
_OURS = """
    SELECT usage_start::text, namespace, node, gpu_vendor AS vendor, gpu_model AS model, gpu_mode AS mode,
           coalesce(mig_profile, '') AS profile, resource_id AS gpu, coalesce(mig_instance_id, '') AS instance,
           max(gpu_memory_gigabytes) AS memory, max(mig_slice_count) AS slices, max(gpu_max_slices) AS most,
           sum(cost_model_gpu_cost) AS cost
    FROM ocp_gpu GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
Used = dict[tuple[str, ...], dict[str, Decimal]]


def test_kitchen(shared: Path, settings: Settings) -> None:
    with Koku.open(settings=settings.model_copy(update={"retain_months": 4})) as koku:
        clusters = load(koku, sorted((shared / "inputs" / "kitchen").glob("*.tar.gz")))
        price(koku, json.loads((shared / "inputs" / "kitchen" / "cost_model.json").read_text()), *clusters.values())
        answers_say_the_same(Reports(koku.services, koku.handle), shared)
        with koku.handle.connection() as conn:
            ours = {tuple(r[k] for k in KEYS): {n: Decimal(r[n] or 0) for n in FIGURES} for r in rows(conn, _OURS)}
        use_is_that_of_the_table(ours, dict(used(shared)))


def answers_say_the_same(reports: Reports, shared: Path) -> None:
    """All but the one that asks for a currency without a rate."""
    asked = [r for r in recorded(shared, "kitchen2m") if "/openshift/gpu/" in r["request"]["path"]]
    differing = []
    for record in asked:
        status, body = answered(reports, record["request"])
        if status != record["status"] or not alike(record["body"], json.loads(json.dumps(body))):
            differing.append(record["request"]["path"].partition("?")[2])
    assert len(asked) > 25
    assert differing == ["currency=EUR"]


def used(shared: Path) -> Iterator[tuple[tuple[str, ...], Mapping[str, Decimal]]]:
    """The rows of the recorded table."""
    with tarfile.open(shared / "golden" / "kitchen2m.ui_tables.tar.gz") as tar:
        file = tar.extractfile("ui_tables/reporting_ocp_gpu_summary_p.csv")
        assert file
        for row in csv.DictReader(io.TextIOWrapper(file)):
            names = (
                "usage_start",
                "namespace",
                "node",
                "vendor_name",
                "model_name",
                "gpu_mode",
                "mig_profile",
                "gpu_uuid",
                "mig_instance_id",
            )
            yield tuple(row[n] for n in names), {ours: Decimal(row[name] or 0) for ours, name in FIGURES.items()}


def use_is_that_of_the_table(ours: Used, recorded: Mapping[tuple[str, ...], Mapping[str, Decimal]]) -> None:
    """Every GPU and instance of every day, with its memory, slices and cost."""
    assert len(recorded) > 900
    assert ours.keys() == recorded.keys()
    apart = [
        k for k, figures in ours.items() if any(abs(v - recorded[k][n]) > Decimal("1e-9") for n, v in figures.items())
    ]
    assert apart == []
