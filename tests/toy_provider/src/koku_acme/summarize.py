"""Line items → daily summary, in `sql/daily.sql`; and the aggregates that reports are read from."""

from __future__ import annotations

from koku_acme.normalize import LINE_ITEMS, TEXTS
from koku_core.declare.columns import labels, money, text
from koku_core.declare.facts import Fact, Rollup, TagTable
from koku_core.declare.summarize import Context, Step, Summary

STORAGE = "unit = 'GB-Mo'"

DAILY_SUMMARY = Fact(
    "acme_daily_summary",
    (*map(text, TEXTS), labels("tags"), money("usage"), money("cost")),
    rollups=(
        Rollup("acme_cost", ("account", "currency"), ("cost",)),
        Rollup("acme_cost_by_service", ("account", "region", "service", "currency"), ("cost",)),
        Rollup("acme_storage", ("account", "region", "currency"), ("usage", "cost"), where=STORAGE),
    ),
    tags=(TagTable("", "tags", ("account", "region")),),
)
SUMMARY = Summary("koku_acme", DAILY_SUMMARY, (Step("daily.sql", (LINE_ITEMS,), (Context.ENABLED_TAG_KEYS,)),))
