"""The kinds of cost that bills state: which of them answers are about is a setting of the tenant."""

from __future__ import annotations

DEFAULT = "unblended_cost"
#: By code: name and description, as clients show them.
COST_TYPES = {
    "unblended_cost": ("Unblended", "Usage cost on the day you are charged"),
    "calculated_amortized_cost": (
        "Amortized",
        "Recurring and/or upfront costs are distributed evenly across the month",
    ),
    "blended_cost": ("Blended", "Using a blended rate to calculate cost usage"),
}
