"""Who is asking: the `x-rh-identity` header, which a gateway in front of the service sets and the service trusts."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request

from koku_core.access import ALL, Access, Identity
from koku_core.api.errors import NoAccess, NotIdentified
from koku_core.plugins import Plugins

HEADER = "x-rh-identity"
#: What a caller of `create_app` may give: from a request to who is asking.
Identify = Callable[[Request], Identity | Awaitable[Identity]]


def header_identity(plugins: Plugins) -> Callable[[Request], Identity]:
    """Read the header. An organization's admin sees all of its tenant, anybody else what `user.access` says."""

    def identify(request: Request) -> Identity:
        header = request.headers.get(HEADER)
        if not header:
            raise NotIdentified(f"the header {HEADER} is missing")
        return identity_of(_decoded(header), plugins)

    return identify


def _decoded(header: str) -> Mapping[str, Any]:
    try:
        raw = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoAccess(f"{HEADER} is not base64") from error
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotIdentified(f"{HEADER} holds no JSON") from error
    return found if isinstance(found, Mapping) else {}


def _part(values: Any, name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def identity_of(header: Mapping[str, Any], plugins: Plugins) -> Identity:
    """The identity that a decoded header states.

    Raises:
        NoAccess: not entitled to cost management.
        NotIdentified: no organization or no user.
    """
    if _part(_part(header, "entitlements"), "cost_management").get("is_entitled") is not True:
        raise NoAccess("not entitled to cost management")
    stated = _part(header, "identity")
    org_id = stated.get("org_id")
    if not isinstance(org_id, str) or not org_id:
        raise NotIdentified("no org_id")
    username, access = _user(stated, plugins)
    account = stated.get("account_number")
    return Identity(f"org{org_id}", username, access, str(account) if account else None)


def _user(stated: Mapping[str, Any], plugins: Plugins) -> tuple[str, Access]:
    if str(stated.get("type") or "User").lower() != "user":
        account = _part(stated, "service_account")
        return _username(account), access_of(account.get("access"), plugins)
    user = _part(stated, "user")
    if user.get("email") is None:
        raise NotIdentified("no email")
    if user.get("is_org_admin") is True:
        return _username(user), Access(admin=True)
    return _username(user), access_of(user.get("access"), plugins)


def _username(who: Mapping[str, Any]) -> str:
    name = who.get("username")
    if not isinstance(name, str) or not name:
        raise NotIdentified("no username")
    return name


def access_of(stated: Any, plugins: Plugins) -> Access:
    """The lists of `{resource: {"read": [...], "write": [...]}}`, with what follows from them.

    `*` as a resource stands for every one, as an operation for both; write implies read; a list with `*` is `*` alone; a resource without a
    list inherits as its provider declares.
    """
    lists: dict[str, dict[str, tuple[str, ...]]] = {}
    given = stated if isinstance(stated, Mapping) else {}
    everywhere = _operations(given.get("*"))
    for resource in {*given.keys(), *_resources(plugins)} - {"*"}:
        mine = _operations(given.get(resource))
        both = {op: _collapsed(mine.get(op, ()) + everywhere.get(op, ())) for op in ("read", "write")}
        if any(both.values()):
            lists[resource] = both
    for plugin in plugins:
        for resource in plugin.provider.access:
            if resource.inherits and resource.name not in lists and lists.get(resource.inherits, {}).get("read"):
                lists[resource.name] = {"read": ALL}
    return Access(lists=lists)


def _resources(plugins: Plugins) -> set[str]:
    return {"cost_model", "settings", "sources", *(r.name for p in plugins for r in p.provider.access)}


def _operations(stated: Any) -> dict[str, tuple[str, ...]]:
    """Read and write lists of one resource."""
    given = stated if isinstance(stated, Mapping) else {}
    both, write = _values(given.get("*")), _values(given.get("write"))
    return {"read": _values(given.get("read")) + write + both, "write": write + both}


def _values(given: Any) -> tuple[str, ...]:
    return tuple(v for v in given if isinstance(v, str)) if isinstance(given, (list, tuple)) else ()


def _collapsed(values: tuple[str, ...]) -> tuple[str, ...]:
    return ALL if "*" in values else tuple(dict.fromkeys(values))
