"""A rate: what one metric costs. How a program writes it, how it is stored, and how the API shows it.

Stored, in the JSON of a price list, a rate is the body of the API with every number as a text, so that none is ever rounded:

    {"rate_id": uuid, "metric": {"name"}, "cost_type": "Supplementary", "custom_name", "description",
     "tiered_rates": [{"value": "0.007", "unit": "USD", "usage": {"usage_start", "usage_end", "unit"}}]}

or, instead of `tiered_rates`, `"tag_rates": {"tag_key", "tag_values": [{"tag_value", "value", "unit", "description", "default"}]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from koku_core.costing.metrics import labels
from koku_core.declare.summarize import Metric
from koku_core.validation import refuse

Number = Decimal | int | float | str


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a metric costs: one price, or a price for each value of a label.

    `Rate("cpu_core_usage_per_hour", 0.007)`, or
    `Rate("node_cost_per_month", tag="instance-type", values={"small": 10, "large": 20}, default="large")`.

    Attributes:
        metric: one of `metrics/` (`koku_core.costing.metrics.catalogue`).
        value: the price of a unit; floats are taken as they are written, `0.007` is exactly that.
        cost_type: `Infrastructure` or `Supplementary`; default: the metric's own.
        tag: the label key whose value decides the price.
        values: the price for each value of the label.
        default: which of `values` is for rows with another value of the label.
        name: what to call it in reports; made up if empty.
        description: for people.
        currency: of the prices; default: that of the cost model.
    """

    metric: str
    value: Number | None = None
    cost_type: str | None = None
    tag: str | None = None
    values: Mapping[str, Number] = field(default_factory=dict)
    default: str | None = None
    name: str | None = None
    description: str = ""
    currency: str | None = None

    def body(self, currency: str) -> dict[str, Any]:
        """The rate as the API takes it.

        Raises:
            InvalidInput: the default is none of the values.
        """
        if self.default is not None and self.default not in self.values:
            raise refuse(
                f"The default {self.default!r} is none of the values: {', '.join(self.values) or 'none'}.", "rates"
            )
        unit = self.currency or currency
        made: dict[str, Any] = {
            "metric": {"name": self.metric},
            "cost_type": self.cost_type,
            "description": self.description,
        }
        if self.name:
            made["custom_name"] = self.name
        if self.value is not None:
            made["tiered_rates"] = [{"value": str(self.value), "unit": unit}]
        if self.tag is not None:
            made["tag_rates"] = {"tag_key": self.tag, "tag_values": [
                {"tag_value": v, "value": str(price), "unit": unit, "description": "", "default": v == self.default}
                for v, price in self.values.items()
            ]}  # fmt: skip
        return made


def shown(stored: Mapping[str, Any], metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """A stored rate as the API shows it: with labels, and with numbers as numbers."""
    made: dict[str, Any] = {
        "metric": labels(metrics, stored["metric"]["name"]),
        "description": stored.get("description") or "",
        "custom_name": stored["custom_name"],
    }
    if "tag_rates" in stored:
        tag = stored["tag_rates"]
        made["tag_rates"] = {"tag_key": tag["tag_key"], "tag_values": [_numbers(v) for v in tag["tag_values"]]}
    else:
        made["tiered_rates"] = [_numbers(t) for t in stored["tiered_rates"]]
    return made | {"cost_type": stored["cost_type"]}


def _numbers(price: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(price) | {"value": Decimal(price["value"])}
    if "usage" in price:
        usage = price["usage"]
        made["usage"] = dict(usage) | {
            k: None if usage.get(k) is None else Decimal(usage[k]) for k in ("usage_start", "usage_end") if k in usage
        }
    return made


def priced(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a stored rate that decides what things cost: without names and descriptions."""
    made = {k: v for k, v in stored.items() if k in ("metric", "cost_type", "tiered_rates")}
    if "tag_rates" in stored:
        tag = stored["tag_rates"]
        values = [{k: v for k, v in value.items() if k != "description"} for value in tag["tag_values"]]
        made["tag_rates"] = {"tag_key": tag["tag_key"], "tag_values": values}
    return made


def effective(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a stored rate that shows in costs: what is priced, and the rate's name."""
    return priced(stored) | {"custom_name": stored["custom_name"]}
