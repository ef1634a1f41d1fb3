"""The settings of one tenant, which its users change through the API; those of the installation are in `settings`."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from koku_core import currencies
from koku_core.database.server import Connection
from koku_core.database.tenant import bump

CURRENCY = "currency"
COST_TYPE = "cost_type"
RETENTION = "data_retention_months"
ENABLED_CURRENCIES = "enabled_currencies"


def read(conn: Connection, name: str, default: Any = None) -> Any:
    """A setting of the tenant that `conn` is pinned to."""
    row = conn.execute("SELECT value FROM setting WHERE name = %s", (name,)).fetchone()
    return row[0] if row else default


def write(conn: Connection, name: str, value: Any) -> None:
    """Change a setting; answers that depend on it get another ETag."""
    conn.execute(
        "INSERT INTO setting (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, Jsonb(value)),
    )
    bump(conn, "settings")


def account_currency(conn: Connection) -> str:
    """The currency that answers are given in when a request names none."""
    return str(read(conn, CURRENCY, currencies.DEFAULT))


def enabled_currencies(conn: Connection) -> list[str]:
    """The currencies that the tenant uses, by code."""
    return sorted(read(conn, ENABLED_CURRENCIES, list(currencies.INITIALLY_ENABLED)))
