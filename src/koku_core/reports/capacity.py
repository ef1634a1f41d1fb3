"""How much there was to use: of whole sources, and of the parts that they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import sql

from koku_core.declare.columns import Kind
from koku_core.declare.reports import Capacity
from koku_core.reports.conditions import raw
from koku_core.reports.sql import Statement, bucket, source

ZERO = Decimal(0)
_NOTHING = (ZERO, ZERO)


@dataclass(slots=True)
class Capacities:
    """Amount and count by bucket and source, or by bucket, source and part; the whole period under the bucket None."""

    of_sources: dict[tuple[date | None, str], tuple[Decimal, Decimal]] = field(default_factory=dict)
    of_parts: dict[tuple[date | None, str, str | None], Decimal] = field(default_factory=dict)

    def total(self) -> tuple[Decimal, Decimal]:
        """Amount and count of everything in the whole period: of the parts, if parts were asked for."""
        found = [v for (bucket, _), v in self.of_sources.items() if bucket is None]
        parts = [v for (bucket, _, _), v in self.of_parts.items() if bucket is None]
        return sum(parts or (a for a, _ in found), ZERO), sum((c for _, c in found), ZERO)

    def sources(self, bucket: date, uuids: Iterable[str]) -> tuple[Decimal, Decimal]:
        """Amount and count of some sources in one bucket."""
        found = [self.of_sources.get((bucket, u), _NOTHING) for u in uuids]
        return sum((a for a, _ in found), ZERO), sum((c for _, c in found), ZERO)

    def part(self, bucket: date, uuids: Iterable[str], part: str | None) -> Decimal:
        """Amount of one part in one bucket."""
        return sum((self.of_parts.get((bucket, u, part), ZERO) for u in uuids), ZERO)


def statement(main: Statement, capacity: Capacity) -> sql.Composed:
    """The statement that reads the capacities of a question: rows of bucket, source, part, amount, count.

    It reads the fact, since filters may be about anything.
    """
    part = next(k.value for k in main.report.keys if k.name == capacity.part)
    assert part is not None  # noqa: S101 - a capacity's part is a key with groups
    amount = raw(capacity.amount.sql) if capacity.amount else sql.NULL
    money = Kind.MONEY.value
    return sql.SQL(
        """WITH days AS (
             SELECT {bucket} AS bucket, usage_start, source_uuid::text AS source, {part} AS part, max({amount}::{money}) AS amount,
                 {part_how}({part_amount}::{money}) AS part_amount, max({size}) AS size
             FROM {table} AS fact WHERE {where} GROUP BY 1, 2, 3, 4),
           amounts AS (SELECT bucket, source, sum(amount) AS amount FROM (
             SELECT bucket, usage_start, source, max(amount) AS amount FROM days GROUP BY 1, 2, 3) AS d
             GROUP BY GROUPING SETS ((bucket, source), (source))),
           sizes AS (SELECT bucket, source, part, max(size) AS size, sum(part_amount) AS amount FROM days WHERE part IS NOT NULL
             GROUP BY GROUPING SETS ((bucket, source, part), (source, part))),
           counts AS (SELECT bucket, source, sum(size) AS size FROM sizes GROUP BY 1, 2)
           SELECT a.bucket, a.source, NULL, a.amount, c.size FROM amounts AS a LEFT JOIN counts AS c
             ON c.source = a.source AND c.bucket IS NOT DISTINCT FROM a.bucket
           {parts}"""
    ).format(
        bucket=bucket(main.parameters.period), part=raw(part.sql), amount=amount,
        part_how=sql.SQL(capacity.part_how), part_amount=raw(capacity.part_amount.sql),
        money=sql.SQL(money), size=raw(capacity.size.sql),
        table=source(main.plan.fact, main.plan.fact.name, main.context.has_data),
        where=main.where(main.parameters.period, main.report.where.sql if main.report.where else ""),
        parts=sql.SQL("UNION ALL SELECT bucket, source, part, amount, size FROM sizes" if main.plan.by_part else ""),
    )  # fmt: skip


def read(rows: Iterable[tuple[Any, ...]]) -> Capacities:
    """The capacities in the rows of `statement`."""
    found = Capacities()
    for bucket_, source_, part, amount, size in rows:
        if part is None:
            found.of_sources[bucket_, source_] = (amount or ZERO, size or ZERO)
        else:
            found.of_parts[bucket_, source_, part] = amount or ZERO
    return found
