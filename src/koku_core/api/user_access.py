"""`user-access/`: what of the web UI the caller sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from koku_core.access import Access
from koku_core.api.catalogues import listed
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError
from koku_core.plugins import Plugins


def _get(call: Call) -> Reply:
    """A row for each family of reports, cost models, settings, and any family; or the row of one of them."""
    given = dict(call.params)
    if given.get("beta", "").lower() == "true":
        return Reply({"data": False})
    rows, kind = _rows(call.access, call.koku.services.plugins), given.get("type")
    if kind is None:
        return listed(call, rows, shrink=False, whole=True)
    row = next((r for r in rows if r["type"] == kind.lower()), None)
    if row is None:
        raise HttpError(400, [f"Unknown source type: {kind}"])
    return Reply({"data": row["access"], "access": row["access"], "write": row["write"]})


def _rows(access: Access, plugins: Plugins) -> list[dict[str, Any]]:
    families = _families(access, plugins)
    anything = _row("any", any(r["access"] for r in families), any(r["write"] for r in families))
    return [*families, _of("cost_model", access, ["cost_model"]), _of("settings", access, ["settings"]), anything]


def _families(access: Access, plugins: Plugins) -> list[dict[str, Any]]:
    """The loaded families, and those that clients ask after beside them: there is nothing to see of these."""
    found = {b.family: _row(b.family, access=False, write=False) for p in plugins for b in p.provider.beside}
    for plugin in plugins:
        provider = plugin.provider
        found[provider.family] = _of(provider.family, access, [r.name for r in provider.access])
    return [found[name] for name in sorted(found, key=str.casefold)]


def _of(kind: str, access: Access, resources: Iterable[str]) -> dict[str, Any]:
    names = list(resources)
    write = access.admin or any(access.values(name, "write") for name in names)
    return _row(kind, write or access.admin or any(access.values(name) for name in names), write)


def _row(kind: str, access: bool, write: bool) -> dict[str, Any]:
    return {"type": kind.lower(), "access": access, "write": write}


RESOURCES = (
    Resource(
        "user-access/", {"GET": _get}, "What the caller may use.", gate=False, parameters=("type", "beta"), refused={}
    ),
)
