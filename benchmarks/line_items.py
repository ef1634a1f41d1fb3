"""Line items as the lake keeps them, as many as one likes, without the files that they would come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from koku_aws.datasets import LINE_ITEMS
from koku_core.declare.columns import Kind
from koku_core.declare.datasets import Dataset
from koku_ocp.datasets import NAMESPACE_LABEL_DAYS, NODE_DAYS, NODE_LABEL_DAYS, POD_DAYS, STORAGE_DAYS

MONTH, DAYS = date(2026, 10, 1), 31
_BLANK: Mapping[Kind, Any] = {
    Kind.TEXT: "", Kind.LABELS: "{}", Kind.INTEGER: 1, Kind.BOOLEAN: False, Kind.QUANTITY: Decimal(3600), Kind.MONEY: Decimal("0.1"),
}  # fmt: skip
Numbers = np.ndarray[Any, np.dtype[np.int64]]


def bill(source: str, lines: int, alike: int) -> dict[Dataset, pa.Table]:
    """Lines of a bill's month.

    Args:
        source: whose they are.
        lines: how many in all.
        alike: how many of them fall into one row of the daily summary: they differ in usage types alone.
    """
    numbers = np.arange(lines)
    days, others = numbers % DAYS, numbers // DAYS
    resources = others // alike
    amount = pc.binary_join_element_wise("0.000107526881", _named("", 100 + numbers % 900), "").cast(
        pa.decimal128(33, 15)
    )
    given = {
        "usage_account_id": _named("1000000000", resources % 9), "billing_entity": _same("AWS", lines),
        "line_item_type": _same("Usage", lines),
        "product_code": _named("Amazon", resources % 5), "product_family": _named("Family ", resources % 5),
        "usage_type": _named("EU-Type:", others % alike), "resource_id": _named("i-", resources), "region": _same("eu-west-1", lines),
        "unit": _same("Hrs", lines), "currency_code": _same("USD", lines), "unblended_cost": amount, "blended_cost": amount,
        "tags": _labels(("app", "Name"), resources % 40, resources),
    }  # fmt: skip
    return {LINE_ITEMS: _table(LINE_ITEMS, source, days, given)}


def cluster(source: str, pods: int, nodes: int) -> dict[Dataset, pa.Table]:
    """A cluster's month: each pod on one node, every fifth with a volume."""
    days, pod = _each_day(pods)
    names = {
        "namespace": _named("project-", pod % 200),
        "pod": _named("pod-", pod),
        "node": _named("node-", pod % nodes),
    }
    per_pod = {**names, "pod_labels": _labels(("app", "tier"), pod % 60, pod % 3)}
    volume_days, volume = _each_day(pods // 5)
    claims = {
        "namespace": _named("project-", volume % 200), "pod": _named("pod-", volume), "persistentvolumeclaim": _named("claim-", volume),
        "persistentvolume": _named("pv-", volume), "storageclass": _same("gp3", len(volume)),
    }  # fmt: skip
    node_days, node = _each_day(nodes)
    space_days, space = _each_day(200)
    return {
        POD_DAYS: _table(POD_DAYS, source, days, per_pod),
        STORAGE_DAYS: _table(STORAGE_DAYS, source, volume_days, claims),
        NODE_DAYS: _table(NODE_DAYS, source, node_days, {"node": _named("node-", node), "node_role": _same("worker", len(node))}),
        NODE_LABEL_DAYS: _table(NODE_LABEL_DAYS, source, node_days, {"node": _named("node-", node)}),
        NAMESPACE_LABEL_DAYS: _table(NAMESPACE_LABEL_DAYS, source, space_days, {"namespace": _named("project-", space)}),
    }  # fmt: skip


def _each_day(count: int) -> tuple[Numbers, Numbers]:
    """Each of so many things on each day: the days, and the numbers of the things."""
    numbers = np.arange(count * DAYS)
    return numbers % DAYS, numbers // DAYS


def _named(beginning: str, numbers: Numbers) -> pa.Array:
    return pc.binary_join_element_wise(beginning, pa.array(numbers).cast(pa.string()), "")


def _same(text: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), count)


def _labels(keys: Sequence[str], *values: Numbers) -> pa.Array:
    parts = [
        part for key, value in zip(keys, values, strict=True) for part in (f'"{key}": "', _named("v", value), '", ')
    ]
    return pc.binary_join_element_wise("{", *parts[:-1], '"}', "")


def _table(dataset: Dataset, source: str, days: Numbers, given: Mapping[str, pa.Array]) -> pa.Table:
    """Line items of these days; a column that is not given is the same for all."""
    count = len(days)
    dates = pa.array([MONTH + timedelta(n) for n in range(DAYS)]).take(pa.array(days))
    stamps = {
        "source_uuid": _same(source, count), "usage_start": dates, "delivery": _same("d", count),
        "hours": pa.repeat(pa.scalar(-1), count), "plugin_version": _same("1", count),
    }  # fmt: skip
    columns = []
    for column in dataset.all_columns:
        found = stamps.get(column.name, given.get(column.name))
        if found is None:
            found = pa.repeat(pa.scalar(_BLANK[column.kind]), count)
        columns.append(found.cast(column.kind.arrow))
    return pa.table(columns, schema=dataset.schema)
