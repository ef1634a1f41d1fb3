"""Line items that nobody would write by hand, made from a provider's declarations: what every engine must make the same rows of."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from koku_core.clock import month_end
from koku_core.declare.columns import Column, Kind
from koku_core.declare.datasets import STAMPS, Dataset
from koku_core.declare.summarize import Context, Summary
from koku_core.executors.base import Work

if TYPE_CHECKING:
    import pyarrow as pa

    from koku_core.lake import Lake

Text = str | None
#: Texts of every column that the author does not say more of: few, so that line items meet; awkward, so that they meet by what they are.
TEXTS: tuple[Text, ...] = ("a", "A", "b", "", None, 'it\'s "quoted" \\ %_{}', "☕ naïve 日本", "x" * 70, "kube-system")
#: Keys and values of labels.
KEYS = ("app", "App", 'it\'s "a" \\key', "☕", "k" * 70, "a.b/c-d", "off")
VALUES = ("", "a", "b", 'it\'s "quoted" \\ {}', "☕ naïve 日本", "v" * 70)
#: Months with 29, 30 and 31 days.
MONTHS = (date(2024, 2, 1), date(2026, 11, 1), date(2026, 12, 1))
_MOST_ROWS = 5
#: The largest amounts, before the decimals; a third of them are small.
_LARGEST = 10**15


@dataclass(frozen=True, slots=True)
class Hints:
    """What a provider's author knows of its line items.

    Attributes:
        texts: for a column of texts what it may hold; other columns hold `TEXTS`.
        keys: keys of labels that the templates know, beside `KEYS`.
        largest: for a column of numbers the largest amount that makes sense; 10^15 otherwise.
        signed: columns of quantities that may be below 0; money may always be.
        filled: columns that are never null; texts are not null if `texts` says so.
    """

    texts: Mapping[str, Sequence[Text]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    largest: Mapping[str, int] = field(default_factory=dict)
    signed: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Month:
    """One source's month of line items, and the work of summarizing it.

    Attributes:
        seed: what it was made from.
        tables: by dataset.
    """

    seed: int
    work: Work
    tables: Mapping[str, pa.Table]


def months(summary: Summary, tenant: str, seeds: Sequence[int], hints: Hints) -> list[Month]:
    """Made-up months, one for each seed, each of a source of its own."""
    return [_Made(seed, hints).month(summary, tenant) for seed in seeds]


def put(lake: Lake, tenant: str, summary: Summary, made: Sequence[Month]) -> None:
    """Put line items into a lake, in one commit for each dataset; the sources must be new."""
    import pyarrow as pa

    for dataset in datasets_of(summary):
        first = made[0].work.source_uuid
        lake.replace(tenant, dataset, first, {date(1970, 1, 1)}, _one_row(dataset, first))  # makes the table
        rows = pa.concat_tables([month.tables[dataset.name] for month in made])
        if rows.num_rows:
            lake.catalog.load_table((tenant, dataset.name)).append(rows)


def datasets_of(summary: Summary) -> list[Dataset]:
    """The datasets that the templates read, each once."""
    return list({d.name: d for step in summary.steps for d in step.reads}.values())


def _one_row(dataset: Dataset, source_uuid: str) -> pa.Table:
    import pyarrow as pa

    row = {"source_uuid": source_uuid, "usage_start": date(1970, 1, 1), "hours": -1}
    return pa.Table.from_pylist([row], schema=dataset.schema)


class _Made:
    """Makes one month."""

    def __init__(self, seed: int, hints: Hints) -> None:
        self._seed, self._hints, self._random = seed, hints, random.Random(seed)  # noqa: S311 - no secrets

    def month(self, summary: Summary, tenant: str) -> Month:
        """All datasets; on some days some of them have nothing."""
        month, source = self._random.choice(MONTHS), str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        days = self._days(month)
        tables = {d.name: self._table(d, source, days) for d in datasets_of(summary)}
        values = {
            "source_uuid": source, "source_name": self._random.choice(("prod", 'it\'s "☕"')), "source_key": "key-1",
            "month_start": month, "month_end": month_end(month), "days_in_month": month_end(month).day,
        }  # fmt: skip
        return Month(self._seed, Work(tenant, source, month, values, self._contexts()), tables)

    def _days(self, month: date) -> list[date]:
        last = month_end(month)
        return sorted({month, last, month + timedelta(self._random.randrange(last.day))})

    def _contexts(self) -> dict[Context, pa.Table]:
        import pyarrow as pa

        keys = [k for k in (*KEYS, *self._hints.keys) if k != "off" and self._random.random() < 0.8]
        patterns = ((1, "kube-%"), (2, "a%"), (3, "%"), (3, "Worker unallocated"), (2, "it's%"))
        groups = [p for p in patterns if self._random.random() < 0.5]
        return {
            Context.ENABLED_TAG_KEYS: pa.table({"key": pa.array(keys, pa.string())}),
            Context.COST_GROUPS: pa.table({
                "cost_group_id": pa.array([g for g, _ in groups], pa.int64()),
                "pattern": pa.array([p for _, p in groups], pa.string()),
            }),
        }  # fmt: skip

    def _table(self, dataset: Dataset, source: str, days: Sequence[date]) -> pa.Table:
        import pyarrow as pa

        rows = [row for day in days for row in self._rows(dataset, source, day)]
        self._random.shuffle(rows)
        return pa.Table.from_pylist(rows, schema=dataset.schema)

    def _rows(self, dataset: Dataset, source: str, day: date) -> Iterator[dict[str, Any]]:
        for number in range(self._random.choice((0, 1, 3, _MOST_ROWS))):
            stamps = (source, day, f"delivery {number % 2}", -1 if number % 2 else 0b111, "1")
            row = dict(zip((c.name for c in STAMPS), stamps, strict=True))
            yield row | {c.name: self._value(c, day) for c in dataset.columns}

    def _value(self, column: Column, day: date) -> Any:
        some, kind = self._random, column.kind
        if kind is Kind.TEXT:
            return some.choice(self._hints.texts.get(column.name, TEXTS))
        if some.random() < 0.1 and column.name not in self._hints.filled:
            return None
        if kind is Kind.LABELS:
            keys = some.sample([*KEYS, *self._hints.keys], some.randrange(4))
            return json.dumps({k: some.choice(VALUES) for k in keys}, sort_keys=True, ensure_ascii=some.random() < 0.5)
        if kind in (Kind.MONEY, Kind.QUANTITY):
            return self._amount(column)
        values: Mapping[Kind, Any] = {
            Kind.INTEGER: some.choice((0, 1, 2, 7, 24)), Kind.BOOLEAN: some.random() < 0.5, Kind.DATE: day,
            Kind.UUID: str(uuid.UUID(int=some.getrandbits(128), version=4)), Kind.TEXTS: ["a", "b"],
        }  # fmt: skip
        return values[kind]

    def _amount(self, column: Column) -> Decimal:
        """0, a small amount, or a large one with all its decimals."""
        decimals = 15 if column.kind is Kind.MONEY else 9
        largest = self._random.choice((0, 10, self._hints.largest.get(column.name, _LARGEST)))
        units = self._random.randint(0, largest * 10**decimals)
        below = column.kind is Kind.MONEY or column.name in self._hints.signed
        return Decimal(-units if below and self._random.random() < 0.3 else units).scaleb(-decimals)
