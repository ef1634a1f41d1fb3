"""Which currencies a tenant uses: answers, price lists and cost models may be in these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from koku_core import currencies, settings_store
from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant
from koku_core.errors import InvalidInput
from koku_core.services import Services


@dataclass(frozen=True, slots=True)
class Uses:
    """What a currency is used by, so that it cannot be disabled.

    Attributes:
        reasons: in words.
        sources: those that are billed in it: `uuid`, `name`, `type`.
        cost_models, price_lists: `uuid`, `name`.
    """

    reasons: Sequence[str] = ()
    sources: Sequence[dict[str, Any]] = ()
    cost_models: Sequence[dict[str, Any]] = ()
    price_lists: Sequence[dict[str, Any]] = ()


class CurrencyInUse(InvalidInput):
    """A currency cannot be disabled, because it is used."""

    def __init__(self, code: str, uses: Uses) -> None:
        message = f"Cannot disable {code} because {'; '.join(uses.reasons)}."
        super().__init__({"currency": [message]}, message=message)
        self.uses = uses


class EnabledCurrencies:
    """The currencies that a tenant uses."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def list(self) -> list[str]:
        """Their codes, sorted."""
        if not self._tenant.exists():
            return list(currencies.INITIALLY_ENABLED)
        with self._tenant.connection() as conn:
            return settings_store.enabled_currencies(conn)

    def enable(self, code: str) -> None:
        """Use a currency; makes the tenant if need be.

        Raises:
            InvalidInput: there is no such currency.
        """
        code = _known(code)
        self._tenant.ensure()
        with self._tenant.transaction() as conn:
            enabled = _locked(conn)
            if code not in enabled:
                settings_store.write(conn, settings_store.ENABLED_CURRENCIES, sorted([*enabled, code]))

    def disable(self, code: str) -> None:
        """Use a currency no more.

        Raises:
            InvalidInput: there is no such currency, or it is the last one.
            CurrencyInUse: something is in this currency.
        """
        code = _known(code)
        self._tenant.ensure()
        with self._tenant.transaction() as conn:
            enabled = _locked(conn)
            if code not in enabled:
                return
            if len(enabled) == 1:
                raise InvalidInput({"error": ["At least one currency must be enabled."]})
            uses = self._uses(conn, code)
            if uses.reasons:
                raise CurrencyInUse(code, uses)
            settings_store.write(conn, settings_store.ENABLED_CURRENCIES, [c for c in enabled if c != code])

    def used(self) -> set[str]:
        """The enabled currencies that cannot be disabled."""
        if not self._tenant.exists():
            return {currencies.DEFAULT}
        with self._tenant.connection() as conn:
            enabled = settings_store.enabled_currencies(conn)
            kept = {code for code in enabled if self._uses(conn, code).reasons}
            return set(enabled) if len(enabled) == 1 else kept

    def _uses(self, conn: Connection, code: str) -> Uses:
        sources = self._billed(conn, code)
        models = rows(
            conn, "SELECT uuid::text, name FROM cost_model WHERE currency = %s ORDER BY lower(name), created", (code,)
        )
        lists = rows(
            conn, "SELECT uuid::text, name FROM price_list WHERE currency = %s ORDER BY lower(name), created", (code,)
        )
        reasons = (
            ("it is the system default currency", code == currencies.DEFAULT),
            ("it is the account default currency", code == settings_store.account_currency(conn)),
            (f"it is currently used by {len(sources)} cloud provider source(s)", sources),
            (f"it is used by {len(models)} cost model(s)", models),
            (f"it is used by {len(lists)} price list(s)", lists),
        )
        return Uses([text for text, holds in reasons if holds], sources, models, lists)

    def _billed(self, conn: Connection, code: str) -> Sequence[dict[str, Any]]:
        """The sources of bills, that is, whose reports are fetched, that are in a currency."""
        found: list[dict[str, Any]] = []
        for plugin in self._services.plugins:
            column, table = plugin.report_map.currency, plugin.report_map.fact.name
            fetched = not all(kind.pushed for kind in plugin.provider.source_types)
            if (
                column
                and fetched
                and conn.execute("SELECT to_regclass(quote_ident(%s))", (table,)).fetchone() != (None,)
            ):
                text = sql.SQL(
                    """SELECT uuid::text, name, source_type AS type FROM source WHERE EXISTS (
                         SELECT FROM {} AS fact WHERE source_uuid = source.uuid AND fact.{} = %s) ORDER BY lower(name), id"""
                ).format(sql.Identifier(table), sql.Identifier(column))
                found += rows(conn, text, (code,))
        return found


def _known(code: str) -> str:
    if not currencies.known(code.upper()):
        raise InvalidInput({"code": [f"Invalid ISO 4217 currency code: {code}"]})
    return code.upper()


def _locked(conn: Connection) -> Sequence[str]:
    """The enabled currencies, which nobody else changes until the transaction ends."""
    conn.execute("LOCK TABLE setting IN SHARE ROW EXCLUSIVE MODE")
    return settings_store.enabled_currencies(conn)
