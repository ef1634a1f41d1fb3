"""Reports and tags: routes follow the report maps of the loaded plugins."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from koku_core.api.endpoint import Call, Handler, Reply, Resource
from koku_core.api.permissions import reads
from koku_core.forecasts.question import asked_of
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.reports.openapi import forecast_operation, report_operation, tag_operation

if TYPE_CHECKING:
    from koku_core.reports.answer import Answer


def resources(plugins: Plugins) -> Iterator[Resource]:
    """The resources of every loaded plugin that declares reports."""
    for plugin in plugins:
        if plugin.has("koku_report_map"):
            yield from _of(plugin)


def _of(plugin: ProviderPlugin) -> Iterator[Resource]:
    provider, reports, allowed = plugin.provider, plugin.report_map, reads(plugin.provider)
    for report in reports.reports:
        path, described = f"{provider.api_path}/{report.name}", report_operation(reports, report)
        yield Resource(f"reports/{path}/", {"GET": _report(path)}, report.doc, allowed, bare=True, described=described)
    for report in reports.breakdowns:
        path, described = f"breakdown/{provider.api_path}/{report.name}", report_operation(reports, report)
        yield Resource(f"{path}/", {"GET": _report(path)}, report.doc, allowed, bare=True, described=described)
    for report in reports.reports if find_spec("statsmodels") else ():
        if report.forecast:
            path = f"{provider.api_path}/{report.name}"
            yield Resource(
                f"forecasts/{path}/", {"GET": _forecast(path)}, f"How it goes on until the month ends: {report.doc}",
                allowed, bare=True, described=forecast_operation(asked_of(report)),
            )  # fmt: skip
    if reports.tags:
        handlers = {"GET": _tags(provider.api_path)}
        for path, doc, one in (
            ("", "Tag keys of {}, with their values.", False),
            ("{key}/", "Values of one tag key of {}.", True),
        ):
            yield Resource(
                f"tags/{provider.api_path}/{path}", handlers, doc.format(provider.label), allowed, bare=True,
                described=tag_operation(reports.tags, one=one),
            )  # fmt: skip


def _report(path: str) -> Handler:
    def handler(call: Call) -> Reply:
        from koku_core.reports.service import Reports

        reports = Reports(call.koku.services, call.koku.handle, prefix=call.base)
        return _reply(call, reports.answer(path, call.query, call.access, csv=call.csv, known=call.known))

    return handler


def _forecast(path: str) -> Handler:
    def handler(call: Call) -> Reply:
        from koku_core.reports.service import Reports

        reports = Reports(call.koku.services, call.koku.handle, prefix=call.base)
        return _reply(call, reports.forecast(path, call.query, call.access, csv=call.csv, known=call.known))

    return handler


def _tags(path: str) -> Handler:
    def handler(call: Call) -> Reply:
        from koku_core.reports.service import Reports

        reports = Reports(call.koku.services, call.koku.handle, prefix=call.base)
        return _reply(
            call, reports.tags(path, call.args.get("key"), call.query, call.access, csv=call.csv, known=call.known)
        )

    return handler


def _reply(call: Call, answer: Answer) -> Reply:
    tag = f'"{answer.etag}"'
    return Reply(text=answer.csv(), etag=tag) if call.csv else Reply(answer.body(), etag=tag)
