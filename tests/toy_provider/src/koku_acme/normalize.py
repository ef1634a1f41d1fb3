"""A file → line items: lines of a bill that differ in nothing but their amounts are one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from koku_core.bills.rows import read_bill
from koku_core.clock import month_end
from koku_core.declare.columns import labels, money, text
from koku_core.declare.datasets import Dataset
from koku_core.declare.deliveries import WHOLE_DAY, FileCount, Normalized
from koku_core.intake.kept import given_name

TEXTS = ("account", "region", "service", "resource", "unit", "currency")
LINE_ITEMS = Dataset("acme_line_items", (*map(text, TEXTS), labels("tags"), money("usage"), money("cost")))


def normalize(files: Sequence[Path], only: Mapping[date, int] | None) -> Normalized:
    """Fold the lines of bills. A bill replaces every day of its months, also those that it has nothing of any more."""
    import pyarrow as pa

    folded: dict[tuple[object, ...], list[Decimal]] = {}
    keys, counts, hours = set[str](), [], dict[date, int]()
    for file in files:
        days = Counter[date]()
        for row in read_bill(file, ("day", "usage", "cost", "tags", *TEXTS)):
            day, tags = row.day("day"), row.labels("tags")
            days[day] += 1
            if day not in hours:
                hours |= {day.replace(day=n + 1): WHOLE_DAY for n in range(month_end(day).day)}
            if only is None or day in only:
                key = (day, *map(row.text, TEXTS), json.dumps(tags, sort_keys=True, ensure_ascii=False))
                amounts = folded.setdefault(key, [Decimal(), Decimal()])
                amounts[:] = amounts[0] + row.money("usage"), amounts[1] + row.money("cost")
                keys |= tags.keys()
        counts.append(FileCount(given_name(file), "bill", days.total(), days))
    rows = [(*key, *amounts) for key, amounts in folded.items()]
    schema = LINE_ITEMS.normalized_schema
    columns = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(schema)]
    return Normalized(
        {LINE_ITEMS.name: pa.table(columns, schema=schema)}, hours if only is None else only, frozenset(keys), counts
    )
