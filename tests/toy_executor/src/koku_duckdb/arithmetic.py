"""Quotients and products in Python's decimals: those of DuckDB are floats, or have no more room than 38 digits."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

_ROOM = Context(prec=90, rounding=ROUND_HALF_UP)
_PLACES = Decimal("1e-15")


def exact_quotient(a: str, b: str) -> Decimal:
    """To 15 decimals."""
    return _ROOM.divide(Decimal(a), Decimal(b)).quantize(_PLACES, context=_ROOM)


def exact_product(a: str, b: str) -> Decimal:
    """To 15 decimals."""
    return _ROOM.multiply(Decimal(a), Decimal(b)).quantize(_PLACES, context=_ROOM)
