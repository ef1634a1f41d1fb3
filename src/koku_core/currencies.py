"""Currencies: which codes are known, how they are called, and which of them a tenant starts with."""

from __future__ import annotations

from functools import lru_cache

DEFAULT = "USD"
#: What a tenant may use before anybody has changed a setting.
INITIALLY_ENABLED = (
    "AED", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "GHS", "HKD", "INR", "JPY", "NGN", "NOK", "NZD", "SAR",
    "SEK", "SGD", "TWD", "USD", "ZAR",
)  # fmt: skip


@lru_cache
def names() -> dict[str, str]:
    """The English name of each currency by its ISO 4217 code, past currencies included."""
    from babel import Locale

    return dict(sorted(Locale("en", "US").currencies.items()))


def known(code: object) -> bool:
    """Whether a code is one of ISO 4217."""
    return isinstance(code, str) and code in names()


@lru_cache(maxsize=512)
def symbol(code: str) -> str:
    """The sign that is written for a currency in English."""
    from babel.numbers import get_currency_symbol

    return str(get_currency_symbol(code, locale="en_US"))


def described(code: str) -> dict[str, str]:
    """A currency as the API lists it."""
    name, sign = names()[code], symbol(code)
    return {"code": code, "name": name, "symbol": sign, "description": f"{code} ({sign}) - {name}"}


def not_iso(code: object) -> str:
    """The message about a code that is none."""
    return f'"{code}" is not a valid ISO 4217 currency.'


def not_enabled(code: str) -> str:
    """The message about a currency that the tenant has not enabled."""
    return f'"{code}" is not an enabled currency.'
