"""Exchange rates: what a currency is worth in another, month by month. Rates that somebody has set come before those of a feed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg

from koku_core import currencies
from koku_core.clock import month_of
from koku_core.database.server import Connection, one, rows
from koku_core.database.system import System
from koku_core.database.tenant import Tenant, bump
from koku_core.errors import InvalidInput, PluginError, UnknownName
from koku_core.services import Services
from koku_core.static_rate_rules import check_change, check_new, finalized, given_rate

HOOK = "koku_exchange_rates"
_COLUMNS = "uuid::text, base, target, rate, starts, ends, created, updated"


class StaticRates:
    """The exchange rates that a tenant has set. A month that is over keeps the rate that it had."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def list(self) -> list[dict[str, Any]]:
        """All rates as the API shows them, by the two currencies and their start."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return [
                shown(row) for row in rows(conn, f"SELECT {_COLUMNS} FROM static_rate ORDER BY base, created, uuid")
            ]

    def add(self, base: str, target: str, rate: Decimal | str, starts: date, ends: date) -> dict[str, Any]:
        """Set a rate for some months, the current one or later ones.

        Raises:
            InvalidInput: something is wrong with it, or it overlaps with another one.
        """
        return self.create({
            "base_currency": base, "target_currency": target, "exchange_rate": rate, "start_date": starts, "end_date": ends,
        })  # fmt: skip

    def create(self, body: Any) -> dict[str, Any]:
        """Set a rate from the body of an API request; makes the tenant if need be.

        Raises:
            InvalidInput: something is wrong with it, or it overlaps with another one.
        """
        wanted = given_rate(body)
        self._tenant.ensure()
        with self._tenant.transaction() as conn:
            check_new(_locked(conn), wanted, self._month())
            row = one(
                conn,
                f"INSERT INTO static_rate (base, target, rate, starts, ends) VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                (wanted["base"], wanted["target"], wanted["rate"], wanted["starts"], wanted["ends"]),
            )
            bump(conn, "settings")
        assert row is not None  # noqa: S101 - RETURNING always gives a row
        return shown(row)

    def update(self, which: str, body: Any) -> dict[str, Any]:
        """Change a rate from the body of an API request; months that are over keep theirs.

        Raises:
            UnknownName: there is none.
            InvalidInput: something is wrong with it, or it would change what is over.
        """
        if not self._tenant.exists():
            raise UnknownName("exchange rate", which)
        with self._tenant.transaction() as conn:
            there = _locked(conn)
            before = _found(there, which)
            wanted = given_rate(body)
            check_change(there, before, wanted, self._month())
            self._freeze(conn, before)
            row = one(
                conn,
                f"""UPDATE static_rate SET target = %s, rate = %s, starts = %s, ends = %s, updated = clock_timestamp()
                    WHERE uuid = %s RETURNING {_COLUMNS}""",
                (wanted["target"], wanted["rate"], wanted["starts"], wanted["ends"], which),
            )
            bump(conn, "settings")
        assert row is not None  # noqa: S101 - the row is locked
        return shown(row)

    def remove(self, which: str) -> None:
        """Remove a rate none of whose months is over.

        Raises:
            UnknownName: there is none.
            InvalidInput: some of its months are over.
        """
        if not self._tenant.exists():
            raise UnknownName("exchange rate", which)
        with self._tenant.transaction() as conn:
            before = _found(_locked(conn), which)
            if finalized(before, self._month()):
                raise InvalidInput(["Rates with finalized months cannot be deleted."])
            conn.execute("DELETE FROM static_rate WHERE uuid = %s", (which,))
            bump(conn, "settings")

    def refresh(self) -> int:
        """Ask plugins now what currencies are worth, as workers do once a day; for all tenants.

        Returns:
            How many rates they know.

        Raises:
            PluginError: one of them is no rate.
        """
        return refresh(self._services)

    def _month(self) -> date:
        return month_of(self._services.clock.today())

    def _freeze(self, conn: Connection, before: Mapping[str, Any]) -> None:
        """Note the rate of each month that is over, unless it was noted before."""
        conn.execute(
            """INSERT INTO static_rate_month (base, target, month, rate)
               SELECT base, target, month::date, rate
               FROM static_rate, generate_series(starts::timestamp, least(ends, %s)::timestamp, '1 month') AS month
               WHERE uuid = %s AND month < %s ON CONFLICT DO NOTHING""",
            (self._month(), before["uuid"], self._month()),
        )


def _locked(conn: Connection) -> list[dict[str, Any]]:
    """All rates of the tenant, which nobody else changes until the transaction ends."""
    conn.execute("LOCK TABLE static_rate IN SHARE ROW EXCLUSIVE MODE")
    return rows(conn, f"SELECT {_COLUMNS} FROM static_rate")


def _found(there: list[dict[str, Any]], which: str) -> dict[str, Any]:
    for row in there:
        if row["uuid"] == which:
            return row
    raise UnknownName("exchange rate", which)


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A rate as the API shows it."""
    return {
        "uuid": row["uuid"], "name": f"{row['base']}-{row['target']}", "base_currency": row["base"], "target_currency": row["target"],
        "exchange_rate": row["rate"], "start_date": row["starts"], "end_date": row["ends"],
        "created_timestamp": row["created"], "updated_timestamp": row["updated"],
    }  # fmt: skip


def refresh(services: Services) -> int:
    """Keep what plugins say as the rates of this month; months that are over keep theirs.

    Returns:
        How many rates there are.

    Raises:
        PluginError: one of them is no rate.
    """
    today = services.clock.today()
    given = [
        (*pair, month_of(today), _checked(pair, rate)) for pair, rate in services.plugins.exchange_rates(today).items()
    ]
    with services.system.transaction() as conn:
        conn.cursor().executemany(
            """INSERT INTO exchange_rate (base, target, month, rate) VALUES (%s, %s, %s, %s)
               ON CONFLICT (base, target, month) DO UPDATE SET rate = excluded.rate""",
            given,
        )
    for tenant in services.system.tenants():
        with contextlib.suppress(psycopg.errors.UndefinedTable), tenant.transaction() as conn:  # being made, or deleted
            bump(conn, "settings")
    return len(given)


def _checked(pair: tuple[str, str], rate: Decimal) -> Decimal:
    right = isinstance(rate, Decimal) and rate.is_finite() and Decimal("1e-15") <= rate < Decimal("1e18")
    if not right or pair[0] == pair[1] or not all(map(currencies.known, pair)):
        raise PluginError(
            f"{pair} = {rate!r} is no exchange rate: give two codes of ISO 4217 and a positive Decimal", hook=HOOK
        )
    return round(rate, 15)


def fed(system: System) -> dict[str, dict[str, Decimal]]:
    """The newest rates of the feed, which all tenants share: base → target → factor; empty if there is none."""
    found: dict[str, dict[str, Decimal]] = {}
    with system.connection() as conn:
        for base, target, rate in conn.execute(
            "SELECT DISTINCT ON (base, target) base, target, rate FROM exchange_rate ORDER BY base, target, month DESC"
        ):
            found.setdefault(base, {base: Decimal(1)})[target] = rate
    return {base: dict(sorted(targets.items())) for base, targets in sorted(found.items())}
