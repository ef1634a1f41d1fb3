"""Which line items are behind the reports about clusters."""

from __future__ import annotations

from dataclasses import replace

from koku_core.declare.columns import text
from koku_core.declare.lines import Found, Joined, LineItems
from koku_core.declare.reports import Expression, column
from koku_core.declare.summarize import Context
from koku_ocp.datasets import (
    GPU_DAYS,
    NAMESPACE_LABEL_DAYS,
    NODE_DAYS,
    NODE_LABEL_DAYS,
    POD_DAYS,
    STORAGE_DAYS,
    VM_DAYS,
)

_ON_A_NODE = Expression("node <> ''", ("node",))
_CLUSTER = Found(("cluster_id", "cluster_alias"))
_FOUND = (_CLUSTER, Found(("cost_category_id",), ("namespace",)))
_LABELS = (NODE_LABEL_DAYS, NAMESPACE_LABEL_DAYS)
_KEYS = (Context.ENABLED_TAG_KEYS,)
#: Where the pods were whose volumes a line is about.
_POD_NODES = replace(POD_DAYS, columns=(text("namespace"), text("node"), text("pod")))


def _of_instance(column: str) -> Expression:
    """What only a part of a GPU has."""
    return Expression(f"CASE WHEN mig_slice_count IS NOT NULL THEN {column} END", (column, "mig_slice_count"))


LINES = (
    LineItems(
        POD_DAYS,
        {"data_source": Expression("'Pod'", ())},
        _FOUND,
        Joined(
            "pod_lines.sql",
            ("pod_labels", "all_labels", "vm_name", "vm_labels"),
            ("namespace", "node", "pod_labels"),
            _LABELS,
            _KEYS,
        ),
        _ON_A_NODE,
    ),
    LineItems(
        STORAGE_DAYS,
        {"data_source": Expression("'Storage'", ())},
        _FOUND,
        Joined(
            "volume_lines.sql",
            ("node", "volume_labels", "all_labels"),
            ("namespace", "pod", "node", "persistentvolume_labels", "persistentvolumeclaim_labels"),
            (*_LABELS, _POD_NODES),
            _KEYS,
        ),
    ),
    LineItems(
        NODE_DAYS,
        {"data_source": Expression("'Pod'", ())},
        (_CLUSTER, Found(("namespace",), ("node",), "namespace IN ('Platform unallocated', 'Worker unallocated')")),
        where=_ON_A_NODE,
    ),
    LineItems(VM_DAYS, {"data_source": Expression("'Pod'", ())}, _FOUND, where=_ON_A_NODE),
    LineItems(
        GPU_DAYS,
        {
            "data_source": Expression("'GPU'", ()),
            "resource_id": column("gpu_uuid"),
            "gpu_vendor": column("gpu_vendor_name"),
            "gpu_model": column("gpu_model_name"),
            "gpu_mode": Expression(
                "CASE WHEN mig_slice_count IS NULL THEN 'dedicated' ELSE 'MIG' END", ("mig_slice_count",)
            ),
            "mig_profile": _of_instance("mig_profile"),
            "mig_instance_id": _of_instance("mig_instance_id"),
        },
        _FOUND,
    ),
)
