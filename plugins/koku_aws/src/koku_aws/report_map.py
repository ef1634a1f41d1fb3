"""The reports about bills, as data: a line here is a key, a figure or a report of the API."""

from __future__ import annotations

from koku_aws.facts import DAILY_SUMMARY
from koku_core.declare.reports import (
    CURRENCY,
    Aggregate,
    Figure,
    Key,
    Report,
    ReportMap,
    TagReport,
    Text,
    column,
)

ACCOUNT = Key("account", column("usage_account_id"), (column("account_alias"), column("usage_account_id")),
              order="account", access="aws.account")  # fmt: skip
KEYS = (
    ACCOUNT,
    Key("service", column("product_code"), order="service"),
    Key("region", column("region"), order="region"),
    Key("az", column("availability_zone")),
    Key("product_family", column("product_family"), order="product_family"),
)
COST = Aggregate("raw", column("unblended_cost"), money="bill")
COSTS = Report(
    "costs", "What accounts cost.", KEYS, (COST,), (Figure("cost_total", "raw", "cost.total", CURRENCY),),
    orders={"cost": ("cost_total", ())}, deltas={"cost": "cost_total", "cost_total": "cost_total"},
    texts=(Text("account_alias", "account", column("account_alias")),), tags="tags", units={"cost_units": CURRENCY},
)  # fmt: skip
REPORT_MAP = ReportMap(DAILY_SUMMARY, (COSTS,), TagReport((ACCOUNT,)), currency="currency_code")
