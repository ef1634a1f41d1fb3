"""What may be wrong with a cluster's figures."""

from __future__ import annotations

from koku_core.declare.summarize import Check

CHECKS = (
    Check(
        "check_overcommitted.sql",
        "node {node} is over-committed on {days} days ({first} to {last}): its pods use or request up to {cpu} core-hours and {memory} "
        "GiB-hours a day more than it has, so its unallocated part is negative",
        "Move pods to other nodes or lower what they request; the costs still add up.",
    ),
    Check(
        "check_distribution.sql",
        "on {day}, what was distributed to projects differs by {difference} from what was taken for it",
        "Run `koku refresh` for this source; if it comes back, report it as a defect.",
        "error",
    ),
)
