"""A small account for demonstrations and tests: last month's bill and this month's, up to yesterday, as a bucket would hold them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

from koku_core.clock import add_months, month_of
from koku_core.declare.deliveries import Sample

PAYER, SHOP, LAB = "111111111111", "222222222222", "333333333333"
HEADER = (
    "bill/BillingEntity", "bill/BillingPeriodStartDate", "bill/PayerAccountId", "identity/TimeInterval", "lineItem/UsageAccountId",
    "lineItem/LineItemType", "lineItem/UsageStartDate", "lineItem/ProductCode", "lineItem/ResourceId", "lineItem/AvailabilityZone",
    "lineItem/UsageAmount", "lineItem/CurrencyCode", "lineItem/UnblendedCost", "lineItem/BlendedCost",
    "savingsPlan/SavingsPlanEffectiveCost",
    "pricing/unit", "product/ProductName", "product/productFamily", "product/instanceType", "product/operatingSystem", "product/region",
    "product/vcpu", "product/memory", "resourceTags/user:app", "resourceTags/user:Name", "costCategory/team",
)  # fmt: skip
_EC2 = {
    "lineItem/ProductCode": "AmazonEC2", "product/ProductName": "Amazon Elastic Compute Cloud", "product/productFamily": "Compute Instance",
    "product/instanceType": "m6i.large", "product/operatingSystem": "Linux", "product/vcpu": "2", "product/memory": "8 GiB",
    "pricing/unit": "Hrs", "lineItem/UsageAmount": "24", "lineItem/AvailabilityZone": "eu-central-1a",
}  # fmt: skip
#: What every day's lines are.
LINES: tuple[Mapping[str, str], ...] = (
    {**_EC2, "lineItem/ResourceId": "i-0a1", "lineItem/UnblendedCost": "2.304", "resourceTags/user:app": "shop",
     "resourceTags/user:Name": "web-1", "costCategory/team": "sales"},
    {**_EC2, "lineItem/ResourceId": "i-0a2", "lineItem/UnblendedCost": "2.304", "lineItem/LineItemType": "SavingsPlanCoveredUsage",
     "savingsPlan/SavingsPlanEffectiveCost": "1.08", "resourceTags/user:app": "shop"},
    {**_EC2, "lineItem/UnblendedCost": "-2.304", "lineItem/LineItemType": "SavingsPlanNegation", "lineItem/ResourceId": ""},
    {"lineItem/ProductCode": "AmazonEC2", "product/productFamily": "Storage", "pricing/unit": "GB-Mo", "lineItem/ResourceId": "vol-0b1",
     "lineItem/UsageAmount": "0.645161290322581", "lineItem/UnblendedCost": "0.064516129032258", "lineItem/UsageAccountId": LAB},
    {"bill/BillingEntity": "AWS Marketplace", "lineItem/ProductCode": "a1b2c3", "product/ProductName": "Red Hat OpenShift Service on AWS",
     "lineItem/UsageAmount": "24", "lineItem/UnblendedCost": "4.104", "pricing/unit": "Hrs", "lineItem/UsageAccountId": LAB},
    {"lineItem/ProductCode": "AmazonEC2", "lineItem/LineItemType": "Tax", "lineItem/UnblendedCost": "0.19"},
)  # fmt: skip


def sample(folder: Path, today: date) -> Sample:
    """Write the bills into a folder."""
    last, place = today - timedelta(1), folder / "bucket"
    months = (add_months(month_of(last), -1), month_of(last))
    bills = tuple(bill(place, month, [line for day in days(month, last) for line in lines(day)]) for month in months)
    question = {"group_by": "service", "months": -2, "resolution": "monthly"}
    model = {
        "name": "AWS markup", "description": "10 percent", "source_type": "AWS", "currency": "USD", "rates": [],
        "markup": {"value": "10", "unit": "percent"}, "distribution_info": {},
    }  # fmt: skip
    return Sample("AWS-local", "aws shop", {"role_arn": f"arn:aws:iam::{PAYER}:role/costs"}, bills, {"bucket": str(place)},
                  cost_model=model, tag_keys=("app", "Name"), report="aws/costs", question=question)  # fmt: skip


def days(month: date, last: date) -> Iterable[date]:
    """The days of a month up to the last one."""
    day = month
    while day.month == month.month and day <= last:
        yield day
        day += timedelta(1)


def lines(day: date) -> Iterable[dict[str, str]]:
    """The lines of a day."""
    start = f"{day}T00:00:00Z"
    usual = {
        "bill/BillingEntity": "AWS", "bill/BillingPeriodStartDate": f"{day.replace(day=1)}T00:00:00Z", "bill/PayerAccountId": PAYER,
        "identity/TimeInterval": f"{start}/{day + timedelta(1)}T00:00:00Z", "lineItem/UsageStartDate": start,
        "lineItem/UsageAccountId": SHOP, "lineItem/LineItemType": "Usage", "lineItem/CurrencyCode": "USD", "product/region": "eu-central-1",
    }  # fmt: skip
    return ({**usual, **line, "lineItem/BlendedCost": line["lineItem/UnblendedCost"]} for line in LINES)


def bill(bucket: Path, month: date, rows: Iterable[Mapping[str, str]], header: Iterable[str] = HEADER) -> Path:
    """Write a bill as AWS does, `cur` being the report's name; gives its data file, which names no date of its making."""
    period = bucket / "cur" / f"{month:%Y%m%d}-{add_months(month, 1):%Y%m%d}"
    data = period / "a1b2c3d4-0000-4000-8000-000000000000" / "cur-00001.csv.gz"
    data.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(header), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    manifest = {
        "assemblyId": data.parent.name, "account": PAYER, "reportKeys": [str(data.relative_to(bucket))], "compression": "GZIP",
        "billingPeriod": {"start": f"{month:%Y%m%d}T000000.000Z", "end": f"{add_months(month, 1):%Y%m%d}T000000.000Z"},
    }  # fmt: skip
    (period / "cur-Manifest.json").write_text(json.dumps(manifest))
    return data
