"""Bills of given lines, in every form that AWS writes them in."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from koku_aws.columns import spelled

MONTH = date(2026, 11, 1)


@dataclass(frozen=True)
class Line:
    """A line of a bill."""

    day: date = date(2026, 11, 10)
    service: str = "AmazonEC2"
    kind: str = "Usage"
    account: str = "222222222222"
    resource: str = ""
    amount: Decimal = Decimal(1)
    unblended: Decimal = Decimal(0)
    blended: Decimal = Decimal(0)
    effective: Decimal = Decimal(0)
    tags: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    month: date = MONTH

    @property
    def amortized(self) -> Decimal:
        return self.effective if self.kind.startswith("SavingsPlan") else self.unblended

    def cells(self) -> dict[str, str]:
        """By the names of legacy CSV, without tags and categories."""
        return {
            "bill/BillingPeriodStartDate": f"{self.month}T00:00:00Z", "identity/TimeInterval": f"{self.day}T05:00:00Z/{self.day}T06:00:00Z",
            "lineItem/UsageStartDate": f"{self.day}T05:00:00Z", "lineItem/UsageAccountId": self.account,
            "lineItem/LineItemType": self.kind, "lineItem/ProductCode": self.service, "lineItem/ResourceId": self.resource,
            "lineItem/UsageAmount": f"{self.amount:f}", "lineItem/CurrencyCode": "USD", "lineItem/UnblendedCost": f"{self.unblended:f}",
            "lineItem/BlendedCost": f"{self.blended:f}", "savingsPlan/SavingsPlanEffectiveCost": f"{self.effective:f}",
        }  # fmt: skip


def slash(path: Path, lines: Sequence[Line]) -> Path:
    """Legacy CSV, packed: a column for each tag and category."""
    rows = [
        {
            **line.cells(),
            **{f"resourceTags/user:{k}": v for k, v in line.tags.items()},
            **{f"costCategory/{k}": v for k, v in line.categories.items()},
        }
        for line in lines
    ]
    return _csv(path / "bill.csv.gz", rows)


def snake(path: Path, lines: Sequence[Line]) -> Path:
    """Athena's names: `resource_tags_user_app`."""
    rows = [
        {
            **{spelled(k): v for k, v in line.cells().items()},
            **{f"resource_tags_user_{k}": v for k, v in line.tags.items()},
            **{f"cost_category_{k}": v for k, v in line.categories.items()},
        }
        for line in lines
    ]
    return _csv(path / "bill.csv", rows)


def exported(path: Path, lines: Sequence[Line]) -> Path:
    """CUR 2.0 as CSV: tags and categories are JSON in one column each."""
    rows = [
        {
            **{spelled(k): v for k, v in line.cells().items()},
            "resource_tags": json.dumps({f"user_{k}": v for k, v in line.tags.items()}) if line.tags else "",
            "cost_category": json.dumps(line.categories),
            "product": json.dumps({"product_name": "a product", "region": "eu-west-1"}),
        }
        for line in lines
    ]
    return _csv(path / "bill.csv.gz", rows)


def stored(path: Path, lines: Sequence[Line]) -> Path:
    """CUR 2.0 as Parquet: doubles, timestamps and maps."""
    found: dict[str, list[object]] = {spelled(k): [] for k in Line().cells()}
    for line in lines:
        for name, value in line.cells().items():
            found[spelled(name)].append(value)
    columns = {name: pa.array(values, pa.string()) for name, values in found.items()}
    for name in ("line_item_usage_amount", "line_item_unblended_cost", "line_item_blended_cost",
                 "savings_plan_savings_plan_effective_cost"):  # fmt: skip
        columns[name] = columns[name].cast(pa.float64())
    moments = [datetime.fromisoformat(str(v)) for v in found["line_item_usage_start_date"]]
    columns["line_item_usage_start_date"] = pa.array(moments, pa.timestamp("ms", "UTC"))
    texts = pa.map_(pa.string(), pa.string())
    columns["resource_tags"] = pa.array([[(f"user_{k}", v) for k, v in line.tags.items()] for line in lines], texts)
    columns["cost_category"] = pa.array([list(line.categories.items()) for line in lines], texts)
    parquet.write_table(pa.table(columns), path / "bill.snappy.parquet")
    return path / "bill.snappy.parquet"


def _csv(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    text = io.StringIO(newline="")
    header = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, list(header), restval="")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


FORMS = {"slash": slash, "snake": snake, "exported": exported, "stored": stored}
