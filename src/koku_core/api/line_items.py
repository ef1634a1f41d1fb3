"""Line items behind the figures of reports: a resource beside each report of a provider that tells them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from koku_core.api.endpoint import CSV, JSON, NDJSON, Call, Handler, Reply, Resource
from koku_core.api.permissions import reads
from koku_core.plugins import Plugins
from koku_core.reports.openapi import line_operation


def resources(plugins: Plugins) -> Iterator[Resource]:
    """The resources of every loaded plugin whose report map names the datasets behind its reports."""
    for plugin in plugins:
        provider = plugin.provider
        for report in plugin.report_map.reports if plugin.has("koku_report_map") and plugin.report_map.lines else ():
            path = f"{provider.api_path}/{report.name}"
            yield Resource(
                f"line-items/{path}/", {"GET": _lines(path)}, f"The line items behind it: {report.doc}",
                reads(provider), bare=True, described=line_operation(plugin.report_map, report), ndjson=True,
            )  # fmt: skip


def _lines(path: str) -> Handler:
    def handler(call: Call) -> Reply:
        from koku_core.lines.service import LineItemReports

        lines = LineItemReports(call.koku.services, call.koku.handle, prefix=call.base).lines(
            path, call.query, call.access
        )
        kind = NDJSON if call.ndjson else CSV if call.csv else JSON
        tag = f'"{lines.etag}-{kind.rpartition("/")[2]}"'
        if tag.strip('"') in call.known:
            return Reply({}, etag=tag)
        if kind == JSON:
            return Reply(lines.body(), etag=tag)
        asked = lines.parameters
        page = (asked.limit if "limit" in dict(call.params) and asked.limit > 0 else None, asked.offset)
        pieces, media_type = (lines.ndjson(*page), NDJSON) if call.ndjson else (lines.csv(*page), CSV)
        text = chain([next(pieces, "")], pieces)  # begun, so that errors are answered as such
        return Reply(text=text, etag=tag, media_type=media_type)

    return handler
