"""From payloads to line items: every rule of the operator's reports, on payloads like its own."""

from __future__ import annotations

import csv
import gc
import io
import json
import math
import random
import tarfile
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.koku_ocp.tests.payloads import LIMITS, at, manifest, payload, pod, table, tarball

from koku_core.declare.deliveries import Normalized
from koku_core.errors import PayloadRefused, UnreadableCell
from koku_ocp import blocks
from koku_ocp.normalize import normalize
from koku_ocp.reports import ALL, GPU, NAMESPACE_LABELS, NODE_LABELS, POD, STORAGE, VM, Report, detect

DAY = date(2026, 11, 10)
CPU, REQUEST = "pod_usage_cpu_core_seconds", "pod_request_cpu_core_seconds"
EFFECTIVE = "pod_effective_usage_cpu_core_seconds"


def read(tmp_path: Path, reports: dict[Report, list[dict[str, Any]]], **options: Any) -> Normalized:
    return normalize([payload(tmp_path / "p.tar.gz", reports)], LIMITS, options.get("only"))


def raw(tmp_path: Path, **files: bytes) -> Normalized:
    members = {f"{name}.csv": data for name, data in files.items()}
    body = json.dumps(manifest(list(members))).encode()
    return normalize([tarball(tmp_path / "p.tar.gz", {**members, "manifest.json": body})], LIMITS, None)


def only_row(found: Normalized, dataset: str) -> dict[str, Any]:
    (row,) = found.tables[dataset].to_pylist()
    return dict(row)


def test_the_type_comes_from_the_header_in_order() -> None:
    for report in ALL:
        assert detect(report.required) is report
        assert detect(report.required | {"something", "else"}) is report
    assert detect(STORAGE.required | POD.required) is STORAGE
    assert detect(POD.required - {"pod_labels"}) is None


def test_effective_usage_is_the_larger_one_of_each_hour_added_up(tmp_path: Path) -> None:
    rows = [pod(h, **{CPU: usage, REQUEST: request}) for h, usage, request in ((0, 9, 4), (1, 9, 12), (2, 9, 15))]
    row = only_row(read(tmp_path, {POD: rows}), "ocp_pod_days")
    assert (row[CPU], row[REQUEST], row[EFFECTIVE]) == (27, 31, 36)
    assert row["pod_hours"] == 3


def test_hours_are_told_as_bits(tmp_path: Path) -> None:
    found = read(tmp_path, {POD: [pod(0), pod(23), pod(24 + 5)], NODE_LABELS: [at(7, node="n1")]})
    assert found.hours == {DAY: 1 | 1 << 23 | 1 << 7, date(2026, 11, 11): 1 << 5}


def test_only_the_hours_asked_for_are_folded(tmp_path: Path) -> None:
    rows = [pod(h, **{CPU: 10**h}) for h in range(4)]
    found = read(tmp_path, {POD: rows}, only={DAY: 0b0110})
    assert only_row(found, "ocp_pod_days")[CPU] == 110
    assert found.hours == {DAY: 0b0110}
    assert read(tmp_path, {POD: rows}, only={date(2026, 1, 1): -1}).tables["ocp_pod_days"].num_rows == 0


def test_a_node_has_the_largest_capacity_of_each_hour(tmp_path: Path) -> None:
    seconds = "node_capacity_cpu_core_seconds"
    rows = [
        pod(0, "a", **{seconds: 3600, "node_capacity_cpu_cores": 1, "node_role": "worker", "resource_id": "i-1"}),
        pod(0, "b", **{seconds: 7200, "node_capacity_cpu_cores": 2, "node_role": "infra", "resource_id": "i-2"}),
        pod(1, "a", **{seconds: 3600, "node_capacity_cpu_cores": 1, "node_role": "worker"}),
        pod(1, "lost", node="", **{seconds: 99}),
    ]
    found = read(tmp_path, {POD: rows})
    row = only_row(found, "ocp_node_days")
    assert (row[seconds], row["node_capacity_cpu_cores"], row["node_role"], row["resource_id"]) == (
        10800,
        2,
        "infra",
        "i-2",
    )
    assert row["runs_control_plane"] is False
    assert "" in found.tables["ocp_pod_days"]["node"].to_pylist()  # kept: the summary leaves it out


@pytest.mark.parametrize(
    ("roles", "kept"),
    [
        (["worker", "master"], "master"),
        (["infra", "control-plane"], "master"),
        (["", "worker"], "worker"),
        (["odd"], None),
        ([""], None),
    ],
)
def test_the_highest_role_counts(tmp_path: Path, roles: list[str], kept: str | None) -> None:
    rows = [pod(h, node_role=role) for h, role in enumerate(roles)]
    assert only_row(read(tmp_path, {POD: rows}), "ocp_node_days")["node_role"] == kept


def test_a_node_that_runs_the_api_server_is_known(tmp_path: Path) -> None:
    rows = [
        at(0, namespace="openshift-kube-apiserver", node="n1", pod="api"),
        at(0, namespace="shop", node="n2", pod="web"),
    ]
    nodes = {
        r["node"]: r["runs_control_plane"] for r in read(tmp_path, {POD: rows}).tables["ocp_node_days"].to_pylist()
    }
    assert nodes == {"n1": True, "n2": False}


def test_a_later_row_of_the_same_hour_corrects_the_first(tmp_path: Path) -> None:
    rows = [
        pod(0, **{CPU: 5}),
        pod(1, **{CPU: 7}),
        pod(0, **{CPU: 9, "pod_labels": "label_a:1"}),
        pod(1, "b", **{CPU: 1}),
    ]
    found = read(tmp_path, {POD: rows}).tables["ocp_pod_days"].to_pylist()
    assert sorted((r["pod"], r["pod_labels"], r[CPU], r["pod_hours"]) for r in found) == [
        ("b", "{}", 1, 1), ("web", '{"a":"1"}', 9, 1), ("web", "{}", 7, 1),
    ]  # fmt: skip


def test_a_correction_is_found_across_blocks_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 4096)
    rows = [pod(h, f"p{n}", **{CPU: 1}) for h in range(24) for n in range(20)]
    late = [pod(3, "p7", **{CPU: 100})]
    found = raw(tmp_path, **{"pods.2": table(POD, late), "pods.1": table(POD, rows)})
    usage = {r["pod"]: r[CPU] for r in found.tables["ocp_pod_days"].to_pylist()}
    assert usage == {f"p{n}": 24 for n in range(20)} | {"p7": 123}
    found = raw(tmp_path, **{"pods.10": table(POD, rows), "pods.9": table(POD, late)})
    assert {r["pod"]: r[CPU] for r in found.tables["ocp_pod_days"].to_pylist()}[
        "p7"
    ] == 24  # part 10 comes after part 9


def test_labels_that_change_are_rows_of_their_own_with_their_last_hour(tmp_path: Path) -> None:
    rows = [at(h, node="n1", node_labels="label_a:1|label_b:2" if h < 20 else "label_b:2|label_a:1") for h in range(22)]
    rows += [at(h, node="n1", node_labels="label_a:2") for h in (22, 23)]
    found = read(tmp_path, {NODE_LABELS: rows}).tables["ocp_node_label_days"].to_pylist()
    assert sorted((r["node_labels"], r["label_hours"], r["last_hour"]) for r in found) == [
        ('{"a":"1","b":"2"}', 22, 21), ('{"a":"2"}', 2, 23),
    ]  # fmt: skip


def test_label_keys_of_every_report_are_offered_as_tags(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            POD: [pod(0, pod_labels="label_p:1")],
            VM: [at(0, namespace="shop", vm_name="v", vm_labels="label_v:1")],
            STORAGE: [
                at(0, persistentvolume="pv", persistentvolume_labels="label_s:1", persistentvolumeclaim_labels="c:1")
            ],
            NODE_LABELS: [at(0, node="n1", node_labels="label_n:1")],
            NAMESPACE_LABELS: [at(0, namespace="shop", namespace_labels="label_my_label_x:a:b")],
        },
    )
    assert found.tag_keys == {"p", "v", "s", "c", "n", "my_label_x"}


def test_bad_numbers_leave_their_row_out_and_are_counted(tmp_path: Path) -> None:
    rows = [pod(h, **{CPU: value}) for h, value in enumerate(["1", "2e18", "NaN", "+Inf", "-Inf", "1e400", "3"])]
    found = read(tmp_path, {POD: rows})
    assert only_row(found, "ocp_pod_days")[CPU] == 4
    (count,) = found.files
    assert (count.rows, sum(count.left_out.values())) == (7, 5)
    assert any("5 rows were left out" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (CPU, "1,5", "a number"), (CPU, "0x10", "a number"), (CPU, "null", "a number"),
        ("interval_start", "", "a time"), ("interval_start", "2026-02-30 00:00:00 +0000 UTC", "a time"),
        ("interval_start", "yesterday", "a time"), ("interval_start", "0001-01-01 00:00:00 +0000 UTC", "a time"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_named(tmp_path: Path, column: str, value: str, expected: str) -> None:
    rows = [pod(h % 24, f"p{h}", **{CPU: 1}) for h in range(50)]
    rows[41][column] = value
    with pytest.raises(UnreadableCell) as caught:
        read(tmp_path, {POD: rows})
    facts = caught.value.facts
    assert (facts["row"], facts["column"], facts["value"]) == (43, column, value)
    assert facts["file"].startswith("pod_usage")
    assert facts["expected"].startswith(expected)


def test_a_row_with_too_few_cells_is_named(tmp_path: Path) -> None:
    data = table(POD, [pod(0)]) + b"2026-11-10 00:00:00 +0000 UTC,\n"
    with pytest.raises(UnreadableCell, match=r"row 3.*2 cells"):
        raw(tmp_path, pods=data)


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCell, match="UTF-8"):
        raw(tmp_path, pods=table(POD, [pod(0, "w\xe9b")]).decode().encode("latin-1"))


def test_blank_is_nothing_and_nul_is_dropped(tmp_path: Path) -> None:
    row = only_row(raw(tmp_path, pods=table(POD, [pod(0, 'a "quoted", <b>&\x00 name')])), "ocp_pod_days")
    assert row["pod"] == 'a "quoted", <b>& name'
    assert row[CPU] == 0
    assert row["pod_labels"] == "{}"
    assert row["resource_id"] == ""


def test_windows_lines_older_schemas_and_a_missing_last_newline_are_read(tmp_path: Path) -> None:
    older = table(POD, [pod(0, **{CPU: 3})], newline="\r\n", without=["node_role"]).rstrip()
    assert only_row(raw(tmp_path, pods=b"\xef\xbb\xbf" + older), "ocp_pod_days")[CPU] == 3
    storage = table(STORAGE, [at(0, persistentvolume="pv")], without=["node", "csi_driver", "csi_volume_handle"])
    row = only_row(raw(tmp_path, storage=storage), "ocp_storage_days")
    assert (row["node"], row["csi_driver"], row["persistentvolume"]) == ("", "", "pv")


def test_a_file_with_a_header_alone_empties_its_dataset(tmp_path: Path) -> None:
    found = read(tmp_path, {POD: [], VM: []})
    assert {name: rows.num_rows for name, rows in found.tables.items()} == {
        "ocp_pod_days": 0,
        "ocp_node_days": 0,
        "ocp_vm_days": 0,
    }
    assert found.hours == {}


def test_files_of_no_known_kind_are_told(tmp_path: Path) -> None:
    found = raw(tmp_path, odd=b"a,b\n1,2\n", empty=b"", binary=bytes(range(256)), pods=table(POD, [pod(0)]))
    assert sorted(w.split()[0] for w in found.warnings) == ["binary.csv", "empty.csv", "odd.csv"]
    assert found.tables["ocp_pod_days"].num_rows == 1


def test_files_of_another_product_are_not_worth_a_word(tmp_path: Path) -> None:
    members = {"ros.csv": b"a,b\n1,2\n", "pods.csv": table(POD, [pod(0)])}
    body = manifest(["pods.csv"], resource_optimization_files=["ros.csv"])
    found = normalize(
        [tarball(tmp_path / "p.tar.gz", {**members, "manifest.json": json.dumps(body).encode()})], LIMITS, None
    )
    assert found.warnings == []


def test_a_file_that_came_twice_counts_as_it_came_last(tmp_path: Path) -> None:
    first = payload(tmp_path / "1.tar.gz", {POD: [pod(0, **{CPU: 1})]})
    second = payload(tmp_path / "2.tar.gz", {POD: [pod(0, **{CPU: 2})]})
    found = normalize([first, second], LIMITS, None)
    assert only_row(found, "ocp_pod_days")[CPU] == 2


def test_machines_keep_their_uptime_times_cores(tmp_path: Path) -> None:
    rows = [
        at(h, namespace="shop", node="n1", vm_name="v", vm_uptime_total_seconds=3600, vm_cpu_request_cores=cores)
        for h, cores in ((0, 2), (1, 4))
    ]
    row = only_row(read(tmp_path, {VM: rows}), "ocp_vm_days")
    assert (row["vm_core_seconds_up"], row["vm_cpu_request_cores"], row["last_hour"]) == (3600 * 6, 4, 1)


@pytest.mark.parametrize(
    ("model", "profile", "told", "expected"),
    [
        ("NVIDIA-A100-SXM4-80GB", "1g.5gb", "", ("NVIDIA A100 SXM4 80GB", 1, 5120, 7)),
        (
            "Brand-New-X1",
            "2g.20gb",
            "",
            ("Brand New X1", 2, 20480, None),
        ),  # unknown to us: its slice is kept all the same
        ("Brand-New-X1", "2g.20gb", "8", ("Brand New X1", 2, 20480, 8)),
        ("Tesla_T4", "", "", ("Tesla T4", None, None, None)),
        ("A100", "1g.5gb+me", "1000000000000", ("A100", 1, 5120, 7)),
        ("A100", f"{10**30}g.5gb", "", ("A100", None, None, None)),
        ("A100", "0g.5gb", "-7", ("A100", None, None, None)),
    ],
)
def test_gpus_are_cleaned(tmp_path: Path, model: str, profile: str, told: str, expected: tuple[Any, ...]) -> None:
    row = at(0, node="n", namespace="x", pod="p", gpu_uuid="G", gpu_model_name=model, gpu_vendor_name="nvidia_com_gpu",
             gpu_memory_capacity_mib="81920", gpu_pod_uptime="3600.000000", mig_profile=profile, gpu_max_slices=told)  # fmt: skip
    found = only_row(read(tmp_path, {GPU: [row]}), "ocp_gpu_days")
    assert (
        tuple(found[k] for k in ("gpu_model_name", "mig_slice_count", "mig_memory_capacity_mib", "gpu_max_slices"))
        == expected
    )
    assert (found["gpu_vendor_name"], found["gpu_pod_uptime"]) == ("nvidia", 3600)


def test_every_dataset_has_its_declared_schema(tmp_path: Path) -> None:
    from koku_ocp import datasets

    found = read(tmp_path, {report: [at(0)] for report in ALL})
    for dataset in datasets.ALL:
        assert found.tables[dataset.name].schema == dataset.normalized_schema


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 47), st.sampled_from("abc"), st.floats(0, 1e13), st.floats(0, 1e13), st.sampled_from(["", "x:1", "label_x:1"])
        ),
        max_size=60, unique_by=lambda r: r[:2],
    ),
    st.integers(200, 4000),
)  # fmt: skip
def test_nothing_is_lost_and_nothing_is_doubled(
    tmp_path: Path, rows: list[tuple[int, str, float, float, str]], block: int
) -> None:
    """Σ of the file = Σ of the line items, to the ninth decimal, however the file is cut into blocks."""
    made = [pod(h, name, **{CPU: repr(u), REQUEST: repr(r), "pod_labels": text}) for h, name, u, r, text in rows]
    before, blocks.BLOCK = blocks.BLOCK, block
    try:
        found = read(tmp_path, {POD: made}).tables["ocp_pod_days"]
    finally:
        blocks.BLOCK = before
    exact = [(Decimal(u).quantize(Decimal("1e-9")), Decimal(r).quantize(Decimal("1e-9"))) for _, _, u, r, _ in rows]
    assert sum(found[CPU].to_pylist()) == sum(u for u, _ in exact)
    assert sum(found[EFFECTIVE].to_pylist()) == sum(max(pair) for pair in exact)
    assert sum(found["pod_hours"].to_pylist()) == len(rows)


def test_memory_follows_the_groups_not_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 1 << 20)

    def peak(times: int) -> int:
        line = table(POD, [pod(h, f"p{n}", **{CPU: 1}) for h in range(24) for n in range(40)]).split(b"\n", 1)
        archive = tarball(
            tmp_path / "p.tar.gz",
            {"p.csv": line[0] + b"\n" + line[1] * times, "manifest.json": json.dumps(manifest(["p.csv"])).encode()},
        )
        gc.collect()  # what earlier tests left would be counted as freed
        start = pa.total_allocated_bytes()
        most = 0
        real = blocks.read_block

        def watched(*args: Any) -> Any:
            nonlocal most
            most = max(most, pa.total_allocated_bytes() - start)
            return real(*args)

        # the real reader, watched; the same hours come over and over, which would be looked at as corrections
        monkeypatch.setattr("koku_ocp.normalize.read_block", watched)
        monkeypatch.setattr("koku_ocp.normalize.doubled", lambda *_: None)
        normalize([archive], LIMITS, None)
        return most

    small, large = peak(100), peak(400)
    assert large < 2 * small


def test_real_payloads_add_up(shared: Path) -> None:
    """Every sum of every report of every recorded payload is that of its files."""
    inputs = shared / "inputs"
    operator = inputs / "operator"
    found = [
        *sorted(operator.glob("payload_[!s]*/*.gz")),
        operator / "packaging" / "20210720T180121-cost-mgmt.tar.gz",
        inputs / "basic" / "my-ocp-cluster-1.2026_11.tar.gz",
    ]
    for path in found:
        made = normalize([path], LIMITS, None)
        for report, totals in _totals(path).items():
            for column, total in totals.items():
                got = sum(made.tables[report.dataset.name][column].to_pylist())
                assert math.isclose(got, total, rel_tol=1e-12, abs_tol=1e-6), (path.name, column)


def _totals(path: Path) -> dict[Report, dict[str, Decimal]]:
    totals: dict[Report, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    with tarfile.open(path) as tar:
        for info in tar:
            stream = tar.extractfile(info) if info.name.endswith(".csv") else None
            reader = csv.DictReader(io.TextIOWrapper(stream)) if stream else None
            report = detect(reader.fieldnames or ()) if reader else None
            for row in reader if reader and report else ():
                for column in report.sums if report else ():
                    totals[report][column] += Decimal(row[column] or 0)  # type: ignore[index]
    return totals


def test_a_split_package_is_the_same_in_any_order(shared: Path) -> None:
    parts = sorted((shared / "inputs" / "operator" / "payload_split").glob("*.gz"))
    expected = normalize(parts, LIMITS, None)
    random.Random(3).shuffle(parts)
    got = normalize(parts, LIMITS, None)
    assert got.hours == expected.hours
    for name, rows in expected.tables.items():
        assert sorted(map(str, got.tables[name].to_pylist())) == sorted(map(str, rows.to_pylist()))


def test_a_cut_off_payload_is_refused(tmp_path: Path) -> None:
    path = payload(tmp_path / "p.tar.gz", {POD: [pod(h, f"p{n}") for h in range(24) for n in range(50)]})
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(PayloadRefused):
        normalize([path], LIMITS, None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("gpu_product:NVIDIA-A100-SXM4-40GB|gpu_count:2", ("NVIDIA A100 SXM4 40GB", 2, None, None)),
        ("gpu_product:Tesla_T4-SHARED|gpu_count:8|mig_strategy:none", ("Tesla T4", 8, None, None)),
        ("gpu_product:NVIDIA-A100-PCIE-40GB|gpu_count:1|mig_strategy:mixed", ("NVIDIA A100 PCIE 40GB", 1, None, 7)),
        ("gpu_product:NVIDIA-A30-MIG-2g.12gb|gpu_count:2|mig_strategy:single", ("NVIDIA A30", 2, 2, 4)),
        ("gpu_product:A100|gpu_count:7|mig_strategy:single", ("A100", 7, 1, 7)),
        ("gpu_count:many", ("", None, None, None)),
        (f"gpu_count:{10**30}|gpu_product:A100-MIG-0g.5gb", ("A100 MIG 0g 5gb", None, None, None)),
    ],
)
def test_labels_of_nodes_tell_of_their_gpus(tmp_path: Path, told: str, expected: tuple[Any, ...]) -> None:
    labels = "|".join(f"label_nvidia_com_{piece}" for piece in f"gpu_present:true|{told}".split("|"))
    rows = [at(hour, node="n", node_labels=labels) for hour in range(3)]
    rows.append(at(0, node="other", node_labels="label_nvidia_com_gpu_present:false"))
    made = read(tmp_path, {NODE_LABELS: rows})
    found = only_row(made, "ocp_gpu_node_days")
    assert (
        tuple(found[k] for k in ("gpu_model_name", "gpu_count", "mig_slice_count", "gpu_max_slices")),
        found["node"],
        found["label_hours"],
    ) == (expected, "n", 3)


@pytest.mark.parametrize(
    ("told", "vendor"), [("nvidia_com_gpu", "nvidia"), ("nvidia0", "nvidia"), ("amd_com_gpu", "amd_com_gpu")]
)
def test_vendors_are_told_by_their_name(tmp_path: Path, told: str, vendor: str) -> None:
    row = at(
        0,
        node="n",
        namespace="x",
        pod="p",
        gpu_uuid="G",
        gpu_model_name="T4",
        gpu_vendor_name=told,
        gpu_pod_uptime="60",
    )
    assert only_row(read(tmp_path, {GPU: [row]}), "ocp_gpu_days")["gpu_vendor_name"] == vendor
