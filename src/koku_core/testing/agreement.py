"""Whether two engines make the same rows of the same line items: template by template, row by row, figures to twelve decimals."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

from koku_core.declare.columns import Kind
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Summary
from koku_core.testing.bench import PRICED, Made, Rows

#: How far two figures may be apart.
CLOSE = Decimal("1e-12")
#: Arithmetic with room for all digits of a figure.
EXACT = Context(prec=60)
_NUMBERS = (Kind.MONEY, Kind.QUANTITY, Kind.INTEGER)


def differences(summary: Summary, expected: Made, found: Made) -> dict[str, str]:
    """The first difference of each template, and of the costs, that there is one of."""
    facts = {step.template: step.into or summary.fact for step in summary.steps} | {PRICED: summary.fact}
    told = {name: f"{type(error).__name__}: {error}" for name, error in found.failed.items()}
    told |= {name: difference(facts[name], expected.rows[name], rows) for name, rows in found.rows.items()}
    return {name: why for name, why in told.items() if why}


def difference(fact: Fact, expected: Rows, found: Rows) -> str:
    """The first difference between two sets of rows, whatever their source is called; empty if there is none."""
    columns = [c for c in fact.all_columns if c.name != "source_uuid"]
    texts = [c.name for c in columns if c.kind not in _NUMBERS]
    numbers = [c.name for c in columns if c.kind in _NUMBERS]
    both = [_by_texts(rows, texts, numbers) for rows in (expected, found)]
    for key in sorted({*both[0], *both[1]}):
        one, other = (sorted(rows.get(key, []), key=_order) for rows in both)
        row = {name: value for name, value in zip(texts, key, strict=True) if value != "None"}
        if len(one) != len(other):
            return f"{len(one)} rows are expected and {len(other)} found of {row}"
        for wanted, had in zip(one, other, strict=True):
            wrong = {n: f"{a} != {b}" for n, a, b in zip(numbers, wanted, had, strict=True) if not _close(a, b)}
            if wrong:
                return f"expected and found are {wrong} in {row}"
    return ""


def _by_texts(
    rows: Rows, texts: Sequence[str], numbers: Sequence[str]
) -> Mapping[tuple[str, ...], list[tuple[Decimal | int | None, ...]]]:
    found = defaultdict(list)
    for row in rows:
        found[tuple(_text(row[n]) for n in texts)].append(tuple(row[n] for n in numbers))
    return found


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True) if isinstance(value, (dict, list)) else repr(value)


def _order(numbers: tuple[Decimal | int | None, ...]) -> tuple[tuple[bool, Decimal], ...]:
    """Rounded, so that what is close stands at the same place in both."""
    return tuple((n is None, Decimal(n or 0).quantize(Decimal("1e-9"), context=EXACT)) for n in numbers)


def _close(one: Decimal | int | None, other: Decimal | int | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(EXACT.subtract(Decimal(one), Decimal(other))) <= CLOSE
