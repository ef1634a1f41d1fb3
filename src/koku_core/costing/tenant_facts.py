"""What the checks of prices need to know of a tenant: its currencies, and what its plugins offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from koku_core import currencies, settings_store
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant
from koku_core.plugins import Plugins
from koku_core.services import Services


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks need to know.

    Attributes:
        plugins: which providers and metrics there are.
        currency: the account's.
        enabled: the currencies that may be used.
        taken_names: custom names of rates that may not be made up again.
    """

    plugins: Plugins
    currency: str
    enabled: Sequence[str]
    taken_names: set[str] = field(default_factory=set)


def facts_in(conn: Connection, plugins: Plugins, taken_names: set[str]) -> Facts:
    """The facts as the transaction of `conn` sees them."""
    return Facts(plugins, settings_store.account_currency(conn), settings_store.enabled_currencies(conn), taken_names)


def facts_of(services: Services, tenant: Tenant) -> Facts:
    """The facts of a tenant; those of a new one if it does not exist."""
    if not tenant.exists():
        return Facts(services.plugins, currencies.DEFAULT, currencies.INITIALLY_ENABLED)
    with tenant.connection() as conn:
        return facts_in(conn, services.plugins, set())
