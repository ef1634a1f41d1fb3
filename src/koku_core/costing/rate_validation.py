"""Checks the rates of a cost model or price list, and brings them into the form that is stored (`koku_core.costing.rates`)."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from koku_core.costing.prices import tag_rates, tiered_rates
from koku_core.declare.summarize import Metric
from koku_core.validation import NOT_NULL, Problems, not_a_list, not_a_mapping, text

COST_TYPES = ("Infrastructure", "Supplementary")
NAME_LIMIT = 50


def rates(given: Any, metrics: Mapping[str, Metric], taken: set[str], problems: Problems) -> list[dict[str, Any]]:
    """The rates in stored form.

    Args:
        given: the field `rates` of a request.
        metrics: what may be priced, by name.
        taken: custom names that may not be made up again.
        problems: gets what is wrong, below `rates`; the result is of no use then.
    """
    if given is None:
        problems.add("rates", NOT_NULL)
        return []
    if not isinstance(given, (list, tuple)):
        problems.add("rates.non_field_errors", not_a_list(given))
        return []
    mine = Problems()
    made = [_rate(one, metrics, mine, f"rates.{index}") for index, one in enumerate(given)]
    if mine.tree:
        problems.tree.update(mine.tree)
        return []
    found = [rate for rate in made if rate is not None]
    _check_together(found, problems)
    _name(found, taken)
    return found


def _rate(given: Any, metrics: Mapping[str, Metric], problems: Problems, path: str) -> dict[str, Any] | None:
    """One rate; the first thing that is wrong with it as a whole is noted, or all that is wrong with its fields."""
    whole = f"{path}.non_field_errors"
    if not isinstance(given, Mapping):
        problems.add(whole, not_a_mapping(given))
        return None
    prices = _prices(given, problems, path)
    name = text(given, "custom_name", problems, limit=NAME_LIMIT, path=f"{path}.custom_name", required=False)
    words = {"description": given.get("description") or ""}
    told = text(words, "description", problems, limit=sys.maxsize, path=f"{path}.description")
    if prices is None or _has_problems(problems, path):
        return None
    named = given.get("metric")
    metric = metrics.get(str(named.get("name"))) if isinstance(named, Mapping) else None
    if metric is None:
        wrong = named.get("name") if isinstance(named, Mapping) else named
        problems.add(whole, f"{wrong} is an invalid metric")
        return None
    cost_type = _cost_type(given.get("cost_type") or metric.default_cost_type)
    if cost_type is None:
        problems.add(whole, f"{given['cost_type']} is an invalid cost type")
        return None
    if not metric.tiered and "tiered_rates" in prices:
        problems.add(whole, f"{metric.name} is only available as a tag based rate.")
        return None
    made = {
        "rate_id": str(uuid.uuid4()), "metric": {"name": metric.name}, "cost_type": cost_type,
        "description": told or "", "custom_name": name or "",
    }  # fmt: skip
    return made | prices


def _has_problems(problems: Problems, path: str) -> bool:
    """Whether something is wrong with the rate at `rates.INDEX`."""
    return path.removeprefix("rates.") in problems.tree.get("rates", {})


def _prices(given: Mapping[str, Any], problems: Problems, path: str) -> dict[str, Any] | None:
    """The tiers or the tag values of a rate: exactly one of them must be there."""
    whole = f"{path}.non_field_errors"
    tiered, tagged = given.get("tiered_rates"), given.get("tag_rates")
    if tiered and tagged:
        problems.add(whole, "Set either 'tiered_rates' or 'tag_rates' but not both")
    elif tiered:
        found = tiered_rates(tiered, problems, path)
        return None if found is None else {"tiered_rates": found}
    elif tagged:
        return _tagged(tagged, problems, path)
    elif tiered is None and tagged is None:
        problems.add(whole, "Missing rate information: one of tiered_rates, tag_rates")
    else:
        problems.add(whole, "tiered_rates, tag_rates cannot be empty.")
    return None


def _tagged(tagged: Any, problems: Problems, path: str) -> dict[str, Any] | None:
    found = tag_rates(tagged, problems, path)
    return None if found is None else {"tag_rates": found}


def _cost_type(given: Any) -> str | None:
    return {name.lower(): name for name in COST_TYPES}.get(str(given).strip().lower())


def _check_together(found: list[dict[str, Any]], problems: Problems) -> None:
    """What one rate may not do because of another."""
    explicit = Counter(r["custom_name"] for r in found if r["custom_name"])
    twice = sorted(name for name, times in explicit.items() if times > 1)
    if twice:
        problems.add("rates", f"Duplicate custom_name values in a single request are not allowed: {twice}")
    seen = set()
    for rate in found:
        if "tag_rates" not in rate:
            continue
        what = (rate["metric"]["name"], rate["cost_type"], rate["tag_rates"]["tag_key"])
        if what in seen:
            problems.add("rates", f"Duplicate tag_key ({what[2]}) per cost_type ({what[1]}) for metric ({what[0]}).")
            return
        seen.add(what)


def _name(found: list[dict[str, Any]], taken: set[str]) -> None:
    """Make up the names that were not given: `<metric>-<cost type>[-<tag key>]`, numbered where there is such a one."""
    used, numbers = taken | {r["custom_name"] for r in found if r["custom_name"]}, dict[str, int]()
    for rate in found:
        if not rate["custom_name"]:
            rate["custom_name"] = _free(_made_up(rate), used, numbers)
            used.add(rate["custom_name"])


def named_afresh(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rates for another list: names that were made up are made up again, those that somebody gave stay."""
    made = [r | {"custom_name": "" if _is_made_up(r) else r["custom_name"]} for r in found]
    _name(made, set())
    return made


def _is_made_up(rate: Mapping[str, Any]) -> bool:
    stem, _, number = str(rate["custom_name"]).rpartition("-")
    return number.isdecimal() and _made_up(rate).startswith(stem)


def _made_up(rate: Mapping[str, Any]) -> str:
    tag = [rate["tag_rates"]["tag_key"]] if "tag_rates" in rate else []
    return "-".join([rate["metric"]["name"], rate["cost_type"], *tag])[:NAME_LIMIT]


def _free(name: str, used: set[str], numbers: dict[str, int]) -> str:
    """The name, numbered if it is used; `numbers` has what to begin with for names that were numbered before."""
    if name not in used:
        return name
    number = numbers.get(name, 2)
    while (numbered := f"{name[: NAME_LIMIT - len(str(number)) - 1]}-{number}") in used:
        number += 1
    numbers[name] = number
    return numbered


def units(stored: list[dict[str, Any]]) -> set[str]:
    """Every unit that the prices and tiers of some rates name."""
    prices = [p for r in stored for p in r.get("tiered_rates") or r["tag_rates"]["tag_values"]]
    of_usage = {p["usage"]["unit"] for p in prices if p.get("usage") and p["usage"].get("unit")}
    return {p["unit"] for p in prices} | of_usage


def check_units(stored: list[dict[str, Any]], currency: str, problems: Problems) -> None:
    """Every price is in the currency of the cost model or price list."""
    if units(stored) - {currency}:
        problems.add("non_field_errors", "Rate units must match currency provided in a cost model.")
