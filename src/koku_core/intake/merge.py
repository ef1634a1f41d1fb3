"""Which delivery's rows a day consists of: hours delivered again are replaced, hours not delivered again stay.

The lake itself says which delivery covers which hours, so that a run after a crash comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from koku_core.declare.datasets import Dataset
from koku_core.declare.deliveries import Normalized
from koku_core.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa

#: Folds the kept files of a delivery again, for just these hours.
Refold = Callable[[str, Mapping[date, int]], Normalized]


@dataclass(slots=True)
class Plan:
    """What a dataset's days shall consist of: hours by day and delivery.

    Attributes:
        days: those that change.
        stay: deliveries whose rows of a day stay as they are.
        whole: the days on which the new delivery's rows are used as they are, with the hours that they cover.
        parts: for each delivery the days of which just some hours are left, to be folded again.
    """

    days: set[date] = field(default_factory=set)
    stay: set[tuple[date, str]] = field(default_factory=set)
    whole: dict[date, int] = field(default_factory=dict)
    parts: dict[str, dict[date, int]] = field(default_factory=dict)


def plan(
    delivery: str, hours: Mapping[date, int], covered: Mapping[date, Mapping[str, int]], newer: Collection[str]
) -> Plan:
    """Decide what the days shall consist of.

    Args:
        delivery: the one that comes now.
        hours: what it covers.
        covered: what is in the lake: `{day: {delivery: hours}}`.
        newer: deliveries in the lake that were accepted after this one; their hours are theirs.
    """
    made = Plan()
    for day in hours.keys() | covered.keys():
        before, wanted = covered.get(day, {}), hours.get(day, 0)
        if not wanted and delivery not in before:
            continue
        made.days.add(day)
        left = wanted
        for other, mask in before.items():
            if other == delivery:
                continue
            rest = mask if other in newer else mask & ~wanted
            left &= ~mask if other in newer else -1
            if rest == mask:
                made.stay.add((day, other))
            elif rest:
                made.parts.setdefault(other, {})[day] = rest
        if left == wanted and wanted:
            made.whole[day] = wanted
        elif left:
            made.parts.setdefault(delivery, {})[day] = left
    return made


def merge(
    lake: Lake, tenant: str, dataset: Dataset, source_uuid: str, version: str, delivery: str, new: pa.Table, made: Plan, refold: Refold
) -> None:  # fmt: skip
    """Carry out a plan: replace the days that change, in one commit."""
    import pyarrow as pa

    parts = [stamp(dataset, new, source_uuid, delivery, made.whole, version)]
    if made.stay:
        days = {day for day, _ in made.stay}
        parts.append(_staying(lake.read(tenant, dataset, source_uuid, min(days), max(days)), made.stay))
    for other, masks in made.parts.items():
        again = refold(other, masks).tables.get(dataset.name)
        if again is not None:
            parts.append(stamp(dataset, again, source_uuid, other, masks, version))
    lake.replace(tenant, dataset, source_uuid, made.days, pa.concat_tables(parts))


def stamp(
    dataset: Dataset, rows: pa.Table, source_uuid: str, delivery: str, hours: Mapping[date, int], version: str
) -> pa.Table:
    """The rows of some days as the lake keeps them: with their source, their delivery, its hours and the plugin's version."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pa.array(list(hours), pa.date32())
    index = pc.index_in(rows["usage_start"], value_set=days)
    if index.null_count:
        rows = rows.filter(pc.is_valid(index))
        index = pc.drop_null(index)
    made = {name: rows[name] for name in rows.column_names}
    for name, value in (("source_uuid", source_uuid), ("delivery", delivery), ("plugin_version", version)):
        made[name] = pa.chunked_array([pa.repeat(pa.scalar(value), rows.num_rows)])
    made["hours"] = pa.array(list(hours.values()), pa.int64()).take(index)
    return pa.table([made[name] for name in dataset.schema.names], schema=dataset.schema)


def _staying(rows: pa.Table, stay: Collection[tuple[date, str]]) -> pa.Table:
    import pyarrow as pa

    found = (
        rows.select(["usage_start", "delivery"]).group_by(["usage_start", "delivery"], use_threads=False).aggregate([])
    )
    if {(r["usage_start"], r["delivery"]) for r in found.to_pylist()} <= set(stay):
        return rows
    days, deliveries = zip(*stay, strict=True)
    wanted = pa.table({"usage_start": pa.array(days, pa.date32()), "delivery": pa.array(deliveries, pa.string())})
    return rows.join(wanted, ["usage_start", "delivery"], join_type="left semi").select(rows.column_names)
