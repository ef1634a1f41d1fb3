"""What an exchange rate that somebody sets must be, with the messages that clients of the API know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from koku_core import currencies
from koku_core.clock import add_months, month_end, month_of
from koku_core.reports.fields import NO_DATE
from koku_core.validation import NOT_NULL, REQUIRED, Problems, decimal, mapping, refuse, text

_CODE_LIMIT, _DIGITS, _PLACES = 5, 33, 15
_ENDED = (
    "This rate ended on {} and all its months have been finalized. "
    "To set a new rate, create a new record starting from the current month."
)
_START_FIXED = (
    "Start date cannot be changed because this rate has finalized months. "
    "Shrink the end_date instead, then create a new rate for the remaining period."
)


def given_rate(body: Any) -> dict[str, Any]:
    """The rate in a request's body: `base`, `target`, `rate`, `starts`, `ends`.

    Raises:
        InvalidInput: with what is wrong with each field.
    """
    given, problems = mapping(body), Problems()
    base, target = (_currency(given, name, problems) for name in ("base_currency", "target_currency"))
    rate = _rate(given, problems)
    starts, ends = (_day(given, name, problems) for name in ("start_date", "end_date"))
    if starts and starts != month_of(starts):
        problems.add("start_date", "start_date must be the first day of a month.")
    if ends and ends != month_end(month_of(ends)):
        problems.add("end_date", "end_date must be the last day of a month.")
    problems.check()
    return {"base": base, "target": target, "rate": rate, "starts": starts, "ends": ends}


def _currency(given: Mapping[str, Any], name: str, problems: Problems) -> str | None:
    code = text(given, name, problems, limit=_CODE_LIMIT, blank=False)
    if code is not None and not currencies.known(code.upper()):
        problems.add(name, currencies.not_iso(code))
    return code and code.upper()


def _rate(given: Mapping[str, Any], problems: Problems) -> Decimal | None:
    value = given.get("exchange_rate")
    if value is None:
        problems.add("exchange_rate", NOT_NULL if "exchange_rate" in given else REQUIRED)
        return None
    try:
        rate = decimal(value, digits=_DIGITS, places=_PLACES)
    except ValueError as error:
        problems.add("exchange_rate", str(error))
        return None
    if rate <= 0:
        problems.add("exchange_rate", "Exchange rate must be strictly positive.")
    return rate


def _day(given: Mapping[str, Any], name: str, problems: Problems) -> date | None:
    value = given.get(name)
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    if value is None:
        problems.add(name, NOT_NULL if name in given else REQUIRED)
        return None
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-11-01") else None
    except ValueError:
        day = None
    if day is None:
        problems.add(name, NO_DATE)
    return day


def check_new(there: Iterable[Mapping[str, Any]], wanted: Mapping[str, Any], month: date) -> None:
    """Refuse a new rate that makes no sense beside those that are there.

    Args:
        there: the rates of the tenant.
        wanted: the new one.
        month: the current one.

    Raises:
        InvalidInput: the first thing that is wrong.
    """
    others = list(there)
    same = ("base", "target", "starts", "ends")
    if any(all(o[n] == wanted[n] for n in same) for o in others):
        raise refuse("The fields base_currency, target_currency, start_date, end_date must make a unique set.")
    _check_span(wanted)
    if wanted["starts"] < month:
        raise refuse("Start date cannot be in a past month.")
    _check_overlap(others, wanted)


def finalized(rate: Mapping[str, Any], month: date) -> bool:
    """Whether some months of a rate are over."""
    return bool(rate["starts"] < month)


def check_change(
    there: Iterable[Mapping[str, Any]], before: Mapping[str, Any], wanted: Mapping[str, Any], month: date
) -> None:
    """Refuse a change of a rate that would touch what is over, or that makes no sense beside the others.

    Args:
        there: the rates of the tenant.
        before: the rate as it is.
        wanted: as it is to be.
        month: the current one.

    Raises:
        InvalidInput: the first thing that is wrong.
    """
    if wanted["base"] != before["base"]:
        raise refuse("Base currency cannot be modified. Delete and recreate the exchange rate instead.")
    _check_span(wanted)
    if before["ends"] < month:
        raise refuse(_ENDED.format(before["ends"]))
    if finalized(before, month):
        _check_finalized(before, wanted, month)
    elif wanted["starts"] < month:
        raise refuse("Start date cannot be in a past month.")
    _check_overlap((o for o in there if o["uuid"] != before["uuid"]), wanted)


def _check_finalized(before: Mapping[str, Any], wanted: Mapping[str, Any], month: date) -> None:
    if wanted["target"] != before["target"]:
        raise refuse("Target currency cannot be changed because this rate has finalized months.")
    if wanted["starts"] != before["starts"]:
        raise refuse(_START_FIXED)
    if wanted["ends"] < month_end(add_months(month, -1)):
        raise refuse("End date cannot be earlier than the previous month when shrinking a finalized rate.")


def _check_span(wanted: Mapping[str, Any]) -> None:
    if wanted["base"] == wanted["target"]:
        raise refuse("Base currency and target currency must be different.")
    if wanted["ends"] < wanted["starts"]:
        raise refuse("End date must be on or after start date.")


def _check_overlap(others: Iterable[Mapping[str, Any]], wanted: Mapping[str, Any]) -> None:
    for other in others:
        alike = (other["base"], other["target"]) == (wanted["base"], wanted["target"])
        if alike and other["starts"] <= wanted["ends"] and wanted["starts"] <= other["ends"]:
            name = f"{other['base']}-{other['target']} ({other['starts']} to {other['ends']})"
            raise refuse(f"Overlaps with existing rate {name}.")
