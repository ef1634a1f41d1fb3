"""Prices the daily rows of one (source, month) and distributes cost, as the provider's plugin declares; knows no provider itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from psycopg import sql

from koku_core.clock import month_end
from koku_core.costing.effective import EffectiveModel, Price, effective_model
from koku_core.costing.moving import add_up, make_tables, move
from koku_core.costing.pieces import names_of, sums
from koku_core.database.server import Connection
from koku_core.declare.summarize import Distribution, Metric, Told
from koku_core.plugins import ProviderPlugin
from koku_core.sql import Rendered, Table, templates
from koku_core.summarize.insert import insert_select, name_of
from koku_core.summarize.tables import made

#: What rows of usage cost, by rate, as pricing and markup said it; empty if the provider does not tell costs by rate.
RATED = Table("rated", "pg_temp")
_RATES, _DISTRIBUTED = (Table(name, "pg_temp") for name in ("rates", "distributed"))
_PRICED, _MOVED = 1, 2


def run_costs(
    conn: Connection, plugin: ProviderPlugin, source_uuid: str, month: date, usage: Table, costs: Table
) -> EffectiveModel:
    """Append the cost rows of one (source, month) to `costs`: pricing and markup (layer 1), then distributions (layer 2).

    Args:
        conn: the publishing connection, its search path on the tenant, in a transaction.
        plugin: whose metrics and distributions.
        source_uuid: the source.
        month: its first day.
        usage: what the summarize steps made, numbered by `usage_row`.
        costs: an empty table with the columns of the fact.

    Returns:
        The cost model that was applied. With `CostModelSpec.told`, what was priced and moved by rate stands in temporary tables, for
        `fill_by_rate`.
    """
    model = effective_model(conn, source_uuid, month)
    if plugin.cost_model is not None:
        run = _Run(conn, plugin, model, usage, costs, source_uuid, month)
        run.price()
        run.mark_up()
        run.add_up()
        run.distribute()
    return model


class _Run:
    """One run of the templates of a `CostModelSpec`."""

    def __init__(
        self,
        conn: Connection,
        plugin: ProviderPlugin,
        model: EffectiveModel,
        usage: Table,
        costs: Table,
        source: str,
        month: date,
    ) -> None:
        assert plugin.cost_model  # noqa: S101 - its caller looked
        self._conn, self._spec, self._model, self._usage, self._costs = conn, plugin.cost_model, model, usage, costs
        self._priced = RATED if self._spec.told else costs  # where pricing and markup put their rows
        self._values: dict[str, Any] = {
            "usage": usage, "costs": costs, "rated": RATED, "details": {f.name: made(f) for f in plugin.summary.details},
            "source_uuid": source, "month_start": month, "month_end": month_end(month), "days_in_month": month_end(month).day,
            "distribution_type": model.distribution_type,
        }  # fmt: skip
        if self._spec.told:
            conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name_of(RATED)))
            create = "CREATE TEMPORARY TABLE {} (LIKE {}, usage_row bigint, beside bigint, rate_name text, metric text) ON COMMIT DROP"
            conn.execute(sql.SQL(create).format(sql.Identifier(RATED.name), name_of(costs)))

    def price(self) -> None:
        """Run the pricing templates whose metrics have a rate: of tiers, and of labels."""
        for by_tag in (False, True):
            prices = [p for p in self._model.prices if p.by_tag is by_tag]
            by_template = _by_template(self._spec.metrics, {p.metric for p in prices}, by_tag=by_tag)
            if not by_template:
                continue
            _stage_rates(self._conn, prices)
            for template, metrics in by_template.items():
                tiered = any(p.tier_from > 0 for p in prices if p.metric in metrics)
                self._insert(template, _PRICED, self._priced, metrics=metrics, rates=_RATES, tiered=tiered)
            self._drop(_RATES)

    def mark_up(self) -> None:
        """Run the markup template."""
        if self._spec.markup and self._model.markup:
            self._insert(self._spec.markup, _PRICED, self._priced, markup=self._model.markup)

    def add_up(self) -> None:
        """Make the rows of the fact from the costs by rate."""
        told = self._spec.told
        if told is None:
            return
        statement = sql.SQL(_ADD_UP).format(
            costs=name_of(self._costs), rated=name_of(RATED), usage=name_of(self._usage),
            names=names_of((*told.keys, *told.kinds, *told.figures)), keys=names_of(told.keys), own=names_of(told.keys, "u"),
            kinds=names_of(told.kinds), told=names_of((*told.kinds, *told.figures), "r"), sums=sums(told.figures, nothing="0"),
        )  # fmt: skip
        self._conn.execute(statement, {"source": self._values["source_uuid"], "layer": _PRICED})
        make_tables(self._conn, told, self._usage, RATED)

    def distribute(self) -> None:
        """Run the distributions that are switched on; their rows are put aside until all have run, so that none sees another's."""
        chosen = [
            d for d in self._spec.distributions
            if d.template and self._model.switched_on(d.key, default=d.default, without_model=d.without_model)
        ]  # fmt: skip
        if not chosen:
            return
        if self._spec.told:
            self._move(self._spec.told, chosen)
            return
        create = "CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING DEFAULTS) ON COMMIT DROP"
        self._conn.execute(sql.SQL(create).format(sql.Identifier(_DISTRIBUTED.name), name_of(self._costs)))
        groups = _cost_groups(self._conn)
        for distribution in chosen:
            self._insert(
                str(distribution.template), _MOVED, _DISTRIBUTED, distribution=distribution, cost_groups=groups
            )
        copy = sql.SQL("INSERT INTO {} SELECT * FROM {}").format(name_of(self._costs), name_of(_DISTRIBUTED))
        self._conn.execute(copy)
        self._drop(_DISTRIBUTED)

    def _move(self, told: Told, chosen: Sequence[Distribution]) -> None:
        """Distribute by rate: all from the same costs, so that none sees what another moved."""
        groups = _cost_groups(self._conn)
        for distribution in chosen:
            rendered = self._rendered(str(distribution.template), distribution=distribution, cost_groups=groups)
            move(self._conn, told, rendered, self._usage)
        add_up(self._conn, told, self._values["source_uuid"], self._usage, self._costs)

    def _rendered(self, template: str, **values: Any) -> Rendered:
        return templates(self._spec.package, "postgres").render(template, {**self._values, **values})

    def _insert(self, template: str, layer: int, into: Table, **values: Any) -> None:
        rendered = self._rendered(template, **values)
        insert_select(self._conn, into, rendered, {"source_uuid": self._values["source_uuid"], "layer": layer})

    def _drop(self, table: Table) -> None:
        self._conn.execute(sql.SQL("DROP TABLE {}").format(name_of(table)))


#: Rows of usage are numbered, so that grouping by their keys need not look at them.
_ADD_UP = """
    INSERT INTO {costs} (source_uuid, layer, {names})
    SELECT %(source)s::uuid, %(layer)s, {own}, {told} FROM (
        SELECT usage_row, {kinds}, {sums} FROM {rated} WHERE usage_row IS NOT NULL GROUP BY usage_row, {kinds}
    ) AS r JOIN {usage} AS u USING (usage_row)
    UNION ALL
    SELECT %(source)s::uuid, %(layer)s, {keys}, {kinds}, {sums} FROM {rated} WHERE usage_row IS NULL GROUP BY {keys}, {kinds}
"""


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


def _stage_rates(conn: Connection, prices: Iterable[Price]) -> None:
    """Make the table of rates: a row for each day that a price is valid on."""
    conn.execute(
        """CREATE TEMPORARY TABLE rates (usage_start date, metric text, cost_type text, rate_name text, tier_from numeric,
           tier_to numeric, value numeric, tag_key text, tag_value text, is_default boolean) ON COMMIT DROP"""
    )
    conn.cursor().executemany(
        """INSERT INTO pg_temp.rates SELECT cast(day AS date), %s, %s, %s, %s, %s, %s, %s, %s, %s
           FROM generate_series(cast(%s AS timestamp), cast(%s AS timestamp), interval '1 day') AS day""",
        [
            (p.metric, p.cost_type, p.rate_name, p.tier_from, p.tier_to, p.value, p.tag_key, p.tag_value, p.is_default,
             p.valid_from, p.valid_to)
            for p in prices
        ],
    )  # fmt: skip


def _cost_groups(conn: Connection) -> Mapping[str, int | None]:
    """The ids of the tenant's cost groups by name; None for a group that it does not have."""
    found = conn.execute("SELECT name, id FROM cost_group").fetchall()
    return defaultdict(lambda: None, dict(found))
