"""The catalogue of metrics: what the loaded plugins let a cost model put a price on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from koku_core.declare.summarize import Metric
from koku_core.plugins import Plugins


def metrics_of(plugins: Plugins, family: str) -> Mapping[str, Metric]:
    """The metrics of a provider's family, by name."""
    plugin = plugins.by_family(family)
    spec = plugin.cost_model if plugin else None
    return {m.name: m for m in spec.metrics} if spec else {}


def all_metrics(plugins: Plugins) -> Mapping[str, Metric]:
    """The metrics of every provider, by name, in the order that they are listed."""
    return {m.name: m for plugin in plugins if plugin.cost_model for m in plugin.cost_model.metrics}


def catalogue(plugins: Plugins) -> list[dict[str, Any]]:
    """The rows of `metrics/`."""
    return [
        {
            "source_type": plugin.provider.label, "metric": m.name, "label_metric": m.label_metric,
            "label_measurement": m.label_measurement, "label_measurement_unit": m.unit, "default_cost_type": m.default_cost_type,
        }
        for plugin in plugins if plugin.cost_model for m in plugin.cost_model.metrics
    ]  # fmt: skip


def labels(metrics: Mapping[str, Metric], name: str) -> dict[str, str]:
    """A metric as a rate shows it; a metric whose plugin is gone keeps its name alone."""
    metric = metrics.get(name)
    if metric is None:
        return {"name": name}
    return {
        "name": name, "label_metric": metric.label_metric, "label_measurement": metric.label_measurement,
        "label_measurement_unit": metric.unit,
    }  # fmt: skip
