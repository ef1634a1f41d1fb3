"""Prices the daily rows of one (source, month) and distributes cost, as the provider's plugin declares; knows no provider itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

from koku_core.clock import month_end
from koku_core.costing.effective import EffectiveModel, effective_model
from koku_core.costing.moving import add_up_moved, make_parties, move
from koku_core.costing.rated import RATED, add_up, analyze_rated, make_rated
from koku_core.costing.staged_rates import RATES, stage_rates
from koku_core.database.server import Connection
from koku_core.declare.summarize import CostModelSpec, Distribution, Metric
from koku_core.plugins import ProviderPlugin
from koku_core.sql import Rendered, Table, templates
from koku_core.summarize.insert import columns_of, insert_columns
from koku_core.summarize.tables import made


@dataclass(frozen=True, slots=True)
class Costed:
    """How rows were priced.

    Attributes:
        model: the cost model that was applied.
        given: the columns that pricing and markup gave.
    """

    model: EffectiveModel
    given: Set[str] = frozenset()


def run_costs(
    conn: Connection, plugin: ProviderPlugin, source_uuid: str, month: date, usage: Table, costs: Table
) -> Costed:
    """Append the cost rows of one (source, month) to `costs`: pricing and markup (layer 1), then distributions (layer 2).

    Args:
        conn: the publishing connection, its search path on the tenant, in a transaction.
        plugin: whose metrics and distributions.
        source_uuid: the source.
        month: its first day.
        usage: what the summarize steps made, numbered by `usage_row`.
        costs: a table with the columns of the fact.

    Returns:
        How they were priced. With `CostModelSpec.told`, what was priced and moved by rate stands in temporary tables, for `fill_by_rate`.
    """
    model = effective_model(conn, source_uuid, month)
    if plugin.cost_model is None:
        return Costed(model)
    run = _Run(conn, plugin, plugin.cost_model, model, usage, costs, source_uuid, month)
    run.price()
    run.mark_up()
    run.add_up()
    return Costed(model, run.given)


class _Run:
    """One run of the templates of a `CostModelSpec`."""

    def __init__(
        self,
        conn: Connection,
        plugin: ProviderPlugin,
        spec: CostModelSpec,
        model: EffectiveModel,
        usage: Table,
        costs: Table,
        source: str,
        month: date,
    ) -> None:
        self._conn, self._spec, self._model, self._usage, self._costs, self._source = (
            conn,
            spec,
            model,
            usage,
            costs,
            source,
        )
        self.given: set[str] = set()
        self._values: dict[str, Any] = {
            "usage": usage, "details": {f.name: made(f) for f in plugin.summary.details}, "source_uuid": source,
            "month_start": month, "month_end": month_end(month), "days_in_month": month_end(month).day,
            "distribution_type": model.distribution_type,
        }  # fmt: skip
        if spec.told:
            make_rated(conn, spec.told, plugin.summary.fact)

    def price(self) -> None:
        """Run the pricing templates whose metrics have a rate: of tiers, and of labels."""
        for by_tag in (False, True):
            prices = [p for p in self._model.prices if p.by_tag is by_tag]
            by_template = _by_template(self._spec.metrics, {p.metric for p in prices}, by_tag=by_tag)
            if not by_template:
                continue
            stage_rates(self._conn, prices)
            for template, metrics in by_template.items():
                tiered = any(p.tier_from > 0 for p in prices if p.metric in metrics)
                self._insert(template, metrics=metrics, rates=RATES, tiered=tiered)

    def mark_up(self) -> None:
        """Run the markup template."""
        if self._spec.markup and self._model.markup:
            self._insert(self._spec.markup, markup=self._model.markup)

    def add_up(self) -> None:
        """Make the rows of the fact from the costs by rate, and distribute these."""
        told = self._spec.told
        if told is None:
            return
        analyze_rated(self._conn, told)
        add_up(self._conn, told, self.given, self._source, self._usage, self._costs)
        make_parties(self._conn, told, self.given, self._usage)
        groups = _cost_groups(self._conn)
        for distribution in self._chosen():
            rendered = self._rendered(str(distribution.template), distribution=distribution, cost_groups=groups)
            move(self._conn, told, rendered)
        add_up_moved(self._conn, told, self._source, self._costs)

    def _chosen(self) -> list[Distribution]:
        """The distributions that are switched on."""
        return [
            d for d in self._spec.distributions
            if d.template and self._model.switched_on(d.key, default=d.default, without_model=d.without_model)
        ]  # fmt: skip

    def _rendered(self, template: str, **values: Any) -> Rendered:
        return templates(self._spec.package, "postgres").render(template, {**self._values, **values})

    def _insert(self, template: str, **values: Any) -> None:
        """Add a pricing template's rows to what is rated; without `told`, to the fact."""
        rendered = self._rendered(template, **values)
        names = columns_of(self._conn, rendered)
        self.given.update(names)
        if self._spec.told:
            insert_columns(self._conn, RATED, rendered, names)
        else:
            insert_columns(self._conn, self._costs, rendered, names, {"source_uuid": self._source, "layer": 1})


def _by_template(
    metrics: Iterable[Metric], rated: set[str], *, by_tag: bool
) -> dict[str, dict[str, Mapping[str, Any]]]:
    """For each template the metrics that share it and have a rate of its kind, with their params."""
    chosen: dict[str, dict[str, Mapping[str, Any]]] = {}
    for metric in metrics:
        template = metric.template_of(by_tag=by_tag)
        if template and metric.name in rated:
            chosen.setdefault(template, {})[metric.name] = metric.params_of(by_tag=by_tag)
    return chosen


def _cost_groups(conn: Connection) -> Mapping[str, int | None]:
    """The ids of the tenant's cost groups by name; None for a group that it does not have."""
    found = conn.execute("SELECT name, id FROM cost_group").fetchall()
    return defaultdict(lambda: None, dict(found))
