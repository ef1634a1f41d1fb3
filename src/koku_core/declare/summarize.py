"""What the summarize and cost steps of a provider are: SQL templates with the datasets that they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from koku_core.declare.datasets import Dataset
from koku_core.declare.facts import Fact


class Context(Enum):
    """Small datasets that the core supplies to templates beside the line items, under these names."""

    ENABLED_TAG_KEYS = "enabled_tag_keys"  #: (key text): the tenant's enabled keys of the provider
    COST_GROUPS = "cost_groups"  #: (cost_group_id bigint, pattern text): namespace patterns in LIKE form


@dataclass(frozen=True, slots=True)
class Step:
    """One summarize step: a template in the plugin's `sql` folder that is a single SELECT, in the order of `into`'s columns.

    The rows go into a fact, with `source_uuid` and every fact column that the SELECT does not name left null. A template sees the
    datasets and contexts by `{{ datasets.NAME }}`, and these values: `source_uuid`, `source_name`, `source_key`, `month_start`,
    `month_end`, `days_in_month`; it is rendered for one (source, month) and runs on the executor. It must give the same rows
    whenever it is run again.

    Attributes:
        template: its name.
        reads, contexts: the datasets that it sees.
        into: the fact that it fills, one of `Summary.details`; None: the daily summary.
    """

    template: str
    reads: tuple[Dataset, ...]
    contexts: tuple[Context, ...] = ()
    into: Fact | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Something that may be wrong with what is published of a source; `koku doctor` looks for it.

    Attributes:
        template: in the plugin's `sql` folder, a single SELECT: each row is a finding. It sees the facts and their rollups by
            `{{ tables.NAME }}`, and `source_uuid`. It always runs in PostgreSQL.
        what: the finding in a sentence, with columns of the row in braces.
        do: how to mend it.
        severity: `error` if figures are wrong, `warning` if somebody should know.
    """

    template: str
    what: str
    do: str
    severity: str = "warning"


@dataclass(frozen=True, slots=True)
class Summary:
    """A provider's summarize step as a whole: which fact it fills and from what.

    Attributes:
        package: the Python package whose `sql` folder holds the templates.
        fact: the daily summary.
        steps: run in this order.
        checks: what may be wrong with the result.
        details: further facts, of another grain, that are made, published, kept and removed with the daily summary. Pricing templates read
            them; no cost is added to them, so their rows are all of layer 0.
        by_rate: a further fact, of the same costs rate by rate, that pricing fills (`CostModelSpec.told`): of columns of the daily summary
            texts and the like are kept as keys and money is added up, and it has `RATE_COLUMNS`.
    """

    package: str
    fact: Fact
    steps: tuple[Step, ...]
    checks: tuple[Check, ...] = ()
    details: tuple[Fact, ...] = ()
    by_rate: Fact | None = None

    @property
    def summarized(self) -> tuple[Fact, ...]:
        """What the steps fill: the daily summary, then the details."""
        return (self.fact, *self.details)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts: what the steps fill, then the costs by rate."""
        return (*self.summarized, *filter(None, (self.by_rate,)))


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that a cost model may put a price on (`metrics/`), and the template that prices it.

    Attributes:
        name: as in a rate's `metric.name`.
        label_metric, label_measurement, unit: what `metrics/` says of it.
        default_cost_type: `Infrastructure` or `Supplementary`.
        metric_type: what price lists sort rates by (`cpu`, `node`, …).
        template: the pricing template of its tiered rates, in the plugin's `sql` folder; None: they are stored, not priced.
        tiered, tags: whether it may have tiered rates, tag rates.
        params: values that the templates get as `metrics[name]`, such as the fact column that is multiplied.
        tag_template: the pricing template of its tag rates; None: they are stored, not priced.
        tag_params: further values for `tag_template`, or other ones than in `params`.
        by_label: whether the key of its tag rates is that of a label, which a tenant must have enabled.
    """

    name: str
    label_metric: str
    label_measurement: str
    unit: str
    default_cost_type: str
    metric_type: str
    template: str | None = None
    tiered: bool = True
    tags: bool = True
    params: Mapping[str, Any] = field(default_factory=dict)
    tag_template: str | None = None
    tag_params: Mapping[str, Any] = field(default_factory=dict)
    by_label: bool = True

    def template_of(self, *, by_tag: bool) -> str | None:
        """The template of its tag rates or of its tiered ones."""
        return self.tag_template if by_tag else self.template

    def params_of(self, *, by_tag: bool) -> Mapping[str, Any]:
        """What that template gets."""
        return {**self.params, **self.tag_params} if by_tag else self.params


@dataclass(frozen=True, slots=True)
class Distribution:
    """A step that moves cost between rows of one day, Σ = 0.

    Attributes:
        key: the switch in a cost model's `distribution_info` (`platform_cost`).
        template: in the plugin's `sql` folder; None: known and stored, not run yet.
        default: on or off when a cost model does not say; `without_model` when a source has none.
        params: values that the template gets as `distribution.params`.
    """

    key: str
    template: str | None
    default: bool
    without_model: bool
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """How costs are told by rate, in columns of the fact.

    Attributes:
        keys: what a cost has from the row of usage that it is a cost of.
        figures: money that pricing and markup add.
        moved: the money that a distribution moves.
        kinds: texts that tell costs of one row of usage apart.
        type: the kind that says of what type a cost is (Infrastructure, Supplementary), or by which distribution it was moved.
        raw: money that rows of usage have of their own, and what it is called among the rates; a distribution moves it too.
        kept: the figures that a distribution leaves where they are.
        moved_by: what givers and takers are grouped by, beside the day; empty: all keys.
        moved_has: what their rows have beside that, the least where it differs within a group; empty: all keys.
    """

    keys: tuple[str, ...]
    figures: tuple[str, ...]
    moved: str
    kinds: tuple[str, ...] = ()
    type: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    moved_by: tuple[str, ...] = ()
    moved_has: tuple[str, ...] = ()

    @property
    def given(self) -> tuple[str, ...]:
        """The figures that a distribution moves."""
        return tuple(f for f in self.figures if f not in self.kept)

    @property
    def groups(self) -> tuple[str, ...]:
        """What givers and takers are grouped by, beside the day."""
        return self.moved_by or self.keys

    @property
    def shared(self) -> tuple[str, ...]:
        """What the rows of givers and takers have."""
        return self.moved_has or self.keys


@dataclass(frozen=True, slots=True)
class CostModelSpec:
    """What a provider lets a cost model do. Pricing always runs in PostgreSQL, over the daily rows of one (source, month).

    Each template is one SELECT. It sees

    * `{{ usage }}`: the rows of the fact for this source and month that the summarize steps made, numbered by `usage_row` (a table name);
      `{{ details.NAME }}`: those of a fact of `Summary.details`;
    * `{{ rates }}`: a table (usage_start date, metric text, cost_type text, rate_name text, tier_from numeric, tier_to numeric, value
      numeric, tag_key text, tag_value text, is_default boolean), one row for each day, rate and tier, or label value, that holds on it.
      `Metric.template` sees the tiers: the first has `tier_from` 0, the last `tier_to` null; they count the source's quantity since the
      first of the month. `Metric.tag_template` sees the prices by label: what has the label `tag_key` pays the price of its value, and
      that with `is_default` if its value has none;
    * `metrics`: the metrics that share the template and have such a rate, as a map from name to params; `tiered`: whether one of them has
      more than one tier; `distribution_type`; `days_in_month`, `month_start`, `month_end`, `source_uuid`; for a markup, `markup` (a
      Decimal of percent); for a distribution, `distribution.params` and `cost_groups` (ids by name, None for one that is not there).
    Without `told` a template's columns are columns of the fact, and its rows are added to it; nothing can be distributed.

    With `told` costs can be told by rate and distributed. A pricing template gives a row for each row of usage and rate, with the columns
    `usage_row`, `rate_name`, `metric`, those of `told.kinds` and `told.figures` that it fills, and nothing else; the row of the fact
    takes `told.keys` from its row of usage. A cost that is of no row of usage leaves `usage_row` null and gives its keys itself; if
    distributions are to move it as if it were of some row, `beside` names that. Markup is a rate with the metric `markup`. A
    distribution's template names the rows of usage that give their cost and those that take it: `usage_row`, `gives` (a boolean),
    `weight` (a taker's; what givers have counts for nothing), those of `told.kinds` that the moved cost has, and, if the day's cost is
    not one pool, `pool`, a text. The engine makes the parts, exactly and rate by rate.

    Attributes:
        package: the Python package whose `sql` folder holds the templates.
        metrics: in the order that `metrics/` lists them.
        distributions: run after pricing, in this order; each sees the costs of the pricing steps, not of its fellows.
        markup: the template that adds markup; None: no markup.
        told: how costs are told by rate; None: they are not, and there are no distributions.
    """

    package: str
    metrics: tuple[Metric, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    markup: str | None = None
    told: Told | None = None
