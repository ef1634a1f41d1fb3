"""Small lists that hardly change: status, metrics, currencies, kinds of cost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from koku_core.api import schemas
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.paging import page
from koku_core.api.wire import stamp
from koku_core.cost_types import COST_TYPES
from koku_core.costing.metrics import catalogue
from koku_core.declare.providers import CloudAccount
from koku_core.errors import InvalidInput
from koku_core.plugins import Plugins


def _status(call: Call) -> Reply:
    del call
    return Reply({"status": "OK"})


def listed(call: Call, rows: list[Any], *, shrink: bool = True, whole: bool = False) -> Reply:
    """A page of a list.

    Args:
        call: the request.
        rows: all rows.
        shrink: whether `meta.limit` is never more than the number of rows.
        whole: whether all rows are answered, whatever the page.
    """
    limit = dict(call.params).get("limit")
    if limit is not None:
        check_limit(limit)
    body = page(call.path, call.query, rows, len(rows), shrink=shrink)
    return Reply({**body, "data": rows} if whole else body)


def check_limit(limit: str) -> None:
    """Refuse a limit that is no number, or less than one."""
    try:
        found = int(limit)
    except ValueError as error:
        raise InvalidInput({"limit": ["A valid integer is required."]}) from error
    if found < 1:
        raise InvalidInput({"limit": ["Ensure this value is greater than or equal to 1."]})


def _metrics(call: Call) -> Reply:
    return listed(call, catalogue(call.koku.services.plugins))


def _cost_types(call: Call) -> Reply:
    return listed(
        call, [{"code": code, "name": name, "description": text} for code, (name, text) in COST_TYPES.items()]
    )


def _moved(call: Call) -> Reply:
    """The settings moved to the paths below; clients know this answer."""
    del call
    return Reply(status=301)


def _begin(call: Call) -> Reply:
    return Reply({"sources": f"{call.base}sources"})


def _cloud_accounts(accounts: list[CloudAccount], since: datetime, call: Call) -> Reply:
    """The accounts that the environment names."""
    rows = [
        {"name": a.name, "value": value, "description": a.doc, "updated_timestamp": stamp(since)}
        for a in accounts
        if (value := os.environ.get(a.variable))
    ]
    return listed(call, rows)


def resources(plugins: Plugins) -> Iterator[Resource]:
    """These lists; accounts of clouds only if a loaded plugin can have one."""
    yield from RESOURCES
    accounts = [p.provider.cloud_account for p in plugins if p.provider.cloud_account]
    if accounts:
        handler = partial(_cloud_accounts, accounts, datetime.now(UTC))
        doc = "The accounts of clouds that sources are read with."
        yield Resource("cloud-accounts/", {"GET": handler}, doc, parameters=("limit", "offset"))


STATUS = Resource("status/", {"GET": _status}, "Whether the service runs.", public=True)
RESOURCES = (
    STATUS,
    Resource("", {"GET": _begin}, "Where to begin.", slash="never"),
    Resource("settings/", {"GET": _moved}, "Nothing: settings are at the paths below.", done={"GET": 301}),
    Resource("metrics/", {"GET": _metrics}, "What a cost model can put a price on.", parameters=("limit", "offset", "source_type"),
             gives=schemas.METRIC),
    Resource("cost-type/", {"GET": _cost_types}, "The kinds of cost that bills state.", parameters=("limit", "offset")),
)  # fmt: skip
