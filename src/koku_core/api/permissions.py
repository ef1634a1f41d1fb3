"""Who may use what: the access lists of an identity against the resource that a path demands."""

from __future__ import annotations

from collections.abc import Mapping

from koku_core.access import Access
from koku_core.api.endpoint import SAFE, Allowed
from koku_core.declare.providers import Provider


def reads(provider: Provider) -> Allowed:
    """Reports of a provider: a list of one of the resources that open it; nobody but an admin may do anything else than read."""
    opens = [r.name for r in provider.access if r.opens]

    def allowed(access: Access, method: str, args: Mapping[str, str]) -> bool:
        del args
        if access.admin:
            return True
        return method in SAFE and (not opens or any(access.values(name) for name in opens))

    return allowed


def cost_models(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """Cost models: a list of some to read; all to write, or the one that the path names."""
    if method in SAFE:
        return bool(access.values("cost_model"))
    writable = access.values("cost_model", "write")
    return "*" in writable or args.get("uuid") in writable


def price_lists(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """Price lists and static rates: any list to read, all to write."""
    del args
    return bool(access.values("cost_model")) if method in SAFE else "*" in access.values("cost_model", "write")


def settings(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """Settings of the tenant: any list to read, all to write."""
    del args
    return bool(access.values("settings")) if method in SAFE else "*" in access.values("settings", "write")


def sources(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """Sources: all or nothing."""
    del args
    return "*" in access.values("sources", "read" if method in SAFE else "write")


def registers(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """The calls of an operator: it adds its own source, but does not change or remove any, as who may write sources can."""
    return sources(access, method, args) or (method not in SAFE and "*" in access.values("operator", "write"))


def uploads(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """Payloads: whoever is known, unless it is said that all that they may do is read."""
    del method, args
    return access.admin or not access.lists or any(operations.get("write") for operations in access.lists.values())


def jobs(access: Access, method: str, args: Mapping[str, str]) -> bool:
    """Jobs tell of all sources, so whoever may see all sources or settings may see them."""
    del args
    operation = "read" if method in SAFE else "write"
    return any("*" in access.values(resource, operation) for resource in ("sources", "settings"))
