"""What a tenant's people set for all of them: the currency and the kind of cost of answers, and how long data are kept."""

from __future__ import annotations

from dataclasses import dataclass

from koku_core import cost_types, currencies, settings_store
from koku_core.database.tenant import Tenant
from koku_core.errors import InvalidInput
from koku_core.retention import MONTHS, months_kept
from koku_core.services import Services

MIN_MONTHS, MAX_MONTHS = 3, 120


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of a tenant.

    Attributes:
        currency: of answers that ask for none.
        cost_type: of answers about bills that ask for none.
        retention_months: how many full months before the current one are kept.
    """

    currency: str
    cost_type: str
    retention_months: int


class AccountSettings:
    """Reads and changes the settings of a tenant."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def read(self) -> Account:
        """The settings; those of a new tenant if it does not exist."""
        settings = self._services.settings
        if not self._tenant.exists():
            return Account(currencies.DEFAULT, cost_types.DEFAULT, settings.retain_months)
        with self._tenant.connection() as conn:
            kind = settings_store.read(conn, settings_store.COST_TYPE, cost_types.DEFAULT)
            return Account(settings_store.account_currency(conn), kind, months_kept(conn, settings))

    def set_currency(self, code: str) -> None:
        """Give answers in another currency.

        Raises:
            InvalidInput: there is no such currency, or it is not enabled.
        """
        if not currencies.known(code):
            raise InvalidInput({"currency": [currencies.not_iso(code)]})
        with self._tenant.ensure().transaction() as conn:
            conn.execute("LOCK TABLE setting IN SHARE ROW EXCLUSIVE MODE")  # nobody disables it meanwhile
            if code not in settings_store.enabled_currencies(conn):
                raise InvalidInput({"currency": [currencies.not_enabled(code)]})
            settings_store.write(conn, settings_store.CURRENCY, code)

    def set_cost_type(self, code: str) -> None:
        """Have answers tell of another kind of cost.

        Raises:
            InvalidInput: there is no such kind.
        """
        if code not in cost_types.COST_TYPES:
            raise InvalidInput({"cost_type": [f'"{code}" is not a valid choice.']})
        self._write(settings_store.COST_TYPE, code)

    def set_retention(self, months: int) -> None:
        """Keep data for so many full months before the current one; older ones go with the next purge.

        Raises:
            InvalidInput: fewer than 3 or more than 120.
        """
        if months < MIN_MONTHS:
            raise InvalidInput({MONTHS: [f"Ensure this value is greater than or equal to {MIN_MONTHS}."]})
        if months > MAX_MONTHS:
            raise InvalidInput({MONTHS: [f"Ensure this value is less than or equal to {MAX_MONTHS}."]})
        self._write(MONTHS, months)

    def _write(self, name: str, value: str | int) -> None:
        with self._tenant.ensure().transaction() as conn:
            settings_store.write(conn, name, value)
