"""The reports, as data: a line here is a key, a figure or a report of the API, the command line and notebooks."""

from __future__ import annotations

from koku_acme.normalize import LINE_ITEMS
from koku_acme.summarize import DAILY_SUMMARY, STORAGE
from koku_core.declare.lines import LineItems
from koku_core.declare.reports import (
    CURRENCY,
    Aggregate,
    Expression,
    Figure,
    Key,
    Listed,
    Report,
    ReportMap,
    ResourceType,
    TagReport,
    column,
)

ACCOUNT = Key("account", column("account"), order="account", access="acme.account")
REGION = Key("region", column("region"), order="region", access="acme.region")
SERVICE = Key("service", column("service"), order="service")
RESOURCE = Key("resource", column("resource"), order="resource")
KEYS = (ACCOUNT, REGION, SERVICE, RESOURCE)
COST = Aggregate("cost", column("cost"), money="bill")
COST_TOTAL = Figure("cost_total", "cost", "cost.total", CURRENCY)
ACCOUNTS = Listed("accounts", column("account"))
ORDERS = {"cost": ("cost_total", ())}
DELTAS = {"cost": "cost_total"}

COSTS = Report(
    "costs", "What accounts cost.", KEYS, (COST,), (COST_TOTAL,),
    orders=ORDERS, deltas=DELTAS, lists=(ACCOUNTS,), tags="tags", units={"cost_units": CURRENCY}, forecast=("cost_total",),
)  # fmt: skip
STORED = Report(
    "storage", "How much was stored, and what it cost.", KEYS,
    (Aggregate("usage", column("usage")), COST), (Figure("usage", "usage", "usage", "GB-Mo"), COST_TOTAL),
    where=Expression(STORAGE, ("unit",)), order="usage", orders={**ORDERS, "usage": ("usage", ())},
    deltas={**DELTAS, "usage": "usage"}, lists=(ACCOUNTS,), tags="tags", units={"cost_units": CURRENCY, "usage_units": "GB-Mo"},
)  # fmt: skip
REPORT_MAP = ReportMap(
    DAILY_SUMMARY, (COSTS, STORED), TagReport((ACCOUNT, REGION)), currency="currency",
    resource_types=(
        ResourceType("accounts", ACCOUNT), ResourceType("regions", REGION, (ACCOUNT,)), ResourceType("services", SERVICE, (ACCOUNT,)),
    ),
    lines=(LineItems(LINE_ITEMS),),
)  # fmt: skip
