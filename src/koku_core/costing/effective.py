"""Which prices hold for a source on the days of a month: those of the price list in force on each day, not of one list for the month."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from koku_core.clock import month_end
from koku_core.database.server import Connection, rows


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one tier, or of one label value, of a rate, and the stretch of days that it is valid for (both inclusive).

    Attributes:
        metric: what it is a price of.
        cost_type: `Infrastructure` or `Supplementary`.
        rate_name: the rate's name in its list.
        value: for one unit, in the cost model's currency.
        tier_from, tier_to: the part of the month's quantity that pays it; None: no upper bound.
        tag_key, tag_value: the label that what pays it has; None: it is not a price by label.
        is_default: whether it is also the price of every value of the label that has none; None: it is not a price by label.
    """

    metric: str
    cost_type: str
    rate_name: str
    value: Decimal
    valid_from: date
    valid_to: date
    tier_from: Decimal = Decimal(0)
    tier_to: Decimal | None = None
    tag_key: str | None = None
    tag_value: str | None = None
    is_default: bool | None = None

    @property
    def by_tag(self) -> bool:
        """Whether a label decides who pays it."""
        return self.tag_key is not None


@dataclass(frozen=True, slots=True)
class InForce:
    """A price list and days that it prices (both inclusive).

    Attributes:
        uuid, name, version: the list's.
        rates: what it holds.
    """

    first: date
    last: date
    uuid: str
    name: str
    version: int
    rates: tuple[Mapping[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EffectiveModel:
    """What a source's cost model says for one month; a source without one has no `uuid`, no prices and no markup.

    Attributes:
        uuid: the cost model's.
        currency: that of its prices.
        markup: percent on infrastructure cost.
        distribution: its switches, as far as it sets them, and `distribution_type`.
        lists: the price lists in force, one for each stretch of days, in their order.
        prices: in no particular order.
    """

    uuid: str | None = None
    currency: str | None = None
    markup: Decimal = Decimal(0)
    distribution: Mapping[str, Any] = field(default_factory=dict)
    lists: tuple[InForce, ...] = ()
    prices: tuple[Price, ...] = ()

    @property
    def distribution_type(self) -> str:
        """Which effective usage costs are spread by: `cpu` or `memory`."""
        return str(self.distribution.get("distribution_type") or "cpu")

    def switched_on(self, key: str, *, default: bool, without_model: bool) -> bool:
        """Whether a distribution is on, given what holds when the model does not say or there is none."""
        if self.uuid is None:
            return without_model
        chosen = self.distribution.get(key)
        return default if chosen is None else bool(chosen)


#: One statement, so that no change of a cost model is seen by half.
_READ = """
    SELECT m.uuid::text, m.currency, m.markup::text AS markup, m.distribution::text AS distribution,
           p.uuid::text AS list, p.name, p.version, p.starts, p.ends, p.rates::text AS rates
    FROM cost_model_source s JOIN cost_model m ON m.uuid = s.cost_model_uuid
    LEFT JOIN (cost_model_price_list a JOIN price_list p ON p.uuid = a.price_list_uuid AND p.starts <= %s AND p.ends >= %s)
        ON a.cost_model_uuid = m.uuid
    WHERE s.source_uuid = %s ORDER BY a.priority, p.uuid
"""


def effective_model(conn: Connection, source_uuid: str, month: date) -> EffectiveModel:
    """Read what holds for a source in a month from the tenant's tables (the connection's search path)."""
    found = rows(conn, _READ, (month_end(month), month, source_uuid))
    if not found:
        return EffectiveModel()
    model = found[0]
    lists = tuple(_in_force([row for row in found if row["list"]], month))
    return EffectiveModel(
        uuid=model["uuid"],
        currency=model["currency"],
        markup=Decimal(_json(model["markup"]).get("value") or 0),
        distribution=_json(model["distribution"]),
        lists=lists,
        prices=tuple(_prices(lists)),
    )


def _json(text: str) -> Any:
    """JSON without floats: money stays exact."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def _in_force(lists: Iterable[Mapping[str, Any]], month: date) -> Iterator[InForce]:
    """Of the attached lists that cover a day, the first.

    A disabled list still counts: it can no longer be attached, but prices what it was attached to.
    """
    days = (month + timedelta(n) for n in range(month_end(month).day))
    chosen = ((day, next((p for p in lists if p["starts"] <= day <= p["ends"]), None)) for day in days)
    for found, stretch in groupby(chosen, key=lambda pair: pair[1]):
        if found:
            covered = [day for day, _ in stretch]
            yield InForce(
                covered[0], covered[-1], found["list"], found["name"], found["version"], tuple(_json(found["rates"]))
            )


def _prices(lists: Iterable[InForce]) -> Iterator[Price]:
    """Every tier and every label value of every rate in every stretch."""
    for held in lists:
        for rate in held.rates:
            metric, cost_type = str(rate["metric"]["name"]), str(rate["cost_type"])
            name = str(rate.get("custom_name") or f"{metric}-{cost_type}")
            for value, kind in (*_tiers(rate), *_by_label(rate)):
                if value is not None:
                    yield Price(metric, cost_type, name, Decimal(value), held.first, held.last, **kind)


def _tiers(rate: Mapping[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for tier in rate.get("tiered_rates") or ():
        usage = tier.get("usage") or {}
        start, end = usage.get("usage_start"), usage.get("usage_end")
        bounds = {"tier_from": Decimal(start or 0), "tier_to": None if end is None else Decimal(end)}
        yield tier.get("value"), bounds


def _by_label(rate: Mapping[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    tag = rate.get("tag_rates") or {}
    for price in tag.get("tag_values") or ():
        kind = {"tag_key": tag["tag_key"], "tag_value": price["tag_value"], "is_default": bool(price.get("default"))}
        yield price.get("value"), kind
