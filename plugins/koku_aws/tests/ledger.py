"""A second opinion: what a bill's lines must become in the daily summary, worked out line by line with exact decimals."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

COSTS = ("unblended_cost", "blended_cost", "savingsplan_effective_cost", "calculated_amortized_cost")
#: Columns of the daily summary that tell its rows apart, beside the day, tags and categories; each with its column of a bill.
TEXTS = {
    "payer_account_id": "bill/PayerAccountId", "usage_account_id": "lineItem/UsageAccountId", "billing_entity": "bill/BillingEntity",
    "line_item_type": "lineItem/LineItemType", "product_family": "product/productFamily",
    "availability_zone": "lineItem/AvailabilityZone", "region": "product/region", "resource_id": "lineItem/ResourceId",
    "instance_type": "product/instanceType", "operating_system": "product/operatingSystem", "unit": "pricing/unit",
    "currency_code": "lineItem/CurrencyCode",
}  # fmt: skip
_KEPT_EMPTY = ("payer_account_id", "usage_account_id", "billing_entity", "line_item_type")
_PLANS = ("SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanUpfrontFee", "SavingsPlanRecurringFee")

Ledger = dict[tuple[Any, ...], dict[str, Decimal]]


def lines(path: Path) -> list[dict[str, str]]:
    """The lines of a bill in CSV, packed or not."""
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return list(csv.DictReader(text.decode().splitlines()))


def expected(bill: Iterable[Mapping[str, str]], tags: Iterable[str] = ()) -> Ledger:
    """The sums of each group of a bill's lines that the daily summary must have, and no other."""
    found: Ledger = defaultdict(lambda: dict.fromkeys((*COSTS, "usage_amount"), Decimal()))
    for line in bill:
        row = found[_key(line, tuple(tags))]
        for name, amount in _amounts(line).items():
            row[name] += amount
    return dict(found)


def _amounts(line: Mapping[str, str]) -> dict[str, Decimal]:
    unblended, blended, effective, usage = (
        Decimal(line.get(c) or 0) if line.get(c) != "None" else Decimal()  # as test generators write it
        for c in (
            "lineItem/UnblendedCost", "lineItem/BlendedCost", "savingsPlan/SavingsPlanEffectiveCost", "lineItem/UsageAmount",
        )
    )  # fmt: skip
    kind = line["lineItem/LineItemType"]
    amortized = effective if kind in _PLANS else unblended
    used = Decimal() if kind == "SavingsPlanNegation" else usage
    return dict(zip((*COSTS, "usage_amount"), (unblended, blended, effective, amortized, used), strict=True))


def _key(line: Mapping[str, str], tags: tuple[str, ...]) -> tuple[Any, ...]:
    texts = [line.get(c, "") or ("" if n in _KEPT_EMPTY else None) for n, c in TEXTS.items()]
    sold = line.get("bill/BillingEntity") == "AWS Marketplace" and line.get("product/ProductName")
    service = line["product/ProductName"] if sold else line["lineItem/ProductCode"]
    labels = {t: line[f"resourceTags/user:{t}"] for t in tags if line.get(f"resourceTags/user:{t}")}
    categories = {n.removeprefix("costCategory/"): v for n, v in line.items() if n.startswith("costCategory/") and v}
    day = (line.get("lineItem/UsageStartDate") or line["identity/TimeInterval"])[:10]
    return (day, service, *texts, json.dumps(labels, sort_keys=True), json.dumps(categories, sort_keys=True))


def published(rows: Iterable[Mapping[str, Any]]) -> Ledger:
    """The daily summary in the same form; a row that stands twice fails."""
    found: Ledger = {}
    for row in rows:
        labels = [json.dumps(json.loads(row[n] or "{}"), sort_keys=True) for n in ("tags", "cost_category")]
        key = (f"{row['usage_start']}", row["product_code"], *(row[n] for n in TEXTS), *labels)
        assert key not in found, key
        found[key] = {n: row[n] or Decimal() for n in (*COSTS, "usage_amount")}
    return found
