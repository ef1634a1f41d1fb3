"""`create_admin_app`: calls of whoever runs the service. It asks nobody who they are, so it belongs on a port of its own, on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from starlette.applications import Starlette
from starlette.routing import Route

from koku_core.api import metrics
from koku_core.api.catalogues import STATUS
from koku_core.api.endpoint import Call, Endpoint, Handler, Reply, Resource
from koku_core.api.errors import HttpError, detail
from koku_core.api.paths import BASE
from koku_core.costing.recalculation import reprice
from koku_core.errors import InvalidInput, UnknownName
from koku_core.jobs.queue import enqueue
from koku_core.plugins import ProviderPlugin
from koku_core.reports import fields
from koku_core.sources.model import Source
from koku_core.validation import REQUIRED, Problems, mapping, not_a_list, refuse, text, uuid_text

if TYPE_CHECKING:
    from koku_core.koku import Koku

ACTIONS = ("create", "delete")
#: What stands before an organization's id in the name of its tenant.
TENANT_PREFIX = "org"


def create_admin_app(koku: Koku) -> Starlette:
    """The administration calls, for all tenants.

    Args:
        koku: the library; each call names the tenant that it is about.
    """
    limiter = anyio.CapacityLimiter(koku.services.settings.pool_size)
    calls = [Route(BASE + r.path, Endpoint(r, koku, None, limiter)) for r in resources(koku)]
    return Starlette(routes=[*calls, metrics.route(koku, limiter)])


def _enabled_tags(call: Call) -> Reply:
    """Enable (`create`) or disable (`delete`) tag keys, whether they have been seen yet or not."""
    schema, action, keys, family = _validated(call)
    tags = call.koku.tenant(schema).tags
    try:
        jobs = tags.enable(family, keys) if action == "create" else tags.disable(family, keys)
    except InvalidInput as error:
        if not isinstance(error.errors, dict) or not error.errors.keys() & {"limit", "ids"}:
            raise
        raise HttpError(412, {"error": error.message, **error.errors}) from error
    return Reply({"jobs": jobs})


def _validated(call: Call) -> tuple[str, str, list[str], str]:
    body, problems = mapping(call.body), Problems()
    schema = text(body, "schema", problems, limit=51, blank=False) or ""
    action = text(body, "action", problems, limit=20) or ""
    family = text(body, "provider_type", problems, limit=50) or ""
    keys = _keys(body.get("tag_keys"), problems)
    if action and action not in ACTIONS:
        problems.add("action", f'"{action}" is not a valid choice. Choices are {", ".join(ACTIONS)}.')
    plugins = call.koku.services.plugins
    plugin = plugins.by_family(family)
    if family and plugin is None:
        known = ", ".join(p.provider.family for p in plugins) or "none"
        problems.add("provider_type", f'"{family}" is not a valid choice. Choices are {known}.')
    problems.check()
    return schema, action, keys, plugin.provider.family if plugin else ""


def _keys(given: Any, problems: Problems) -> list[str]:
    if given is None:
        problems.add("tag_keys", REQUIRED)
    elif not isinstance(given, list):
        problems.add("tag_keys", not_a_list(given))
    elif not all(isinstance(k, str) and k for k in given):
        problems.add("tag_keys", "Every key must be a text that is not empty.")
    else:
        return given
    return []


def _ingest(plugin: ProviderPlugin, call: Call) -> Reply:
    """Ingest what lies in the inbox under a name."""
    from koku_core.intake.inbox import ingest_named

    given = _required(call, "org_id", "payload_name")
    koku = call.koku.tenant(TENANT_PREFIX + given["org_id"].removeprefix(TENANT_PREFIX))
    try:
        accepted = ingest_named(koku.services, koku.handle, plugin, given["payload_name"])
    except UnknownName as error:
        raise detail(404, error.message, "payload_name") from error
    return Reply({"jobs": [a.job_id for a in accepted if a.job_id is not None]})


def _download(call: Call) -> Reply:
    """Have a source asked for what is new."""
    koku, source = _source(call, _required(call, "provider_uuid")["provider_uuid"])
    _, kind = koku.services.plugins.source_type(source.source_type)
    if kind.pushed:
        raise refuse(f"The reports of {source.name!r} are uploaded; there is nothing to download.", "provider_uuid")
    with koku.handle.transaction() as conn:
        job = enqueue(
            conn,
            koku.handle.name,
            "refresh",
            key=source.uuid,
            source_uuid=source.uuid,
            arguments={"source": source.uuid},
        )
    return Reply({"jobs": [job]})


def _price(call: Call) -> Reply:
    """Price the published months of a source anew."""
    given = _required(call, "provider_uuid", "schema")
    koku, source = _source(call, given["provider_uuid"], given["schema"])
    first, last = _day(call, "start_date"), _day(call, "end_date")
    if first and last and first > last:
        raise refuse("start_date must be a date that is before end_date.", "start_date")
    with koku.handle.transaction() as conn:
        return Reply({"jobs": reprice(conn, koku.handle.name, [source.uuid], first, last)})


def _required(call: Call, *names: str) -> dict[str, str]:
    """Parameters of the query string that must be there."""
    given, problems = dict(call.params), Problems()
    for name in names:
        if not given.get(name):
            problems.add(name, REQUIRED)
    problems.check()
    return given


def _day(call: Call, name: str) -> date | None:
    given = dict(call.params).get(name)
    try:
        return fields.day(given) if given else None
    except ValueError as error:
        raise refuse(str(error), name) from error


def _source(call: Call, uuid: str, tenant: str | None = None) -> tuple[Koku, Source]:
    """A source by its uuid, and the library for its tenant; without a tenant's name all are asked."""
    if which := uuid_text(uuid):
        names = [tenant] if tenant else [t.name for t in call.koku.services.system.tenants()]
        for koku in (call.koku.tenant(name) for name in names):
            with contextlib.suppress(UnknownName):
                return koku, koku.sources.get(which)
    raise detail(404, f"There is no source {uuid}{f' in {tenant}' if tenant else ''}.", "provider_uuid")


def _resource(path: str, method: Handler, doc: str, *parameters: str) -> Resource:
    """A call that clients make as GET although it starts work; POST does the same."""
    return Resource(path, {"GET": method, "POST": method}, doc, public=True, csv=False, parameters=parameters)


def resources(koku: Koku) -> Iterator[Resource]:
    """Every administration call: those of the core, and for each plugin that takes uploads one that ingests from the inbox."""
    yield STATUS
    yield Resource(
        "enabled_tags/", {"POST": _enabled_tags}, "Enable or disable tag keys of a tenant.", public=True, csv=False
    )
    for plugin in (p for p in koku.services.plugins if p.provider.uploads):
        yield _resource(
            f"ingest_{plugin.name}_payload/", partial(_ingest, plugin), "Ingest a payload that lies in the inbox.",
            "org_id", "payload_name",
        )  # fmt: skip
    yield _resource("download/", _download, "Have a source asked for what is new.", "provider_uuid")
    yield _resource(
        "update_cost_model_costs/", _price, "Price the months of a source anew.",
        "provider_uuid", "schema", "start_date", "end_date",
    )  # fmt: skip
