"""From a report's hourly rows to its days: what is grouped, and what the groups become in the lake."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from koku_core.declare.columns import Kind
from koku_core.declare.datasets import Dataset
from koku_core.intake.fold import Fold
from koku_ocp import datasets, gpu, labels
from koku_ocp.reports import GPU, NODE_LABELS, NODE_NUMBERS, POD, Report

if TYPE_CHECKING:
    import pyarrow as pa

#: The text of a node's role → its rank; a node is what its highest role says.
ROLES = {"control-plane": 3, "master": 3, "infra": 2, "worker": 1}
_RANKED = {0: None, 1: "worker", 2: "infra", 3: "master"}
#: No GPU has so many slices: a number as large is none.
_MOST_SLICES = 1000
_CONTROL_PLANE = "openshift-kube-apiserver"


def day_fold(report: Report) -> Fold:
    """The fold of a report's rows to days. `rows` and `bits` tell whether an hour came twice."""
    sums = (*report.sums, *(name for name, *_ in report.larger + report.products), "bit", "rows")
    maxes = tuple(m for m in report.maxes if m not in NODE_NUMBERS)
    texts = tuple(t for t in report.texts if t != "node_role")
    return Fold(("usage_start", *report.keys), sums, (*maxes, *texts, "hour"))


def day_rows(report: Report, rows: pa.Table) -> pa.Table:
    """A block's rows with what is derived of an hour, and its sums as exact decimals."""
    import pyarrow as pa
    import pyarrow.compute as pc

    exact = Kind.QUANTITY.arrow
    for name, one, other in report.larger:
        rows = rows.append_column(name, pc.max_element_wise(rows[one], rows[other]))
    for name, one, other in report.products:
        rows = rows.append_column(name, pc.multiply(rows[one], rows[other]))
    sums = (*report.sums, *(name for name, *_ in report.larger + report.products))
    for name in sums:
        rows = rows.set_column(rows.column_names.index(name), name, rows[name].cast(exact))
    return rows.append_column("rows", pa.repeat(pa.scalar(1, pa.int64()), rows.num_rows))


def node_fold() -> Fold:
    """The fold of pods' rows to the hours of nodes."""
    return Fold(("usage_start", "hour", "node"), (), (*NODE_NUMBERS, "resource_id", "rank", "control_plane"))


def node_rows(rows: pa.Table) -> pa.Table:
    """A block's pod rows with the rank of the node's role, and whether the control plane runs there."""
    import pyarrow as pa

    roles, namespaces = (rows[name].combine_chunks() for name in ("node_role", "namespace"))
    ranks = pa.array([ROLES.get(text, 0) for text in roles.dictionary.to_pylist()], pa.int32()).take(roles.indices)
    control = pa.array([int(text == _CONTROL_PLANE) for text in namespaces.dictionary.to_pylist()], pa.int32())
    return rows.append_column("rank", ranks).append_column("control_plane", control.take(namespaces.indices))


def node_days(hours: pa.Table) -> pa.Table:
    """The hours of nodes as rows of `ocp_node_days`; rows without a node are left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seconds = tuple(n for n in NODE_NUMBERS if n.endswith("seconds"))
    most = tuple(n for n in NODE_NUMBERS if n not in seconds)
    hours = hours.filter(pc.not_equal(hours["node"], ""))
    for name in seconds:
        hours = hours.set_column(hours.column_names.index(name), name, hours[name].cast(Kind.QUANTITY.arrow))
    days = Fold(("usage_start", "node"), seconds, (*most, "resource_id", "rank", "control_plane")).block(hours)
    roles = pa.array([_RANKED[rank] for rank in days["rank"].to_pylist()], pa.string())
    made = days.append_column("node_role", roles).append_column(
        "runs_control_plane", days["control_plane"].cast(pa.bool_())
    )
    return datasets.NODE_DAYS.conform(made)


def line_items(report: Report, days: pa.Table, keys: set[str]) -> pa.Table:
    """The folded rows as rows of the report's dataset; label keys seen are added to `keys`."""
    import pyarrow as pa

    for name in report.labels:
        days = days.set_column(days.column_names.index(name), name, labels.to_json(days[name], keys))
    if report.labels:  # two texts that say the same are one set of labels
        fold = day_fold(report)
        days = fold.block(days)
    names = report.dataset.normalized_schema.names
    for hours in {"pod_hours", "label_hours"} & set(names):
        days = days.append_column(hours, pa.array([bits.bit_count() for bits in days["bit"].to_pylist()], pa.int64()))
    if "last_hour" in names:
        days = days.append_column("last_hour", days["hour"])
    return report.dataset.conform(_clean_gpus(days) if report is GPU else days)


def _clean_gpus(days: pa.Table) -> pa.Table:
    import pyarrow as pa

    def replace(table: pa.Table, name: str, values: Sequence[object], kind: pa.DataType) -> pa.Table:
        kept = table.drop_columns(name) if name in table.column_names else table
        return kept.append_column(name, pa.array(values, kind))

    models = [gpu.model(text) for text in days["gpu_model_name"].to_pylist()]
    parts = [gpu.slices(text) for text in days["mig_profile"].to_pylist()]
    told = [int(count) if 0 < count < _MOST_SLICES else None for count in days["gpu_max_slices"].to_pylist()]
    most = [(t or gpu.max_slices(m)) if p else None for t, m, p in zip(told, models, parts, strict=True)]
    vendors = [gpu.vendor(text) for text in days["gpu_vendor_name"].to_pylist()]
    days = replace(days, "gpu_model_name", models, pa.string())
    days = replace(days, "gpu_vendor_name", vendors, pa.string())
    days = replace(days, "mig_slice_count", [p and p[0] for p in parts], pa.int64())
    days = replace(days, "mig_memory_capacity_mib", [p and p[1] for p in parts], pa.int64())
    return replace(days, "gpu_max_slices", most, pa.int64())


def gpu_nodes(days: pa.Table) -> pa.Table:
    """Of rows of `ocp_node_label_days` those of nodes with GPUs, as rows of `ocp_gpu_node_days`."""
    import pyarrow as pa

    told = {text: gpu.inventory(json.loads(text)) for text in days["node_labels"].unique().to_pylist()}
    found = [told[text] for text in days["node_labels"].to_pylist()]
    kept = days.filter(pa.array([some is not None for some in found], pa.bool_()))
    some = [each for each in found if each is not None]
    made = {"gpu_model_name": [g.model for g in some], "gpu_count": [g.count for g in some],
            "mig_slice_count": [g.slice_count for g in some], "gpu_max_slices": [g.max_slices for g in some]}  # fmt: skip
    schema = datasets.GPU_NODE_DAYS.normalized_schema
    for name, values in made.items():
        kept = kept.append_column(name, pa.array(values, schema.field(name).type))
    return datasets.GPU_NODE_DAYS.conform(kept)


#: Reports that are folded into a second dataset too.
_BESIDE = {POD.name: datasets.NODE_DAYS, NODE_LABELS.name: datasets.GPU_NODE_DAYS}


def reported(report: Report) -> tuple[Dataset, ...]:
    """The datasets that a report is folded into."""
    return (report.dataset, _BESIDE[report.name]) if report.name in _BESIDE else (report.dataset,)
