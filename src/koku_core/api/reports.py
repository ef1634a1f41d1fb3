"""Reports and tags: routes follow the report maps of the loaded plugins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from koku_core.api.endpoint import Call, Handler, Reply, Resource
from koku_core.api.permissions import reads
from koku_core.declare.reports import Report
from koku_core.plugins import Plugins, ProviderPlugin

if TYPE_CHECKING:
    from koku_core.reports.answer import Answer

_TIME = ("time_scope_units", "time_scope_value", "resolution")
_COMMON = (
    "limit", "offset", "currency", "start_date", "end_date", *(f"filter[{name}]" for name in (*_TIME, "limit", "offset")),
)  # fmt: skip


def resources(plugins: Plugins) -> Iterator[Resource]:
    """The resources of every loaded plugin that declares reports."""
    for plugin in plugins:
        if plugin.has("koku_report_map"):
            yield from _of(plugin)


def _of(plugin: ProviderPlugin) -> Iterator[Resource]:
    provider, allowed = plugin.provider, reads(plugin.provider)
    for report in plugin.report_map.reports:
        path = f"{provider.api_path}/{report.name}"
        handlers, parameters = {"GET": _report(path)}, _parameters(report)
        yield Resource(f"reports/{path}/", handlers, report.doc, allowed, bare=True, parameters=parameters)
    if plugin.report_map.tags:
        doc = f"Tag keys of {provider.label}, with their values."
        yield Resource(f"tags/{provider.api_path}/", {"GET": _tags(provider.api_path)}, doc, allowed, bare=True)
        doc = f"Values of one tag key of {provider.label}."
        yield Resource(f"tags/{provider.api_path}/{{key}}/", {"GET": _tags(provider.api_path)}, doc, allowed, bare=True)


def _parameters(report: Report) -> tuple[str, ...]:
    """What the query string of a report may hold; operators (`and:`, `or:`, `exact:`) and `tag:KEY` beside it."""
    optional = [("delta", report.deltas), ("category", report.categories)]
    keys = report.keys
    names = (
        *_COMMON,
        *(name for name, there in optional if there),
        *(f"filter[{k.name}]" for k in keys if k.filter),
        *(f"exclude[{k.name}]" for k in keys if k.exclude),
        *(f"group_by[{k.name}]" for k in keys if k.value),
        *(f"order_by[{name}]" for name in ("date", *report.orders, *(k.order for k in keys if k.order))),
    )
    return tuple(dict.fromkeys(names))


def _report(path: str) -> Handler:
    def handler(call: Call) -> Reply:
        from koku_core.reports.service import Reports

        reports = Reports(call.koku.services, call.koku.handle, prefix=call.base)
        return _reply(call, reports.answer(path, call.query, call.access, csv=call.csv))

    return handler


def _tags(path: str) -> Handler:
    def handler(call: Call) -> Reply:
        from koku_core.reports.service import Reports

        reports = Reports(call.koku.services, call.koku.handle, prefix=call.base)
        return _reply(call, reports.tags(path, call.args.get("key"), call.query, call.access))

    return handler


def _reply(call: Call, answer: Answer) -> Reply:
    tag = f'"{answer.etag}"'
    return Reply(text=answer.csv(), etag=tag) if call.csv else Reply(answer.body(), etag=tag)
