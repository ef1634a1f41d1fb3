"""Checks the body of a price list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from koku_core.clock import month_end, month_of
from koku_core.costing.metrics import all_metrics
from koku_core.costing.model_validation import currency_of
from koku_core.costing.rate_validation import check_units, rates
from koku_core.costing.tenant_facts import Facts
from koku_core.errors import InvalidInput
from koku_core.validation import NOT_NULL, REQUIRED, WHOLE, Problems, boolean, mapping, text

DATES = {"effective_start_date": "starts", "effective_end_date": "ends"}
WRONG_DATE = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."


def validated(given: Any, facts: Facts, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a price list that the body names, by their column; `before` is the list that is to be changed, if there is one.

    Raises:
        InvalidInput: with everything that is wrong.
    """
    body, problems, made = mapping(given), Problems(), dict[str, Any]()
    required = before is None
    for name, limit in (("name", 255), ("description", 500)):
        found = text(body, name, problems, limit=limit, required=required and name == "name", blank=name != "name")
        if found is not None:
            made[name] = found
    if "currency" in body or required:
        made["currency"] = currency_of(body, facts, problems)
    for name, column in DATES.items():
        if name in body or required:
            made[column] = _date(body, name, problems)
    if "enabled" in body:
        made["enabled"] = boolean(body["enabled"])
        if made["enabled"] is None:
            problems.add("enabled", "Must be a valid boolean.")
    if "rates" in body:
        made["rates"] = rates(body["rates"], all_metrics(facts.plugins), facts.taken_names, problems)
    problems.check()
    if before is not None and made.get("currency", before["currency"]) != before["currency"]:
        raise InvalidInput(["Currency cannot be changed after price list creation."])
    _check_together({**(before or {}), **made}, problems)
    return made


def _date(body: Mapping[str, Any], name: str, problems: Problems) -> date | None:
    if name not in body:
        problems.add(name, REQUIRED)
        return None
    given = body[name]
    if isinstance(given, date):
        return given.date() if isinstance(given, datetime) else given
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        problems.add(name, NOT_NULL if given is None else WRONG_DATE)
        return None


def _check_together(values: Mapping[str, Any], problems: Problems) -> None:
    """The rules that the fields must keep with one another; the first that is broken is named."""
    starts, ends = values["starts"], values["ends"]
    if starts != month_of(starts):
        problems.add(WHOLE, "effective_start_date must be on the first day of the month.")
    elif ends != month_end(ends):
        problems.add(WHOLE, "effective_end_date must be on the last day of the month.")
    elif ends < starts:
        problems.add(WHOLE, "effective_end_date must be on or after effective_start_date.")
    problems.check()
    check_units(values.get("rates") or [], values["currency"], problems)
    problems.check()
