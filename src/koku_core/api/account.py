"""`account-settings/`: the currency and kind of cost of answers, and how long data are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from koku_core.account_settings import MAX_MONTHS, MIN_MONTHS, Account
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError, detail
from koku_core.api.paging import page
from koku_core.api.permissions import settings
from koku_core.retention import MONTHS
from koku_core.validation import NOT_NULL, REQUIRED, Problems, mapping, text

_TEXT_LIMIT = 100


def _shown(account: Account) -> dict[str, Any]:
    return {"currency": account.currency, "cost_type": account.cost_type}


def _enveloped(call: Call, data: dict[str, Any]) -> Reply:
    """A list's envelope whose data is one object, as clients know it."""
    return Reply({**page(call.path, call.query, [data], 1), "data": data})


def _all(call: Call) -> Reply:
    return _enveloped(call, _shown(call.koku.account.read()))


def _not_changed_whole(call: Call) -> Reply:
    del call
    raise HttpError(405)


def _field(call: Call) -> str:
    """The setting that the path names."""
    name = call.args["name"].replace("-", "_")
    if name not in ("currency", "cost_type") or "_" in call.args["name"]:
        raise detail(404, "Invalid not a user setting")
    return name


def _one(call: Call) -> Reply:
    name = _field(call)
    return _enveloped(call, {name: _shown(call.koku.account.read())[name]})


def _change(call: Call) -> Reply:
    name, problems = _field(call), Problems()
    value = text(mapping(call.body), name, problems, limit=_TEXT_LIMIT, blank=False)
    problems.check()
    change: dict[str, Callable[[str], None]] = {
        "currency": lambda code: call.koku.account.set_currency(code.upper()), "cost_type": call.koku.account.set_cost_type,
    }  # fmt: skip
    change[name](value or "")
    return Reply(status=204)


def _retention(call: Call) -> Reply:
    return Reply({
        MONTHS: call.koku.account.read().retention_months, "env_override": False, "min_retention_months": MIN_MONTHS,
        "max_retention_months": MAX_MONTHS,
    })  # fmt: skip


def _change_retention(call: Call) -> Reply:
    given, problems = mapping(call.body), Problems()
    value = given.get(MONTHS)
    months = _integer(value)
    if value is None:
        problems.add(MONTHS, NOT_NULL if MONTHS in given else REQUIRED)
    elif months is None:
        problems.add(MONTHS, "A valid integer is required.")
    problems.check()
    call.koku.account.set_retention(months or 0)
    return Reply(status=204)


def _integer(value: Any) -> int | None:
    if isinstance(value, bool) or len(str(value)) > _TEXT_LIMIT:
        return None
    try:
        return int(str(value).strip())
    except ValueError:
        return None


RESOURCES = (
    Resource("account-settings/", {"GET": _all, "PUT": _not_changed_whole}, "The settings of the tenant.", settings, done={"PUT": 405}),
    Resource("account-settings/data-retention/", {"GET": _retention, "PUT": _change_retention},
             "How many full months before the current one are kept.", settings, done={"PUT": 204}),
    Resource("account-settings/{name}/", {"GET": _one, "PUT": _change}, "One setting: currency or cost-type.", settings,
             done={"PUT": 204}),
)  # fmt: skip
