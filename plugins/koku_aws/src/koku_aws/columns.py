"""The columns of a Cost and Usage Report (CUR), however its header spells them, and which of them are kept.

Legacy CSV says `lineItem/UnblendedCost`; Athena's copy, Parquet and CUR 2.0 say `line_item_unblended_cost`. The second is how columns are
called here. Tags and cost categories are a column each, or (CUR 2.0) one column that is a map.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

START, TIMES, PERIOD = "line_item_usage_start_date", "identity_time_interval", "bill_billing_period_start_date"
#: Texts that lines are grouped by: name → the columns that hold it, the first that is there counting.
KEYS: dict[str, tuple[str, ...]] = {
    "payer_account_id": ("bill_payer_account_id",),
    "usage_account_id": ("line_item_usage_account_id",),
    "billing_entity": ("bill_billing_entity",),
    "legal_entity": ("line_item_legal_entity",),
    "line_item_type": ("line_item_line_item_type",),
    "line_item_description": ("line_item_line_item_description",),
    "product_code": ("line_item_product_code",),
    "product_name": ("product_product_name",),
    "product_family": ("product_product_family",),
    "usage_type": ("line_item_usage_type",),
    "operation": ("line_item_operation",),
    "availability_zone": ("line_item_availability_zone",),
    "region": ("product_region", "product_region_code"),
    "resource_id": ("line_item_resource_id",),
    "instance_type": ("product_instance_type", "product_instancetype"),
    "operating_system": ("product_operating_system",),
    "unit": ("pricing_unit",),
    "currency_code": ("line_item_currency_code",),
}
#: Texts of which the largest of a group counts.
TEXTS = {"vcpu": ("product_vcpu",), "memory": ("product_memory",)}
#: Numbers that are added up, and those of which the largest counts.
SUMS = {
    "usage_amount": ("line_item_usage_amount",),
    "normalized_usage_amount": ("line_item_normalized_usage_amount",),
    "unblended_cost": ("line_item_unblended_cost",),
    "blended_cost": ("line_item_blended_cost",),
    "savingsplan_effective_cost": ("savings_plan_savings_plan_effective_cost",),
    "public_on_demand_cost": ("pricing_public_on_demand_cost",),
}
MAXES = {
    "normalization_factor": ("line_item_normalization_factor",),
    "unblended_rate": ("line_item_unblended_rate",),
    "blended_rate": ("line_item_blended_rate",),
    "public_on_demand_rate": ("pricing_public_on_demand_rate",),
}
#: Numbers that AWS fills with words where there is no list price; such a word counts as nothing.
WORDS = frozenset({"public_on_demand_cost", "public_on_demand_rate"})
#: A report without these is no bill.
REQUIRED = (
    PERIOD, "line_item_usage_account_id", "line_item_line_item_type", "line_item_product_code",
    "line_item_usage_amount", "line_item_currency_code", "line_item_unblended_cost",
)  # fmt: skip
#: Maps of CUR 2.0, and what a column of its own begins with in other reports.
_TAG_MAP, _CATEGORY_MAP, _PRODUCT_MAP = "resource_tags", "cost_category", "product"
_TAG_COLUMNS = ("resourcetags/user:", "resource_tags_user_")
_CATEGORY_COLUMNS = ("costcategory/", "cost_category_")
#: Tags that users gave, in the keys of CUR 2.0's map.
USER_TAG = "user_"


def spelled(name: str) -> str:
    """A column's name as it is called here: `lineItem/UnblendedCost` is `line_item_unblended_cost`."""
    return _WORD.sub("_", name.replace("/", "_")).lower()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a report has what; columns are numbered from 0.

    Attributes:
        at: the column of each name as it is spelled here.
        tags, categories: the column of each tag key and cost category.
        tag_map, category_map, product_map: columns that are maps (CUR 2.0).
    """

    at: dict[str, int]
    tags: dict[str, int]
    categories: dict[str, int]
    tag_map: int | None = None
    category_map: int | None = None
    product_map: int | None = None

    def column(self, candidates: Sequence[str]) -> int | None:
        """The first of some columns that the report has."""
        return next((self.at[c] for c in candidates if c in self.at), None)

    @property
    def used(self) -> list[int]:
        """The columns that are read."""
        named = [self.column(c) for group in (KEYS, TEXTS, SUMS, MAXES) for c in group.values()]
        named += [self.column((name,)) for name in (START, TIMES, PERIOD)]
        named += [self.tag_map, self.category_map, self.product_map]
        return sorted({n for n in named if n is not None} | {*self.tags.values(), *self.categories.values()})

    @property
    def missing(self) -> list[str]:
        """The columns that a bill must have and this report has not."""
        found = [name for name in REQUIRED if name not in self.at]
        return found if START in self.at or TIMES in self.at else [START, *found]


def layout(header: Sequence[str]) -> Layout:
    """Find the columns in a header."""
    at: dict[str, int] = {}
    tags: dict[str, int] = {}
    categories: dict[str, int] = {}
    for number, name in enumerate(header):
        tag, category = _after(name, _TAG_COLUMNS), _after(name, _CATEGORY_COLUMNS)
        if tag:
            tags.setdefault(tag, number)
        elif category:
            categories.setdefault(category, number)
        else:
            at.setdefault(spelled(name), number)
    return Layout(at, tags, categories, at.get(_TAG_MAP), at.get(_CATEGORY_MAP), at.get(_PRODUCT_MAP))


def _after(name: str, beginnings: Sequence[str]) -> str:
    """What follows one of some beginnings, whatever their case; empty if the name begins otherwise."""
    return next((name[len(b) :] for b in beginnings if name.lower().startswith(b)), "")
