"""The line items of a bill, a row per day: what the lake keeps."""

from __future__ import annotations

from koku_aws import columns
from koku_core.declare.columns import Kind, labels, money, text
from koku_core.declare.datasets import Dataset

LINE_ITEMS = Dataset(
    "aws_line_items",
    (
        *map(text, columns.KEYS),
        labels("tags", "tags that users gave, by key"),
        labels("cost_category", "cost categories, by name"),
        *(money(name) for name in (*columns.SUMS, *columns.MAXES)),
        *map(text, columns.TEXTS),
    ),
    "the lines of one day that differ in nothing but their amounts",
)
ORGANIZATION = Dataset(
    "aws_organization",
    (
        text("usage_account_id", "empty for a unit"),
        text("account_alias", "the account's name"),
        text("organizational_unit_id", "the unit, or that which the account is in on this day"),
        text("organizational_unit_name"),
        text("organizational_unit_path", "ids from the root down, joined by &"),
    ),
    "one account or unit of the organization on one day",
)
ALL = (LINE_ITEMS, ORGANIZATION)
#: What lines are grouped by, the day apart.
GROUPED = tuple(
    c.name for c in LINE_ITEMS.columns if c.kind in (Kind.TEXT, Kind.LABELS) and c.name not in columns.TEXTS
)
