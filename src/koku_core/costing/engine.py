"""Prices the daily rows of one (source, month) and distributes cost, as the provider's plugin declares; knows no provider itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from psycopg import sql

from koku_core.clock import month_end
from koku_core.costing.effective import EffectiveModel, Price, effective_model
from koku_core.database.server import Connection
from koku_core.declare.summarize import CostModelSpec, Metric
from koku_core.plugins import ProviderPlugin
from koku_core.sql import Table, templates
from koku_core.summarize.insert import insert_select

_RATES = Table("rates", "pg_temp")
_DISTRIBUTED = Table("distributed", "pg_temp")
_PRICED, _MOVED = 1, 2


def run_costs(
    conn: Connection, plugin: ProviderPlugin, source_uuid: str, month: date, usage: Table, costs: Table
) -> None:
    """Append the cost rows of one (source, month) to `costs`: pricing and markup (layer 1), then distributions (layer 2).

    Args:
        conn: the publishing connection, its search path on the tenant, in a transaction.
        plugin: whose metrics and distributions.
        source_uuid: the source.
        month: its first day.
        usage: what the summarize steps made.
        costs: an empty table with the columns of the fact.
    """
    spec = plugin.cost_model
    if spec is None:
        return
    model = effective_model(conn, source_uuid, month)
    run = _Run(conn, spec, model, usage, costs, source_uuid, month)
    run.price()
    run.mark_up()
    run.distribute()


class _Run:
    """One run of the templates of a `CostModelSpec`."""

    def __init__(
        self,
        conn: Connection,
        spec: CostModelSpec,
        model: EffectiveModel,
        usage: Table,
        costs: Table,
        source: str,
        month: date,
    ) -> None:
        self._conn, self._spec, self._model, self._costs = conn, spec, model, costs
        self._values: dict[str, Any] = {
            "usage": usage, "costs": costs, "source_uuid": source, "month_start": month, "month_end": month_end(month),
            "days_in_month": month_end(month).day, "distribution_type": model.distribution_type,
        }  # fmt: skip

    def price(self) -> None:
        """Run the pricing templates whose metrics have a rate."""
        by_template = _by_template(self._spec.metrics, {p.metric for p in self._model.prices})
        if not by_template:
            return
        _stage_rates(self._conn, self._model.prices)
        for template, metrics in by_template.items():
            tiered = any(p.tier_from > 0 for p in self._model.prices if p.metric in metrics)
            self._insert(template, _PRICED, self._costs, metrics=metrics, rates=_RATES, tiered=tiered)
        self._drop(_RATES)

    def mark_up(self) -> None:
        """Run the markup template."""
        if self._spec.markup and self._model.markup:
            self._insert(self._spec.markup, _PRICED, self._costs, markup=self._model.markup)

    def distribute(self) -> None:
        """Run the distributions that are switched on; their rows are put aside until all have run, so that none sees another's."""
        chosen = [
            d for d in self._spec.distributions
            if d.template and self._model.switched_on(d.key, default=d.default, without_model=d.without_model)
        ]  # fmt: skip
        if not chosen:
            return
        create = "CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING DEFAULTS) ON COMMIT DROP"
        self._conn.execute(sql.SQL(create).format(sql.Identifier(_DISTRIBUTED.name), _name(self._costs)))
        groups = _cost_groups(self._conn)
        for distribution in chosen:
            self._insert(
                str(distribution.template), _MOVED, _DISTRIBUTED, distribution=distribution, cost_groups=groups
            )
        copy = sql.SQL("INSERT INTO {} SELECT * FROM {}").format(_name(self._costs), _name(_DISTRIBUTED))
        self._conn.execute(copy)
        self._drop(_DISTRIBUTED)

    def _insert(self, template: str, layer: int, into: Table, **values: Any) -> None:
        rendered = templates(self._spec.package, "postgres").render(template, {**self._values, **values})
        insert_select(self._conn, into, rendered, {"source_uuid": self._values["source_uuid"], "layer": layer})

    def _drop(self, table: Table) -> None:
        self._conn.execute(sql.SQL("DROP TABLE {}").format(_name(table)))


def _by_template(metrics: Iterable[Metric], rated: set[str]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """For each template the metrics that share it and have a rate, with their params."""
    chosen: dict[str, dict[str, Mapping[str, Any]]] = {}
    for metric in metrics:
        if metric.template and metric.name in rated:
            chosen.setdefault(metric.template, {})[metric.name] = metric.params
    return chosen


def _stage_rates(conn: Connection, prices: Iterable[Price]) -> None:
    """Make the table of rates: a row for each day that a price is valid on."""
    conn.execute(
        """CREATE TEMPORARY TABLE rates (usage_start date, metric text, cost_type text, rate_name text,
           tier_from numeric, tier_to numeric, value numeric) ON COMMIT DROP"""
    )
    conn.cursor().executemany(
        """INSERT INTO pg_temp.rates SELECT cast(day AS date), %s, %s, %s, %s, %s, %s
           FROM generate_series(cast(%s AS timestamp), cast(%s AS timestamp), interval '1 day') AS day""",
        [
            (p.metric, p.cost_type, p.rate_name, p.tier_from, p.tier_to, p.value, p.valid_from, p.valid_to)
            for p in prices
        ],
    )


def _cost_groups(conn: Connection) -> Mapping[str, int | None]:
    """The ids of the tenant's cost groups by name; None for a group that it does not have."""
    found = conn.execute("SELECT name, id FROM cost_group").fetchall()
    return defaultdict(lambda: None, dict(found))


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(*filter(None, (table.schema, table.name)))
