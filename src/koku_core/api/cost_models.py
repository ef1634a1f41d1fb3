"""`cost-models/`: what sources cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from koku_core import currencies
from koku_core.api import schemas
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import detail, not_found
from koku_core.api.paging import page
from koku_core.api.permissions import cost_models
from koku_core.costing.tenant_facts import facts_of
from koku_core.errors import InvalidInput, UnknownName
from koku_core.validation import refuse, uuid_text

Model = dict[str, Any]
#: Named by the answer to an unknown parameter, beside those that select.
_FIELDS = (
    "costmodelmap, created_timestamp, currency, description, distribution, distribution_info, markup, name, price_list_maps, "
    "rates, ratestousage, source_type, updated_timestamp, uuid"
)
_ORDERS: dict[str, Callable[[Model], Any]] = {
    "name": lambda m: str(m["name"]).casefold(),
    "source_type": lambda m: m["source_type"],
    "updated_timestamp": lambda m: m["updated_timestamp"],
}


def _list(call: Call) -> Reply:
    found = [m for m in call.koku.cost_models if _visible(call, m["uuid"])]
    for name, value in call.params:
        if name not in ("limit", "offset", "ordering"):
            selected = _selection(call, name, value)
            found = [m for m in found if selected(m)]
    return Reply(page(call.path, call.query, _ordered(call, found), len(found)))


def _visible(call: Call, uuid: str) -> bool:
    allowed = call.access.restriction("cost_model")
    return allowed is None or uuid in allowed


def _selection(call: Call, name: str, value: str) -> Callable[[Model], bool]:
    """What a parameter of the query string selects."""
    parts = [part.strip().casefold() for part in value.split(",")]
    if name in ("name", "description"):
        return lambda m: all(part in m[name].casefold() for part in parts)
    if name in ("uuid", "source_uuid"):
        wanted = uuid_text(value)
        if wanted is None:
            raise refuse("Enter a valid UUID.", name)
        return lambda m: wanted == m["uuid"] if name == "uuid" else wanted in m["source_uuids"]
    if name == "source_type":
        plugins = [call.koku.services.plugins.by_family(part) for part in parts]
        return lambda m: all(p is not None and p.provider.label == m["source_type"] for p in plugins)
    if name == "currency":
        _check_currency(call, value)
        return lambda m: bool(m["currency"] == value)
    raise detail(400, f"Cannot resolve keyword '{name}' into field. Choices are: {_FIELDS}")


def _check_currency(call: Call, code: str) -> None:
    if not currencies.known(code):
        raise refuse(currencies.not_iso(code), "currency")
    if code not in facts_of(call.koku.services, call.koku.handle).enabled:
        raise refuse(currencies.not_enabled(code), "currency")


def _ordered(call: Call, found: list[Model]) -> list[Model]:
    """In the order that `ordering` asks for; one that is not known leaves them ordered by name."""
    wanted = dict(call.params).get("ordering", "name")
    key = _ORDERS.get(wanted.removeprefix("-"))
    return sorted(found, key=key, reverse=wanted.startswith("-")) if key else found


def _uuid(call: Call) -> str:
    given = call.args["uuid"]
    uuid = uuid_text(given)
    if uuid is None:
        if call.method == "DELETE":
            raise InvalidInput({"detail": f"['\u201c{given}\u201d is not a valid UUID.']"})
        raise not_found()
    return uuid


def _get(call: Call) -> Reply:
    uuid = _uuid(call)
    found = [m for m in call.koku.cost_models if m["uuid"] == uuid]
    if not found or not _visible(call, uuid):
        raise not_found("CostModel")
    return Reply(found[0])


def _create(call: Call) -> Reply:
    return Reply(call.koku.cost_models.create(call.body), 201)


def _update(call: Call) -> Reply:
    try:
        return Reply(call.koku.cost_models.update(_uuid(call), call.body))
    except UnknownName as error:
        raise not_found("CostModel") from error


def _delete(call: Call) -> Reply:
    try:
        call.koku.cost_models.remove(_uuid(call))
    except UnknownName as error:
        raise not_found("CostModel") from error
    return Reply(status=204)


_FILTERS = ("limit", "offset", "name", "description", "uuid", "source_uuid", "source_type", "currency", "ordering")
RESOURCES = (
    Resource("cost-models/", {"GET": _list, "POST": _create}, "The cost models.", cost_models, slash="both", parameters=_FILTERS,
             takes=schemas.COST_MODEL_BODY, gives=schemas.COST_MODEL),
    Resource("cost-models/{uuid}/", {"GET": _get, "PUT": _update, "DELETE": _delete}, "One cost model.", cost_models, slash="both",
             takes=schemas.COST_MODEL_BODY, gives=schemas.COST_MODEL),
)  # fmt: skip
