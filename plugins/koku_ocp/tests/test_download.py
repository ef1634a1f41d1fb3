"""Manifests: what is read of them, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from plugins.koku_ocp.tests.payloads import LIMITS, manifest, payload, pod, tarball

from koku_core.errors import PayloadRefused
from koku_core.intake.archive import Limits
from koku_ocp.download import receive
from koku_ocp.labels import parse
from koku_ocp.reports import POD


def test_a_receipt_says_what_the_manifest_says(tmp_path: Path) -> None:
    made = payload(tmp_path / "p.tar.gz", {POD: [pod(0)]}, expected=["more.csv"], certified="True", daily_reports="True",
                   cr_status={"clusterVersion": "stable-4.6", "upload": {"upload": "False", "error": "no route"}})  # fmt: skip
    receipt = receive(made, LIMITS)
    assert receipt.source_key == "cluster-1"
    assert receipt.expected == ("pod_usage.1.csv", "more.csv")
    assert receipt.present == ("pod_usage.1.csv",)
    assert receipt.made == datetime(2026, 11, 22, 18, 1, 28, 630080, UTC)
    assert receipt.details == {
        "operator_version": "abc", "operator_certified": True, "operator_daily_reports": True, "operator_airgapped": True,
        "operator_errors": {"upload_error": "no route"}, "cluster_channel": "stable-4.6",
        "vm_cpu_core_cost_model_support": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("version", "files", "told"),
    [("5.4.4", [], True), ("v4.0.0", [], True), ("3.3.2", [], False), ("06a2a850", [], False),
     ("06a2a850", ["cm-openshift-vm-usage-1.csv"], True)],
)  # fmt: skip
def test_an_operator_that_reports_machines_is_known_by_its_version_or_files(
    tmp_path: Path, version: str, files: list[str], told: bool
) -> None:
    made = payload(tmp_path / "p.tar.gz", {POD: [pod(0)]}, expected=files, version=version)
    assert receive(made, LIMITS).details["vm_cpu_core_cost_model_support"] is told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T18:01:28Z", datetime(2026, 11, 22, 18, 1, 28, tzinfo=UTC)),
        ("2026-11-22T18:01:28.123456789Z", datetime(2026, 11, 22, 18, 1, 28, 123456, UTC)),
        ("2119-02-05 16:18:40.706683", datetime(2119, 2, 5, 16, 18, 40, 706683, UTC)),
        ("2026-11-22T20:01:28+02:00", datetime(2026, 11, 22, 18, 1, 28, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None), (None, None), ("soon", None), (5, None),
    ],
)  # fmt: skip
def test_times_in_every_form(tmp_path: Path, text: Any, expected: datetime | None) -> None:
    assert receive(payload(tmp_path / "p.tar.gz", {}, start=text, end=text), LIMITS).start == expected


def test_a_payload_of_another_product_alone_holds_nothing(tmp_path: Path) -> None:
    receipt = receive(payload(tmp_path / "p.tar.gz", {}, files=None, resource_optimization_files=["ros.csv"]), LIMITS)
    assert receipt.expected == ()
    assert receipt.present == ()


@pytest.mark.parametrize(
    "change",
    [
        {"uuid": "x"}, {"uuid": None}, {"cluster_id": ""}, {"cluster_id": "../etc"}, {"cluster_id": 7}, {"cluster_id": "a" * 300},
        {"date": "never"}, {"files": "a.csv"}, {"files": ["/etc/passwd"]}, {"files": ["../a.csv"]}, {"files": [3]}, {"files": ["a\\b"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_lacks_what_is_needed_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(PayloadRefused, match=r"manifest\.json"):
        receive(payload(tmp_path / "p.tar.gz", {}, **change), LIMITS)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_not_json_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(PayloadRefused):
        receive(tarball(tmp_path / "p.tar.gz", {"manifest.json": data}), LIMITS)


def test_no_manifest_is_refused(tmp_path: Path, shared: Path) -> None:
    with pytest.raises(PayloadRefused, match="holds no"):
        receive(tarball(tmp_path / "p.tar.gz", {"sub/manifest.json": b"{}"}), LIMITS)
    with pytest.raises(PayloadRefused, match="holds no"):
        receive(shared / "inputs" / "operator" / "packaging" / "testFile.tar.gz", LIMITS)


def test_a_member_that_the_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    body = json.dumps(manifest(["a.csv"])).encode()
    for stranger in ("b.csv", "sub/a.csv"):
        with pytest.raises(PayloadRefused, match="not named") as caught:
            receive(tarball(tmp_path / "p.tar.gz", {"a.csv": b"", stranger: b"", "manifest.json": body}), LIMITS)
        assert caught.value.facts["member"] == stranger
    receive(tarball(tmp_path / "p.tar.gz", {"._manifest.json": b"junk", "a.csv": b"", "./manifest.json": body}), LIMITS)


def test_a_large_manifest_is_refused(tmp_path: Path) -> None:
    body = json.dumps(manifest([], cr_status={"x": "y" * 1000})).encode()
    with pytest.raises(PayloadRefused, match="at most 500"):
        receive(tarball(tmp_path / "p.tar.gz", {"manifest.json": body}), Limits(manifest_bytes=500))


def test_real_payloads_are_received(shared: Path) -> None:
    inputs = shared / "inputs"
    old = receive(inputs / "operator" / "packaging" / "20210720T180121-cost-mgmt.tar.gz", LIMITS)
    assert len(old.expected) == len(old.present) == 4
    assert old.start == datetime(2021, 7, 20, 15, tzinfo=UTC)
    parts = [receive(p, LIMITS) for p in sorted((inputs / "operator" / "payload_split").glob("*.gz"))]
    assert len({p.delivery for p in parts}) == 1
    assert {name for p in parts for name in p.present} == set(parts[0].expected)
    (ros,) = (inputs / "operator" / "payload_ros_only").glob("*.gz")
    assert receive(ros, LIMITS).expected == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "{}"),
        ("label_b:2|label_a:1", '{"a":"1","b":"2"}'),
        ("label_my_label_x:1", '{"my_label_x":"1"}'),
        ("label_url:http://x:80/", '{"url":"http://x:80/"}'),
        ("nocolon|a:1", '{"a":"1"}'),
        ("a:1|label_a:2", '{"a":"2"}'),
        ('q:say "é\\"', '{"q":"say \\"é\\\\\\""}'),
        ("a:", '{"a":""}'),
    ],
)
def test_labels(text: str, expected: str) -> None:
    assert parse(text)[0] == expected
