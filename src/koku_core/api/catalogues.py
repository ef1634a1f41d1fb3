"""Small lists that hardly change: status, metrics, currencies, and what the caller may use."""

from __future__ import annotations

from typing import Any

from koku_core import currencies, settings_store
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError
from koku_core.api.paging import page
from koku_core.costing.metrics import catalogue
from koku_core.errors import InvalidInput


def _status(call: Call) -> Reply:
    del call
    return Reply({"status": "OK"})


def listed(call: Call, rows: list[Any]) -> Reply:
    """A page of a list whose `meta.limit` shrinks to the number of rows."""
    limit = dict(call.params).get("limit")
    if limit is not None:
        check_limit(limit)
    return Reply(page(call.path, call.query, rows, len(rows), shrink=True))


def check_limit(limit: str) -> None:
    """Refuse a limit that is no number, or less than one."""
    if not limit.strip().lstrip("+-").isdecimal():
        raise InvalidInput({"limit": ["A valid integer is required."]})
    if int(limit) < 1:
        raise InvalidInput({"limit": ["Ensure this value is greater than or equal to 1."]})


def _metrics(call: Call) -> Reply:
    return listed(call, catalogue(call.koku.services.plugins))


def _currencies(call: Call) -> Reply:
    tenant, codes = call.koku.handle, list(currencies.INITIALLY_ENABLED)
    if tenant.exists():
        with tenant.connection() as conn:
            codes = settings_store.enabled_currencies(conn)
    return listed(call, [currencies.described(code) for code in codes])


def _user_access(call: Call) -> Reply:
    """What of the web UI the caller sees: one row for each family of reports, cost models, settings, and any family."""
    rows = _access_rows(call)
    given = dict(call.params)
    if given.get("beta", "").lower() == "true":
        return Reply({"data": False})
    kind = given.get("type")
    if kind is None:
        body = page(call.path, call.query, rows, len(rows))
        return Reply({**body, "data": rows})
    row = next((r for r in rows if r["type"] == kind.lower()), None)
    if row is None:
        raise HttpError(400, [f"Unknown source type: {kind}"])
    return Reply({"data": row["access"], "access": row["access"], "write": row["write"]})


def _access_rows(call: Call) -> list[dict[str, Any]]:
    access = call.access

    def row(kind: str, resources: list[str]) -> dict[str, Any]:
        write = access.admin or any(access.values(r, "write") for r in resources)
        return {
            "type": kind,
            "access": write or access.admin or any(access.values(r) for r in resources),
            "write": write,
        }

    families = [row(p.provider.family.lower(), [r.name for r in p.provider.access]) for p in call.koku.services.plugins]
    anything = {
        "type": "any", "access": any(r["access"] for r in families), "write": any(r["write"] for r in families),
    }  # fmt: skip
    return [*families, row("cost_model", ["cost_model"]), row("settings", ["settings"]), anything]


STATUS = Resource("status/", {"GET": _status}, "Whether the service runs.", public=True)
RESOURCES = (
    STATUS,
    Resource("metrics/", {"GET": _metrics}, "What a cost model can put a price on.", parameters=("limit", "offset", "source_type")),
    Resource("currency/", {"GET": _currencies}, "The currencies that are enabled.", parameters=("limit", "offset")),
    Resource("user-access/", {"GET": _user_access}, "What the caller may use.", gate=False, parameters=("type", "beta")),
)  # fmt: skip
