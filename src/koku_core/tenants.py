"""Deletes a tenant with everything that is its own."""

from __future__ import annotations

from collections.abc import Iterable

from koku_core.database.tenant import Tenant
from koku_core.errors import UnknownName
from koku_core.intake import downloads
from koku_core.services import Services


def delete_tenant(services: Services, tenant: Tenant) -> None:
    """Delete a tenant: its schema and jobs in one transaction, then its line items and kept files.

    Its running jobs are cancelled and waited for. Somebody who makes a tenant of the same name meanwhile waits until this one is gone.
    If it is interrupted, do it again: what is left is removed, though the tenant is no longer listed.

    Raises:
        UnknownName: there is no such tenant, nor anything left of one.
    """
    with services.system.server.lock("migrate"):
        known = tenant.exists()
        left = services.lake.tables(tenant.name) or services.kept.has_tenant(tenant.name)
        if not known and not left:
            raise UnknownName("tenant", tenant.name, (t.name for t in services.system.tenants()))
        wait_for(tenant, services.system.delete_tenant(tenant.name))
        services.lake.drop_tenant(tenant.name)
        services.kept.drop_tenant(tenant.name)
        downloads.sweep(services.settings, tenant.name)


def wait_for(tenant: Tenant, reports: Iterable[int]) -> None:
    """Wait until nobody ingests these reports any more: until then, they may still write to the lake."""
    for report in reports:
        with tenant.lock("report", report):
            pass
