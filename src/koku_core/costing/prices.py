"""Checks the prices inside a rate: its tiers, or its tag values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from koku_core import currencies
from koku_core.validation import NOT_NULL, REQUIRED, Problems, boolean, decimal, not_a_list, not_a_mapping, plain, text

KEY_LIMIT = 100
DESCRIPTION_LIMIT = 500


def tiered_rates(given: Any, problems: Problems, path: str) -> list[dict[str, Any]] | None:
    """The tiers in stored form; None if something is wrong with them, which is noted below `path`."""
    if not isinstance(given, (list, tuple)):
        problems.add(f"{path}.tiered_rates", not_a_list(given))
        return None
    mine = Problems()
    made = [_price(tier, mine, "tiered") for tier in given]
    if mine.tree:
        _move(mine, problems, path)
        return None
    why = _not_contiguous([(m.get("usage") or {}) for m in made if m])
    if why:
        problems.add(f"{path}.non_field_errors", why)
        return None
    return [m for m in made if m]


def tag_rates(given: Any, problems: Problems, path: str) -> dict[str, Any] | None:
    """The tag values in stored form; None if something is wrong with them, which is noted below `path`."""
    if not isinstance(given, Mapping):
        problems.add(f"{path}.tag_rates", not_a_mapping(given))
        return None
    mine = Problems()
    key = text(given, "tag_key", mine, limit=KEY_LIMIT, blank=False)
    values = given.get("tag_values")
    if values is None:
        mine.add("tag_values", REQUIRED if "tag_values" not in given else NOT_NULL)
    elif not isinstance(values, (list, tuple)):
        mine.add("tag_values", not_a_list(values))
    elif not values:
        mine.add("tag_values", "A tag_values can not be an empty list.")
    made = [] if mine.tree else _tag_values(values, mine)
    if mine.tree:
        _move(mine, problems, path)
        return None
    return {"tag_key": key, "tag_values": made}


def _tag_values(given: Any, problems: Problems) -> list[dict[str, Any]]:
    mine = Problems()
    made = [_tag_value(value, mine) for value in given]
    if mine.tree:
        _move(mine, problems, "tag_values")
        return []
    for name, times in Counter(m["tag_value"] for m in made).items():
        if times > 1:
            problems.add("tag_values", f"Duplicate tag_value ({name}).")
    if not problems.tree and sum(m["default"] for m in made) > 1:
        problems.add("tag_values", "Only one tag_value per tag_key can be marked as a default.")
    return made


def _tag_value(given: Any, problems: Problems) -> dict[str, Any]:
    price = _price(given, problems, "tag")
    if not isinstance(given, Mapping):
        return {}
    name = text(given, "tag_value", problems, limit=KEY_LIMIT)
    description = text(given, "description", problems, limit=DESCRIPTION_LIMIT, required=False)
    default = boolean(given["default"]) if "default" in given else None
    if default is None:
        problems.add("default", "Must be a valid boolean." if "default" in given else REQUIRED)
    return {"tag_value": name, **price, "description": description or "", "default": default}


def _price(given: Any, problems: Problems, kind: str) -> dict[str, Any]:
    """Value, unit and usage of one tier or tag value. A value that is not given is zero."""
    if not isinstance(given, Mapping):
        problems.add("non_field_errors", not_a_mapping(given))
        return {}
    made: dict[str, Any] = {"value": "0", "unit": _unit(given, problems)}
    number = _number(given, "value", problems) if "value" in given else Decimal(0)
    if number is not None and number < 0:
        problems.add("value", f"A {kind} rate value must be nonnegative.")
    made["value"] = plain(number or Decimal(0))
    if given.get("usage") is not None:
        made["usage"] = _usage(given["usage"], problems, kind)
    return made


def _unit(given: Mapping[str, Any], problems: Problems) -> str | None:
    unit = text(given, "unit", problems, limit=20, blank=False)
    if unit is not None and not currencies.known(unit):
        problems.add("unit", currencies.not_iso(unit))
    return unit


def _number(given: Mapping[str, Any], name: str, problems: Problems) -> Decimal | None:
    try:
        return decimal(given[name])
    except ValueError as error:
        problems.add(name, NOT_NULL if given[name] is None else str(error))
        return None


def _usage(given: Any, problems: Problems, kind: str) -> dict[str, Any]:
    """The usage that a tier is for; ends that are null are open."""
    mine = Problems()
    if not isinstance(given, Mapping):
        problems.add("usage", not_a_mapping(given))
        return {}
    ends = {n: _number(given, n, mine) if given.get(n) is not None else None for n in ("usage_start", "usage_end")}
    for name, number in ends.items():
        if number is not None and number < 0:
            mine.add(name, f"A {kind} rate {name} must be positive.")
    start, end = ends["usage_start"], ends["usage_end"]
    if start is not None and end is not None and start >= end and not mine.tree:
        mine.add("non_field_errors", f"A {kind} rate usage_start must be less than usage_end.")
    if mine.tree:
        _move(mine, problems, "usage")
    made: dict[str, Any] = {n: None if v is None else plain(v) for n, v in ends.items()}
    return made | ({"unit": str(given["unit"])} if given.get("unit") else {})


def _not_contiguous(usages: list[Mapping[str, Any]]) -> str:
    """Why tiers do not cover all usage once; empty if they do."""
    if usages[0].get("usage_start") is not None or usages[-1].get("usage_end") is not None:
        return "tiered_rate must have a tier with usage_start as null and a tier with usage_end as null."
    for before, after in pairwise(usages):
        end, start = before.get("usage_end"), after.get("usage_start")
        if end is None or start is None or Decimal(start) < Decimal(end):
            return (
                f"tiered_rate must not have overlapping tiers. usage_start value {end} should equal to the usage_end value "
                f"of the next tier, not {start}."
            )
        if Decimal(start) > Decimal(end):
            return (
                f"tiered_rate must not have gaps between tiers.usage_start of {start} should be less than or equal to the "
                f"usage_end {end} of the previous tier."
            )
    return ""


def _move(mine: Problems, problems: Problems, path: str) -> None:
    """Hang the problems of a price below the rate that it is in."""
    for field, messages in _leaves(mine.tree):
        problems.add(f"{path}.{field}", *messages)


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, list[str]]]:
    for field, below in tree.items():
        if isinstance(below, Mapping):
            yield from _leaves(below, f"{above}{field}.")
        else:
            yield f"{above}{field}", below
