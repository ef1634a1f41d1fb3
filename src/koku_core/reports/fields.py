"""Checks of single values; a `ValueError` carries the message for the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

from koku_core.reports.query import listed, values

UNSUPPORTED = "Unsupported parameter or invalid value"
REQUIRED = "This field is required."
NO_DATE = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
_T = TypeVar("_T")


def scalar(value: Any) -> str:
    """One text; of several the last counts, as in every query string."""
    if isinstance(value, dict):
        raise ValueError("Not a valid string.")
    return values(value)[-1]


def integer(value: Any, *, least: int | None = None) -> int:
    """A whole number."""
    try:
        number = int(scalar(value)) if not isinstance(value, list) else int("several")
    except ValueError:
        raise ValueError("A valid integer is required.") from None
    if least is not None and number < least:
        raise ValueError(f"Ensure this value is greater than or equal to {least}.")
    if abs(number) >= 2**31:
        raise ValueError("A valid integer is required.")
    return number


def boolean(value: Any) -> bool:
    """A truth value as query strings write it."""
    text = scalar(value).lower()
    if text not in ("true", "false", "1", "0"):
        raise ValueError("Must be a valid boolean.")
    return text in ("true", "1")


def choice(value: Any, choices: Sequence[str]) -> str:
    """One of the choices."""
    text = scalar(value)
    if text not in choices:
        raise ValueError(f'"{text}" is not a valid choice.')
    return text


def only(value: Any, choices: Sequence[str]) -> str:
    """One of the choices, of which there may be but one; clients know the message so."""
    text = scalar(value)
    if text not in choices:
        raise ValueError(
            f"valid choice is '{choices[0]}'" if len(choices) == 1 else f"valid choices are '{tuple(choices)}'"
        )
    return text


def day(value: Any) -> date:
    """A date, `YYYY-MM-DD`."""
    text = scalar(value)
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValueError(NO_DATE) from None
    if found.isoformat() != text:
        raise ValueError(NO_DATE)
    return found


def texts(value: Any, choices: Sequence[str] = ()) -> list[str]:
    """A list of texts; where only some values are allowed, these in upper case, as answers repeat them."""
    if isinstance(value, dict):
        raise ValueError("Not a valid string.")
    found = listed(value)
    if not choices:
        return found
    for text in found:
        if text not in choices:
            raise ValueError(f'"{text}" is not a valid choice.')
    return [text.upper() for text in found]


def checked(errors: dict[str, Any], name: str, check: Callable[..., _T], *args: Any, **options: Any) -> _T | None:
    """What a check gives, or None with its message noted in `errors`."""
    try:
        return check(*args, **options)
    except ValueError as error:
        errors[name] = [str(error)]
        return None
