"""Line items → daily summary, in `sql/daily.sql`."""

from __future__ import annotations

from koku_aws.datasets import ACCOUNTS, LINE_ITEMS
from koku_aws.facts import DAILY_SUMMARY
from koku_core.declare.summarize import Context, Step, Summary

SUMMARY = Summary("koku_aws", DAILY_SUMMARY, (Step("daily.sql", (LINE_ITEMS, ACCOUNTS), (Context.ENABLED_TAG_KEYS,)),))
