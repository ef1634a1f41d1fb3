"""`price-lists/`: rates with a validity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from koku_core.api import schemas
from koku_core.api.catalogues import listed
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import not_found
from koku_core.api.paging import page
from koku_core.api.permissions import price_lists
from koku_core.costing.metrics import all_metrics, labels
from koku_core.errors import UnknownName
from koku_core.validation import boolean, refuse, uuid_text

UNSUPPORTED = "Unsupported parameter or invalid value"
PriceList = dict[str, Any]
_ORDERS = ("name", "description", "currency", "enabled", "version", "effective_start_date", "effective_end_date",
           "created_timestamp", "updated_timestamp", "assigned_cost_model_count")  # fmt: skip


def _bracketed(name: str) -> tuple[str, str]:
    """`filter[name]` as (`filter`, `name`); `limit` as (`limit`, ``)."""
    outer, _, inner = name.partition("[")
    return (outer, inner.removesuffix("]")) if inner.endswith("]") else (name, "")


def _list(call: Call) -> Reply:
    found = list(call.koku.price_lists)
    for name, value in call.params:
        outer, inner = _bracketed(name)
        if outer == "filter" and inner in _FILTERS:
            selected = _FILTERS[inner](value)
            found = [p for p in found if selected(p)]
        elif outer == "order_by":
            found = _ordered(found, inner, value)
        elif name not in ("limit", "offset"):
            raise refuse(UNSUPPORTED, inner or name)
    return Reply(page(call.path, call.query, found, len(found)))


def _ordered(found: list[PriceList], inner: str, value: str) -> list[PriceList]:
    """`order_by[name]=desc`, or `order_by=-name`."""
    name = inner or value.removeprefix("-")
    down = value.lower() == "desc" if inner else value.startswith("-")
    if name not in _ORDERS or (inner and value.lower() not in ("asc", "desc")):
        raise refuse(UNSUPPORTED, inner or "order_by")
    return sorted(found, key=lambda p: p[name].casefold() if isinstance(p[name], str) else p[name], reverse=down)


def _named(value: str) -> Callable[[PriceList], bool]:
    parts = [part.strip().casefold() for part in value.split(",")]
    return lambda p: any(part in p["name"].casefold() for part in parts)


def _uuids(value: str, source: str) -> set[str]:
    wanted = set()
    for part in value.split(","):
        uuid = uuid_text(part.strip())
        if uuid is None:
            raise refuse(f"'{part.strip()}' is not a valid UUID.", source)
        wanted.add(uuid)
    return wanted


def _by_uuid(value: str) -> Callable[[PriceList], bool]:
    wanted = _uuids(value, "uuid")
    return lambda p: p["uuid"] in wanted


def _enabled(value: str) -> Callable[[PriceList], bool]:
    wanted = boolean(value)
    if wanted is None:
        raise refuse(UNSUPPORTED, "enabled")
    return lambda p: p["enabled"] is wanted


def _currency(value: str) -> Callable[[PriceList], bool]:
    return lambda p: p["currency"].casefold() == value.strip().casefold()


def _of_model(value: str) -> Callable[[PriceList], bool]:
    wanted = _uuids(value, "cost_model")
    return lambda p: any(m["uuid"] in wanted for m in p["assigned_cost_models"])


_FILTERS: Mapping[str, Callable[[str], Callable[[PriceList], bool]]] = {
    "name": _named, "uuid": _by_uuid, "enabled": _enabled, "currency": _currency, "cost_model": _of_model,
}  # fmt: skip


def _uuid(call: Call) -> str:
    uuid = uuid_text(call.args["uuid"])
    if uuid is None:
        raise not_found()
    return uuid


def _find(call: Call) -> PriceList:
    uuid = _uuid(call)
    found = [p for p in call.koku.price_lists if p["uuid"] == uuid]
    if not found:
        raise not_found("PriceList")
    return found[0]


def _known(handler: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
    """The handler, with the answer that there is no such list."""

    def guarded(call: Call) -> Reply:
        try:
            return handler(call)
        except UnknownName as error:
            raise not_found("PriceList") from error

    return guarded


def _create(call: Call) -> Reply:
    return Reply(call.koku.price_lists.create(call.body), 201)


def _update(call: Call) -> Reply:
    return Reply(call.koku.price_lists.update(_uuid(call), call.body))


def _delete(call: Call) -> Reply:
    call.koku.price_lists.remove(_uuid(call))
    return Reply(status=204)


def _duplicate(call: Call) -> Reply:
    return Reply(call.koku.price_lists.duplicate(_uuid(call)), 201)


def _affected(call: Call) -> Reply:
    return Reply(_find(call)["assigned_cost_models"])


def _rates(call: Call) -> Reply:
    """The rates of a list, one row each."""
    uuid = _find(call)["uuid"]
    metrics = all_metrics(call.koku.services.plugins)
    found = [_rate(rate, metrics) for rate in call.koku.price_lists.stored_rates(uuid)]
    for name, value in call.params:
        outer, inner = _bracketed(name)
        if outer == "filter" and inner in _RATE_TEXTS:
            found = [r for r in found if value.casefold() in _RATE_TEXTS[inner](r).casefold()]
        elif outer == "order_by":
            found = _ordered_rates(found, inner, value)
        elif name not in ("limit", "offset"):
            raise refuse(UNSUPPORTED, inner or name)
    return listed(call, found)


def _ordered_rates(found: list[dict[str, Any]], inner: str, value: str) -> list[dict[str, Any]]:
    text = _RATE_TEXTS.get(inner or value.removeprefix("-"))
    if text is None:
        raise refuse(UNSUPPORTED, inner or "order_by")
    down = value.lower() == "desc" if inner else value.startswith("-")
    return sorted(found, key=lambda r: text(r).casefold(), reverse=down)


_RATE_TEXTS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "name": lambda r: str(r["custom_name"]),
    "metric_type": lambda r: str(r["metric_type"]),
    "measurement": lambda r: str(r["metric"].get("label_measurement", "")),
    "cost_type": lambda r: str(r["cost_type"]),
}


def _rate(stored: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    metric = metrics.get(stored["metric"]["name"])
    tiers = stored.get("tiered_rates")
    made = {
        "rate_id": stored["rate_id"], "custom_name": stored["custom_name"], "description": stored["description"],
        "metric": labels(metrics, stored["metric"]["name"]), "metric_type": metric.metric_type if metric else "other",
        "cost_type": stored["cost_type"], "default_rate": f"{Decimal(tiers[0]['value']):.15f}" if tiers else None,
    }  # fmt: skip
    if tiers:
        return made | {"tiered_rates": [_long(t) for t in tiers]}
    tag = stored["tag_rates"]
    return made | {"tag_rates": {"tag_key": tag["tag_key"], "tag_values": [_long(v) for v in tag["tag_values"]]}}


def _long(price: Mapping[str, Any]) -> dict[str, Any]:
    return dict(price) | {"value": f"{Decimal(price['value']):.10f}"}


_LISTING = ("limit", "offset", "order_by", *(f"filter[{name}]" for name in _FILTERS))
_RATE_LISTING = ("limit", "offset", "order_by", *(f"filter[{name}]" for name in _RATE_TEXTS))
RESOURCES = (
    Resource("price-lists/", {"GET": _list, "POST": _create}, "The price lists.", price_lists, slash="both", parameters=_LISTING,
             takes=schemas.PRICE_LIST_BODY, gives=schemas.PRICE_LIST),
    Resource("price-lists/{uuid}/", {"GET": lambda c: Reply(_find(c)), "PUT": _known(_update), "DELETE": _known(_delete)},
             "One price list.", price_lists, slash="both", takes=schemas.PRICE_LIST_CHANGE, gives=schemas.PRICE_LIST),
    Resource("price-lists/{uuid}/affected-cost-models/", {"GET": _affected}, "The cost models that use a list.", price_lists,
             slash="both", gives=schemas.USERS),
    Resource("price-lists/{uuid}/duplicate/", {"POST": _known(_duplicate)}, "Copy a list.", price_lists, slash="both",
             gives=schemas.PRICE_LIST),
    Resource("price-lists/{uuid}/rates/", {"GET": _rates}, "The rates of a list.", price_lists, slash="both",
             parameters=_RATE_LISTING, gives=schemas.RATE_ROW),
)  # fmt: skip
