"""Line items that nobody would write by hand, made from a provider's declarations: what every engine must make the same rows of.

`months` is a Hypothesis strategy: what fails shrinks to the few rows and values that it takes. `traps` is one month with all that is
known to be awkward.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from koku_core.clock import month_end
from koku_core.declare.columns import Column, Kind
from koku_core.declare.datasets import Dataset
from koku_core.declare.summarize import Context, Summary

if TYPE_CHECKING:
    import pyarrow as pa

Text = str | None
#: A line item: what it holds, without what is null; further its `day` (of `DAYS`) and its `delivery`.
Row = Mapping[str, Any]
#: Texts of every column that the author does not say more of: few, so that line items meet; awkward, so that they meet by what they are.
TEXTS: tuple[Text, ...] = (None, "a", "A", "b", "", 'it\'s "quoted" \\ %_{}', "☕ naïve 日本", "x" * 70, "kube-system")
#: Keys and values of labels.
KEYS = ("app", "App", 'it\'s "a" \\key', "☕", "k" * 70, "a.b/c-d", "off")
VALUES = ("", "a", "b", 'it\'s "quoted" \\ {}', "☕ naïve 日本", "v" * 70)
#: A key of `KEYS` that is never enabled.
_OFF = "off"
#: Months with 30, 29 and 31 days, and those of their days that have line items: the first, one within, and the last.
MONTHS = (date(2026, 11, 1), date(2024, 2, 1), date(2026, 12, 1))
DAYS = (1, 15, -1)
#: Cost groups with what namespaces of theirs are like; they overlap.
GROUPS = ((1, "kube-%"), (2, "a%"), (3, "%"), (3, "Worker unallocated"), (2, "it's%"))
#: Rows that are made of nothing, and again as many that differ from one of those in one column.
_MOST_ROWS = 5
#: Rows of `traps` in each dataset: more than a column has awkward values.
_TRAPS = 12
#: The largest amounts, before the decimals.
_LARGEST = 10**15
_ANY = st.characters(codec="utf-8", exclude_characters="\0")


@dataclass(frozen=True, slots=True)
class Hints:
    """What a provider's author knows of its line items.

    Attributes:
        texts: for a column of texts what it may hold; others hold `TEXTS`, and any text now and then.
        keys: keys of labels that the templates know, beside `KEYS`.
        largest: for a column of numbers the largest amount that makes sense; 10^15 otherwise, 24 in a column of integers.
        whole: columns of quantities that have no decimals, such as bytes.
        signed: columns of quantities that may be below 0; money may always be.
        filled: columns that are never null; texts are not null if `texts` says so.
    """

    texts: Mapping[str, Sequence[Text]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    largest: Mapping[str, int] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Month:
    """A source's month of line items. Its `repr` is Python: one that went wrong can be kept in `EngineConformance.examples`.

    Attributes:
        first: its first day.
        rows: by dataset.
        keys: label keys that are enabled.
        groups: cost groups, with what their namespaces are like.
    """

    first: date
    rows: Mapping[str, Sequence[Row]]
    keys: Sequence[str] = ()
    groups: Sequence[tuple[int, str]] = ()

    def table(self, dataset: Dataset, source_uuid: str) -> pa.Table:
        """The line items of a dataset, as the lake has them."""
        import pyarrow as pa

        rows = [self._stamped(row, source_uuid) for row in self.rows.get(dataset.name, ())]
        return pa.Table.from_pylist(rows, schema=dataset.schema)

    def _stamped(self, row: Row, source_uuid: str) -> dict[str, Any]:
        day, second = DAYS[row.get("day", 0)], row.get("delivery") == "second"
        usage_start = self.first.replace(day=day) if day > 0 else month_end(self.first)
        stamps = {"source_uuid": source_uuid, "usage_start": usage_start, "hours": 0b111 if second else -1}
        return {"delivery": "first", "plugin_version": "1", **row, **stamps}

    @property
    def days(self) -> list[date]:
        """All of its days."""
        return [self.first + timedelta(n) for n in range(month_end(self.first).day)]

    @property
    def contexts(self) -> dict[Context, pa.Table]:
        """What templates read beside line items."""
        import pyarrow as pa

        return {
            Context.ENABLED_TAG_KEYS: pa.table({"key": pa.array(self.keys, pa.string())}),
            Context.COST_GROUPS: pa.table({
                "cost_group_id": pa.array([g for g, _ in self.groups], pa.int64()),
                "pattern": pa.array([p for _, p in self.groups], pa.string()),
            }),
        }  # fmt: skip

    def turned(self) -> Month:
        """The same line items from last to first."""
        return replace(self, rows={name: rows[::-1] for name, rows in self.rows.items()})

    def parts(self) -> Iterator[Month]:
        """Without a half of its line items, without a quarter, and so on to single ones."""
        every = [(name, row) for name, rows in self.rows.items() for row in rows]
        size = len(every)
        while size := size // 2:
            for start in range(0, len(every), size):
                rows = defaultdict[str, list[Row]](list)
                for name, row in every[:start] + every[start + size :]:
                    rows[name].append(row)
                yield replace(self, rows=dict(rows))


def datasets_of(summary: Summary) -> list[Dataset]:
    """The datasets that the templates read, each once."""
    return list({d.name: d for step in summary.steps for d in step.reads}.values())


def months(summary: Summary, hints: Hints) -> st.SearchStrategy[Month]:
    """Months of line items of all datasets that a provider's templates read; on some days some datasets have nothing."""
    made = st.builds(
        Month,
        st.sampled_from(MONTHS),
        st.fixed_dictionaries({d.name: _rows(d, hints) for d in datasets_of(summary)}),
        st.lists(st.sampled_from(_enabled(hints)), unique=True),
        st.lists(st.sampled_from(GROUPS), unique=True),
    )
    return made.filter(lambda month: any(month.rows.values()))


def traps(summary: Summary, hints: Hints) -> Month:
    """One month in which every column holds all that is awkward, on its first and last day."""
    some = random.Random(6)  # noqa: S311 - no secrets
    rows = {d.name: [dict[str, Any](day=-(n % 2)) for n in range(_TRAPS)] for d in datasets_of(summary)}
    for dataset in datasets_of(summary):
        for column in dataset.columns:
            values = (_awkward(column, hints) * _TRAPS)[:_TRAPS]
            for row, value in zip(rows[dataset.name], some.sample(values, _TRAPS), strict=True):
                row.update({} if value is None else {column.name: value})
    return Month(MONTHS[1], rows, _enabled(hints), GROUPS)


@st.composite
def _rows(draw: st.DrawFn, dataset: Dataset, hints: Hints) -> list[Row]:
    """Some rows, and twins that differ from one of them in one column: rows must meet, and tie, for templates to go wrong."""
    values = {c.name: _values(c, hints) for c in dataset.columns}
    values |= {"day": st.sampled_from(range(len(DAYS))), "delivery": st.sampled_from((None, "second"))}
    rows = draw(st.lists(st.fixed_dictionaries(values), max_size=_MOST_ROWS))
    changed = st.sampled_from(sorted(values)).flatmap(lambda name: st.tuples(st.just(name), values[name]))
    twins = draw(st.lists(st.tuples(st.sampled_from(rows), changed), max_size=_MOST_ROWS)) if rows else []
    rows += [{**row, name: value} for row, (name, value) in twins]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _values(column: Column, hints: Hints) -> st.SearchStrategy[Any]:
    """What is awkward, and whatever else the column may hold."""
    awkward = st.sampled_from(_awkward(column, hints))
    if column.kind is Kind.LABELS:
        return awkward | _labels(hints)
    if column.kind is Kind.TEXT and column.name not in hints.texts:
        return awkward | st.text(_ANY, max_size=3)
    if column.kind in _DECIMALS:
        return awkward | _amounts(column, hints)
    return awkward


def _awkward(column: Column, hints: Hints) -> tuple[Any, ...]:
    """The values to try in any case, the simplest first."""
    if column.kind is Kind.TEXT:
        return tuple(hints.texts.get(column.name, TEXTS))
    values: Mapping[Kind, tuple[Any, ...]] = {
        Kind.INTEGER: tuple(n for n in (0, 1, 2, 7, 24) if n <= hints.largest.get(column.name, 24)),
        Kind.BOOLEAN: (False, True), Kind.DATE: MONTHS, Kind.TEXTS: (["a", "b"],),
        Kind.UUID: tuple(f"{n:032x}" for n in range(2)), Kind.LABELS: _LABELS,
    }  # fmt: skip
    found = _edges(column, hints) if column.kind in _DECIMALS else values[column.kind]
    return found if column.name in hints.filled else (None, *found)


_DECIMALS = {Kind.MONEY: 15, Kind.QUANTITY: 9}
_LABELS = tuple(
    json.dumps(labels, sort_keys=True, ensure_ascii=plain)
    for labels, plain in (
        ({}, False), ({"app": "a"}, False), ({"app": ""}, False), ({"App": "b", "off": "a"}, False), ({KEYS[2]: VALUES[3]}, False),
        ({"☕": VALUES[4]}, False), ({"☕": VALUES[4]}, True), ({KEYS[4]: VALUES[5], KEYS[5]: "b"}, False),
    )
)  # fmt: skip


def _labels(hints: Hints) -> st.SearchStrategy[str]:
    keys, values = st.sampled_from([*KEYS, *hints.keys]), st.sampled_from(VALUES) | st.text(_ANY, max_size=3)
    return st.dictionaries(keys, values, max_size=4).map(lambda x: json.dumps(x, sort_keys=True, ensure_ascii=False))


def _edges(column: Column, hints: Hints) -> tuple[Decimal, ...]:
    """Nothing, the least, one, what no division gives exactly, the most with all its decimals; and below nothing."""
    decimals, most = _decimals(column, hints), _most(column, hints)
    units = (0, 10**decimals, 1, 10**decimals // 3, most - 1)
    below = (-1, 1 - most) if _signed(column, hints) else ()
    return tuple(dict.fromkeys(_decimal(n, decimals) for n in (*units, *below)))


def _amounts(column: Column, hints: Hints) -> st.SearchStrategy[Decimal]:
    decimals, most = _decimals(column, hints), _most(column, hints)
    return st.integers(-most if _signed(column, hints) else 0, most).map(lambda units: _decimal(units, decimals))


def _decimals(column: Column, hints: Hints) -> int:
    return 0 if column.name in hints.whole else _DECIMALS[column.kind]


def _most(column: Column, hints: Hints) -> int:
    return int(hints.largest.get(column.name, _LARGEST) * 10 ** _decimals(column, hints))


def _signed(column: Column, hints: Hints) -> bool:
    return column.kind is Kind.MONEY or column.name in hints.signed


def _decimal(units: int, decimals: int) -> Decimal:
    """With all its digits: arithmetic of `Decimal` rounds to 28."""
    return Decimal(f"{units}e-{decimals}")


def _enabled(hints: Hints) -> tuple[str, ...]:
    return tuple(key for key in (*KEYS, *hints.keys) if key != _OFF)
