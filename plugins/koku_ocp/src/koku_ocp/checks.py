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
    Check(
        "check_gpu_models.sql",
        "instances of {model} were used on {days} days ({first} to {last}), but how many slices such a GPU has is not known: each is "
        "charged for its part of the instances that were seen on one GPU",
        "Use the operator from 4.4.0 on, which tells; or ask for the model to be added to `koku_ocp.gpu`.",
    ),
    Check(
        "check_gpu_prices.sql",
        "GPUs of {model} ({vendor}) were used on {days} days ({first} to {last}) and cost nothing, while others have a price",
        "Price the model by this name in the cost model, or make one of the vendor's prices the default.",
    ),
    Check(
        "check_gpu_use.sql",
        "{gpu} ({model}, node {node}) is reported in use for up to {hours} hours a day on {days} days ({first} to {last}), and charged "
        "for them",
        "Use the operator from 4.4.1 on, which counts the time of instances right; pods that share a GPU are each charged for it in full.",
    ),
)
