"""The sample cluster: dated as promised, the same every time, and what the operator would have sent."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from datetime import date
from pathlib import Path

import pytest

from koku_ocp.sample import sample
from koku_ocp.sample.cluster import NODES, PODS


def members(payload: Path) -> dict[str, str]:
    with tarfile.open(payload) as tar:
        return {m.name: (tar.extractfile(m) or io.BytesIO()).read().decode() for m in tar}


def rows(payload: Path, kind: str) -> list[dict[str, str]]:
    text = next(t for name, t in members(payload).items() if f"-{kind}-usage-" in name)
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 11, 24), "2026-10-01", "2026-11-23"),
        (date(2026, 3, 1), "2026-01-01", "2026-02-28"),
        (date(2027, 1, 2), "2026-12-01", "2027-01-01"),
    ],
)
def test_it_covers_last_month_and_this_one_up_to_yesterday(tmp_path: Path, today: date, first: str, last: str) -> None:
    made = sample(tmp_path, today)
    days = [r["interval_start"][:10] for p in made.payloads for r in rows(p, "node")]
    assert (min(days), max(days)) == (first, last)
    assert len(days) == len(set(days)) * 24 * len(NODES)


def test_the_manifest_names_every_file_and_the_cluster(tmp_path: Path) -> None:
    made = sample(tmp_path, date(2026, 11, 24))
    for payload in made.payloads:
        found = members(payload)
        manifest = json.loads(found.pop("manifest.json"))
        assert sorted(manifest["files"]) == sorted(found)
        assert manifest["cluster_id"] == made.credentials["cluster_id"]
        assert manifest["resource_optimization_files"] is None


def test_the_same_day_gives_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (sample(tmp_path / name, date(2026, 11, 24)) for name in "ab")
    assert [members(p) for p in first.payloads] == [members(p) for p in second.payloads]


def test_pods_run_when_they_should_and_fit_their_nodes(tmp_path: Path) -> None:
    pods = rows(sample(tmp_path, date(2026, 11, 24)).payloads[-1], "pod")
    assert {p["pod"] for p in pods} == {p.name for p in PODS}
    runner = {p["interval_start"][11:13] for p in pods if p["pod"] == "runner-0"}
    assert (min(runner), max(runner)) == ("07", "18")
    assert not [p for p in pods if p["pod"] == "runner-0" and p["interval_start"].startswith("2026-11-22")], "a Sunday"
    for node in NODES:
        noon = [p for p in pods if p["node"] == node and p["interval_start"].startswith("2026-11-23 12")]
        used = sum(float(p["pod_usage_cpu_core_seconds"]) for p in noon)
        assert 0 < used < float(noon[0]["node_capacity_cpu_core_seconds"])
