"""Checks the body of a cost model, and brings it into the form that is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from koku_core import currencies
from koku_core.costing.metrics import metrics_of
from koku_core.costing.rate_validation import check_units, rates
from koku_core.costing.tenant_facts import Facts
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.validation import (
    NOT_NULL,
    WHOLE,
    Problems,
    boolean,
    decimal,
    mapping,
    not_a_list,
    not_a_mapping,
    text,
    uuid_text,
)  # fmt: skip

DISTRIBUTION_TYPES = ("cpu", "memory")
BAD_SOURCES = "Invalid request. Source UUID validation failed."


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A cost model as somebody wants it; None is what the request does not say.

    Attributes:
        rates: in stored form.
        markup: `{"value": text, "unit": "percent"}` or empty.
        distribution: the older field of that name.
        switches: `distribution_info`, complete.
    """

    name: str
    description: str
    plugin: ProviderPlugin
    currency: str
    switches: Mapping[str, Any]
    sources: tuple[str, ...] = ()
    rates: list[dict[str, Any]] | None = None
    markup: Mapping[str, str] | None = None
    distribution: str | None = None
    price_lists: tuple[str, ...] | None = None


def validated(given: Any, facts: Facts) -> ModelInput:
    """The body of a cost model, checked.

    Raises:
        InvalidInput: with everything that is wrong with its fields, or with the first thing that is wrong with it as a whole.
    """
    body, problems = mapping(given), Problems()
    name = text(body, "name", problems, limit=100)
    description = text(body, "description", problems, limit=500)
    family = text(body, "source_type", problems, limit=50)
    plugin = _plugin(facts.plugins, family)
    currency = currency_of(body, facts, problems)
    found = _rates(body, plugin, facts, problems)
    markup = _markup(body, problems) if "markup" in body else None
    distribution = _choice(body, "distribution", problems) if "distribution" in body else None
    switches = _switches(body, facts.plugins, distribution, problems)
    sources = _uuids(body.get("source_uuids", ()), BAD_SOURCES, "source_uuids", problems)
    lists = _lists(body, problems)
    problems.check()
    _check_provider(family or "", plugin, found, markup, problems)
    check_units(found or [], currency, problems)
    problems.check()
    assert plugin is not None  # noqa: S101 - checked above
    return ModelInput(
        name or "", description or "", plugin, currency, switches, sources, found, markup, distribution, lists
    )


def _plugin(plugins: Plugins, family: str | None) -> ProviderPlugin | None:
    return plugins.by_family(family.strip()) if family else None


def _rates(
    body: Mapping[str, Any], plugin: ProviderPlugin | None, facts: Facts, problems: Problems
) -> list[dict[str, Any]] | None:
    """The rates; those of an unknown provider are not looked at, since it is refused as a whole."""
    if "rates" not in body:
        return None
    if plugin is None or plugin.cost_model is None or not plugin.cost_model.metrics:
        return list(body["rates"]) if isinstance(body["rates"], (list, tuple)) else []
    return rates(body["rates"], metrics_of(facts.plugins, plugin.provider.family), facts.taken_names, problems)


def _check_provider(
    family: str, plugin: ProviderPlugin | None, found: list[Any] | None, markup: Any, problems: Problems
) -> None:
    """A provider is loaded and has cost models; one without metrics takes a markup and no rates."""
    spec = plugin.cost_model if plugin else None
    if spec is None or (not spec.metrics and (found or not markup)):
        problems.add(WHOLE, f"{family} is not a valid source.")
        problems.check()


def currency_of(body: Mapping[str, Any], facts: Facts, problems: Problems) -> str:
    """The currency: an enabled one; the account's where none is given."""
    code = body.get("currency", facts.currency)
    if code is None:
        problems.add("currency", NOT_NULL)
    elif not currencies.known(code):
        problems.add("currency", currencies.not_iso(code))
    elif code not in facts.enabled:
        problems.add("currency", currencies.not_enabled(code))
    return str(code)


def _markup(body: Mapping[str, Any], problems: Problems) -> dict[str, str]:
    given = body["markup"]
    if given is None or not isinstance(given, Mapping):
        problems.add(
            "markup" if given is None else f"markup.{WHOLE}", NOT_NULL if given is None else not_a_mapping(given)
        )
        return {}
    if "unit" in given and given["unit"] != "percent":
        problems.add("markup.unit", f'"{given["unit"]}" is not a valid choice.')
    if "value" not in given:
        return {}
    try:
        return {"value": f"{decimal(given['value']):.10f}", "unit": "percent"}
    except ValueError as error:
        problems.add("markup.value", NOT_NULL if given["value"] is None else str(error))
        return {}


def _choice(values: Mapping[str, Any], name: str, problems: Problems, path: str = "") -> str:
    given = values[name]
    if given not in DISTRIBUTION_TYPES:
        problems.add(path or name, f'"{given}" is not a valid choice.')
    return str(given)


def switches_of(plugins: Plugins) -> dict[str, bool]:
    """Every switch that some provider's distributions declare, with its default: each cost model shows them all."""
    return {d.key: d.default for p in plugins if p.cost_model for d in p.cost_model.distributions}


def _switches(
    body: Mapping[str, Any], plugins: Plugins, distribution: str | None, problems: Problems
) -> dict[str, Any]:
    """`distribution_info`, with what it does not say filled in."""
    made: dict[str, Any] = {"distribution_type": distribution or "cpu", **switches_of(plugins)}
    given = body.get("distribution_info", {})
    if not isinstance(given, Mapping):
        problems.add(f"distribution_info.{WHOLE}", not_a_mapping(given))
        return made
    for name in made.keys() & given.keys():
        if name == "distribution_type":
            made[name] = _choice(given, name, problems, f"distribution_info.{name}")
            continue
        made[name] = boolean(given[name])
        if made[name] is None:
            problems.add(f"distribution_info.{name}", "Must be a valid boolean.")
    return made


def _uuids(given: Any, message: str, path: str, problems: Problems) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)):
        problems.add(path, not_a_list(given))
        return ()
    found = [uuid for value in given if (uuid := uuid_text(value))]
    if len(found) < len(given):
        problems.add(path, message)
        return ()
    return tuple(dict.fromkeys(found))


def _lists(body: Mapping[str, Any], problems: Problems) -> tuple[str, ...] | None:
    given = body.get("price_list_uuids")
    if given is None:
        return None
    if not isinstance(given, (list, tuple)):
        problems.add("price_list_uuids", not_a_list(given))
        return None
    for index, value in enumerate(given):
        if uuid_text(value) is None:
            problems.add(f"price_list_uuids.{index}", "Must be a valid UUID.")
    return _uuids([v for v in given if uuid_text(v)], "", "price_list_uuids", problems)
