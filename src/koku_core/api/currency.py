"""`currency/`, `exchange-rates/` and `settings/currency/`: which currencies there are, are used, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from koku_core import currencies
from koku_core.api import schemas
from koku_core.api.catalogues import listed
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError, envelope, not_found
from koku_core.api.filters import bracketed
from koku_core.api.permissions import price_lists, settings
from koku_core.enabled_currencies import CurrencyInUse
from koku_core.errors import InvalidInput, UnknownName
from koku_core.exchange_rates import fed
from koku_core.reports.fields import UNSUPPORTED
from koku_core.validation import boolean

NO_RATES = "No exchange rates are available. Configure CURRENCY_URL for dynamic rates or ensure exchange rate data has been loaded."


def _in_use(call: Call) -> Reply:
    return listed(call, [currencies.described(code) for code in call.koku.currencies.list()])


def _rates(call: Call) -> Reply:
    found = fed(call.koku.services.system)
    if not found:
        raise HttpError(404, {"detail": NO_RATES})
    return Reply(found)


def _all(call: Call) -> Reply:
    """All currencies, those that are enabled first."""
    wanted, codes = _filters(call)
    enabled = set(call.koku.currencies.list())
    rows = [
        code for code in sorted(currencies.names(), key=lambda c: (c not in enabled, c))
        if wanted in (None, code in enabled) and (not codes or any(part in code for part in codes))
    ]  # fmt: skip
    page = listed(call, rows)
    return Reply({**page.body, "data": _described(call, page.body["data"], enabled)})


def _described(call: Call, codes: Iterable[str], enabled: set[str]) -> list[dict[str, Any]]:
    dynamic, static, used = fed(call.koku.services.system), call.koku.exchange_rates.list(), call.koku.currencies.used()
    fed_codes = set(dynamic) | {target for targets in dynamic.values() for target in targets}
    return [
        currencies.described(code) | {
            "enabled": code in enabled, "has_dynamic_rate": code in fed_codes,
            "static_rates": [rate for rate in static if rate["base_currency"] == code],
            "is_disableable": code in enabled and code not in used,
        }
        for code in codes
    ]  # fmt: skip


def _filters(call: Call) -> tuple[bool | None, list[str]]:
    """`filter[enabled]` and the parts of `filter[currency]`."""
    unknown = [name for name, _ in call.params if name not in ("limit", "offset") and not name.startswith("filter[")]
    if unknown:
        raise InvalidInput({name: [UNSUPPORTED] for name in unknown})
    given = bracketed(call.params, "filter", ("enabled", "currency"))
    wanted = None
    if "enabled" in given:
        wanted = boolean(given["enabled"][-1]) if given["enabled"] else None
        if wanted is None:
            raise InvalidInput({"enabled": ["Must be a valid boolean."]})
    return wanted, [part.upper() for part in given.get("currency", [])]


def _enable(call: Call) -> Reply:
    call.koku.currencies.enable(call.args["code"])
    return Reply()


def _disable(call: Call) -> Reply:
    try:
        call.koku.currencies.disable(call.args["code"])
    except CurrencyInUse as error:
        siblings = {
            "affected_cloud_providers": error.uses.sources, "affected_cost_models": error.uses.cost_models,
            "affected_price_lists": error.uses.price_lists,
        }  # fmt: skip
        raise HttpError(400, {**envelope(error.errors), **siblings}) from error
    return Reply(status=204)


def _create(call: Call) -> Reply:
    return Reply(call.koku.exchange_rates.create(call.body), 201)


def _update(call: Call) -> Reply:
    try:
        return Reply(call.koku.exchange_rates.update(call.args["uuid"].lower(), call.body))
    except UnknownName as error:
        raise not_found("StaticExchangeRate") from error


def _remove(call: Call) -> Reply:
    try:
        call.koku.exchange_rates.remove(call.args["uuid"].lower())
    except UnknownName as error:
        raise not_found("StaticExchangeRate") from error
    return Reply(status=204)


_PAGE = ("limit", "offset")
RESOURCES = (
    Resource("currency/", {"GET": _in_use}, "The currencies that are enabled.", parameters=_PAGE, gives=schemas.CURRENCY),
    Resource("exchange-rates/", {"GET": _rates}, "What currencies are worth in others, by the feed.", gives=schemas.FED_RATES),
    Resource("settings/currency/", {"GET": _all}, "All currencies, and which are enabled.", settings,
             parameters=(*_PAGE, "filter[enabled]", "filter[currency]"), gives=schemas.CURRENCY_SETTING),
    Resource("settings/currency/enabled/{code}/", {"POST": _enable, "DELETE": _disable}, "Use a currency, or no more.", settings,
             done={"POST": 200}),
    Resource("settings/currency/static-rates/", {"POST": _create}, "Set an exchange rate.", price_lists,
             takes=schemas.STATIC_RATE_BODY, gives=schemas.STATIC_RATE),
    Resource("settings/currency/static-rates/{uuid}/", {"PUT": _update, "DELETE": _remove},
             "Change or remove an exchange rate that was set.", price_lists, takes=schemas.STATIC_RATE_BODY, gives=schemas.STATIC_RATE),
)  # fmt: skip
