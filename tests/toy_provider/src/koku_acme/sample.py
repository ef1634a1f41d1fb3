"""A small account for demonstrations and tests: last month's bill and this month's, up to yesterday."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

from koku_core.declare.deliveries import Sample

#: Region, service, resource, usage of a day, unit, cost of a day, tags.
RESOURCES = (
    ("north", "machines", "web-1", "24", "Hrs", "2.40", '{"app": "shop", "env": "prod"}'),
    ("south", "machines", "test-1", "8", "Hrs", "0.80", '{"app": "shop", "env": "test"}'),
    ("north", "disks", "disk-1", "3.225806451612903", "GB-Mo", "0.322580645161290", '{"env": "prod"}'),
    ("north", "support", "", "1", "", "-0.10", ""),
)


def sample(folder: Path, today: date) -> Sample:
    """Write the bills into a folder."""
    last, place = today - timedelta(1), folder / "bills"
    place.mkdir(exist_ok=True)
    months = [(last.replace(day=1) - timedelta(1)).replace(day=1), last.replace(day=1)]
    bills = tuple(_bill(place, month, last) for month in months)
    question = {"group_by": "service", "months": -2, "resolution": "monthly"}
    return Sample("Acme", "acme shop", {"account": "shop", "token": "a secret"}, bills, {"folder": str(place)},
                  tag_keys=("app", "env"), report="acme/costs", question=question)  # fmt: skip


def _bill(folder: Path, month: date, last: date) -> Path:
    path = folder / f"bill-{month:%Y-%m}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["day", "account", "region", "service", "resource", "usage", "unit", "cost", "currency", "tags"]
        )
        day = month
        while day.month == month.month and day <= last:
            writer.writerows((day, "shop", *r[:6], "USD", r[6]) for r in RESOURCES)
            day += timedelta(1)
    return path
