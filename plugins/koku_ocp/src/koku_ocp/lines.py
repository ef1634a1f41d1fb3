"""Which line items are behind the reports about clusters."""

from __future__ import annotations

from dataclasses import replace

from koku_core.declare.columns import text
from koku_core.declare.lines import Found, Joined, LineItems
from koku_core.declare.reports import Expression
from koku_core.declare.summarize import Context
from koku_ocp.datasets import NAMESPACE_LABEL_DAYS, NODE_DAYS, NODE_LABEL_DAYS, POD_DAYS, STORAGE_DAYS

_ON_A_NODE = Expression("node <> ''", ("node",))
_CLUSTER = Found(("cluster_id", "cluster_alias"))
_FOUND = (_CLUSTER, Found(("cost_category_id",), ("namespace",)))
_LABELS = (NODE_LABEL_DAYS, NAMESPACE_LABEL_DAYS)
_KEYS = (Context.ENABLED_TAG_KEYS,)
#: Where the pods were whose volumes a line is about.
_POD_NODES = replace(POD_DAYS, columns=(text("namespace"), text("node"), text("pod")))

LINES = (
    LineItems(
        POD_DAYS,
        {"data_source": Expression("'Pod'", ())},
        _FOUND,
        Joined("pod_lines.sql", ("pod_labels", "all_labels"), ("namespace", "node", "pod_labels"), _LABELS, _KEYS),
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
)
