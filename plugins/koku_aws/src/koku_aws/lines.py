"""Which line items are behind the reports about bills."""

from __future__ import annotations

from koku_aws.datasets import LINE_ITEMS
from koku_core.declare.lines import Found, LineItems
from koku_core.declare.reports import Expression

_SERVICE = Expression(
    "CASE WHEN billing_entity = 'AWS Marketplace' AND product_name <> '' THEN product_name ELSE product_code END",
    ("billing_entity", "product_name", "product_code"),
)
_ACCOUNT = ("account_alias", "organizational_unit_id", "organizational_unit_name", "organizational_unit_path")
LINES = (LineItems(LINE_ITEMS, {"product_code": _SERVICE}, (Found(_ACCOUNT, ("usage_account_id",)),)),)
