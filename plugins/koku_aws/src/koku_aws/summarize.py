"""Line items → daily summary and organization, in `sql/daily.sql` and `sql/organization.sql`."""

from __future__ import annotations

from koku_aws import datasets, facts
from koku_core.declare.summarize import Context, Step, Summary

SUMMARY = Summary(
    "koku_aws",
    facts.DAILY_SUMMARY,
    (
        Step("daily.sql", (datasets.LINE_ITEMS, datasets.ORGANIZATION), (Context.ENABLED_TAG_KEYS,)),
        Step("organization.sql", (datasets.ORGANIZATION,), into=facts.ORGANIZATION),
    ),
    details=(facts.ORGANIZATION,),
)
