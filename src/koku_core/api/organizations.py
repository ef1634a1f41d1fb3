"""`organizations/`: the trees that what is billed lies in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from koku_core.access import Access
from koku_core.api.endpoint import SAFE, Call, Reply, Resource
from koku_core.declare.reports import Key
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.reports.openapi import tag_operation


def resources(plugins: Plugins) -> Iterator[Resource]:
    """A tree for each loaded plugin that declares one."""
    for plugin in plugins:
        reports, path = plugin.report_map, plugin.provider.api_path
        key = tree_key(plugin)
        if reports.tree and reports.tags and key:
            yield Resource(
                f"organizations/{path}/", {"GET": partial(_answer, path)}, f"What the accounts of {plugin.provider.label} lie in.",
                partial(_allowed, key), bare=True, described=tag_operation(reports.tags, one=False),
            )  # fmt: skip


def tree_key(plugin: ProviderPlugin) -> Key | None:
    """The key whose values are nodes of the plugin's tree."""
    reports = plugin.report_map
    return next((k for r in reports.reports for k in r.keys if reports.tree and k.name == reports.tree.key), None)


def _allowed(key: Key, access: Access, method: str, args: Any) -> bool:
    """Whoever may see some nodes may see them here."""
    del args
    return access.admin or (method in SAFE and bool(access.values(key.access)))


def _answer(path: str, call: Call) -> Reply:
    from koku_core.reports.service import Reports

    answer = Reports(call.koku.services, call.koku.handle, prefix=call.base).organization(
        path, call.query, call.access, known=call.known
    )
    return Reply(answer.body(), etag=f'"{answer.etag}"')
