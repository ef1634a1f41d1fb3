"""Line items become the daily summary: which templates do it, and what they read."""

from __future__ import annotations

from koku_core.declare.summarize import Context, Step, Summary
from koku_ocp.checks import CHECKS
from koku_ocp.datasets import (
    GPU_DAYS,
    GPU_NODE_DAYS,
    NAMESPACE_LABEL_DAYS,
    NODE_DAYS,
    NODE_LABEL_DAYS,
    POD_DAYS,
    STORAGE_DAYS,
    VM_DAYS,
)
from koku_ocp.facts import COST_BY_RATE, DAILY_SUMMARY, PROJECT_DAYS

_LABELS = (NODE_LABEL_DAYS, NAMESPACE_LABEL_DAYS)
_CONTEXTS = (Context.ENABLED_TAG_KEYS, Context.COST_GROUPS)

SUMMARY = Summary(
    package="koku_ocp",
    fact=DAILY_SUMMARY,
    steps=(
        Step("pods.sql", (POD_DAYS, NODE_DAYS, VM_DAYS, *_LABELS), _CONTEXTS),
        Step("volumes.sql", (STORAGE_DAYS, POD_DAYS, NODE_DAYS, VM_DAYS, *_LABELS), _CONTEXTS),
        Step("gpus.sql", (GPU_DAYS, GPU_NODE_DAYS, POD_DAYS, VM_DAYS, *_LABELS), _CONTEXTS),
        Step("projects.sql", _LABELS, _CONTEXTS, into=PROJECT_DAYS),
    ),
    checks=CHECKS,
    details=(PROJECT_DAYS,),
    by_rate=COST_BY_RATE,
)
