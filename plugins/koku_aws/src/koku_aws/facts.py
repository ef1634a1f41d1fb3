"""The daily summary of bills and its rollups."""

from __future__ import annotations

from koku_core.declare.columns import labels, money, text
from koku_core.declare.facts import Fact, Rollup, TagTable

#: Cost types, each with the column of its cost and of the markup on it.
COST_TYPES = {
    "unblended_cost": ("unblended_cost", "markup_cost"),
    "blended_cost": ("blended_cost", "markup_cost_blended"),
    "savingsplan_effective_cost": ("savingsplan_effective_cost", "markup_cost_savingsplan"),
    "calculated_amortized_cost": ("calculated_amortized_cost", "markup_cost_amortized"),
}
_COSTS = tuple(column for pair in COST_TYPES.values() for column in pair)
_USAGE = (*_COSTS, "usage_amount")
_ACCOUNT = ("usage_account_id", "account_alias", "organizational_unit_id", "organizational_unit_path", "currency_code")
_SEEN_BY = ("usage_account_id", "account_alias", "organizational_unit_path")
#: What cost categories are called by the API.
CATEGORIES = "aws_category"
#: What the reports about instances and about storage are made of.
INSTANCE_ROWS = "instance_type IS NOT NULL"
INSTANCES = "product_code = 'AmazonEC2' AND product_family LIKE '%Compute Instance%' AND resource_id IS NOT NULL"
STORAGE_ROWS = "product_family LIKE '%Storage%' AND unit = 'GB-Mo'"

DAILY_SUMMARY = Fact(
    "aws_daily_summary",
    (
        text("payer_account_id"), text("usage_account_id"), text("account_alias", "the account's name, or its id"),
        text("organizational_unit_id"), text("organizational_unit_name"),
        text("organizational_unit_path", "ids from the root down, joined by &"),
        text("billing_entity"), text("line_item_type"),
        text("product_code", "the service; of the Marketplace the product's name"),
        text("product_family"), text("availability_zone"), text("region"),
        text("resource_id"), text("instance_type"), text("operating_system"), text("vcpu"), text("memory"),
        text("unit"), text("currency_code"), labels("tags", "those that are enabled"), labels("cost_category"),
        money("usage_amount", "a savings plan's negation counts as none"), money("normalized_usage_amount"),
        *(money(name) for name in _COSTS), money("public_on_demand_cost"),
    ),
    rollups=(
        Rollup("aws_cost_by_account", _ACCOUNT, _USAGE),
        Rollup("aws_cost_by_region", (*_ACCOUNT, "region", "availability_zone"), _USAGE),
        Rollup("aws_cost_by_service", (*_ACCOUNT, "product_code", "product_family"), _USAGE),
        Rollup("aws_instance", (*_ACCOUNT, "instance_type"), _USAGE, where=INSTANCE_ROWS),
        Rollup("aws_storage", (*_ACCOUNT, "product_family", "unit"), _USAGE, where=STORAGE_ROWS),
    ),
    tags=(TagTable("", "tags", _SEEN_BY), TagTable(CATEGORIES, "cost_category", _SEEN_BY, of_tags=False)),
)  # fmt: skip
ORGANIZATION = Fact(
    "aws_organization_daily",
    (
        text("usage_account_id", "null for a unit"), text("account_alias"),
        text("organizational_unit_id"), text("organizational_unit_name"), text("organizational_unit_path"),
    ),
)  # fmt: skip
