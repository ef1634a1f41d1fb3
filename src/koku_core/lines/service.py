"""Answers line-item questions: from a report's path and question to the line items behind its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from psycopg import sql

from koku_core.access import Access
from koku_core.database.server import Connection
from koku_core.declare.lines import LineItems
from koku_core.errors import InvalidInput, UnknownName
from koku_core.lines.answer import Lines
from koku_core.lines.matching import Matching, Scope
from koku_core.lines.question import Question, question
from koku_core.plugins import ProviderPlugin
from koku_core.reports import inside
from koku_core.reports.explain import explained
from koku_core.reports.options import query_of
from koku_core.reports.plan import plan
from koku_core.reports.query import Parsed, parse
from koku_core.reports.questions import Questions, Snapshot
from koku_core.sources.registry import SourceRegistry

if TYPE_CHECKING:
    from koku_core.lines.answer import Part

ROW = "row"


class LineItemReports(Questions):
    """The line items behind the reports of one tenant."""

    def lines(self, path: str, query: str, access: Access) -> Lines:
        """Answer a question of the API: the report's query string, and `row[…]` for one of its rows.

        Args:
            path: the provider's part of the path and the report's name, with a slash between.
            query: the query string.
            access: of the asker; it is required of each line item.

        Raises:
            InvalidInput: with the body that clients know in `errors`.
            AccessDenied: it names something that the asker may not see.
            UnknownName: there is no such report, or its provider does not tell its line items.
        """
        asked = parse(query)
        row = asked.pop(ROW, {})
        if not isinstance(row, dict):
            raise InvalidInput({ROW: {"non_field_errors": ["Write row[NAME]=VALUE."]}})
        return self._lines(path, asked, query, row, access, gated=True)

    def lines_for(self, path: str, access: Access, row: Mapping[str, Any] | None = None, **options: Any) -> Lines:
        """Answer a question of the library: the report's options, and a row of its answer. Ranges may be of any time.

        Raises:
            TypeError: there is no such option; else as `lines`.
        """
        query = query_of(options)
        try:
            return self._lines(path, parse(query), query, row or {}, access, gated=False)
        except InvalidInput as error:
            raise explained(self._report(path)[1], path, error) from None

    def _lines(
        self, path: str, asked: Parsed, query: str, row: Mapping[str, Any], access: Access, *, gated: bool
    ) -> Lines:
        plugin, report = self._report(path)
        if not plugin.report_map.lines:
            known = [f"{p.provider.api_path}/…" for p in self._services.plugins if p.report_map.lines]
            raise UnknownName("report with line items", path.strip("/"), known)

        @contextmanager
        def opened() -> Iterator[tuple[Snapshot, Question]]:
            with self._snapshot(plugin, asked, report, scratch=True) as state:
                parameters = self._validated(plugin, report, state, dict(asked), query, gated=gated)
                parameters, restrictions = inside.permitted(state.conn, plugin.report_map, parameters, access)
                planned = plan(plugin.report_map, parameters, restrictions)
                yield state, question(planned, state.context, row, strict=gated)

        url = f"{self._prefix}line-items/{path.strip('/')}/"
        with opened() as (state, checked):
            etag = state.etag(url, query, row, access, "lines")
        parts = self._parts(plugin, opened) if state.context.has_data else lambda: iter(())
        return Lines(etag, url, query, checked.plan.parameters, _declared(plugin, checked), parts)

    def _parts(
        self, plugin: ProviderPlugin, opened: Callable[[], AbstractContextManager[tuple[Snapshot, Question]]]
    ) -> Callable[[], Iterator[Part]]:
        """Gives the chunks of the lake that hold line items, each with those that are chosen; in one state of the tenant's tables."""
        sources = {s.uuid: s for s in SourceRegistry(self._services, self._tenant)}
        lake, tenant = self._services.lake, self._tenant.name

        def parts() -> Iterator[Part]:
            with opened() as (state, checked):
                scope = Scope(state.conn, plugin, lake, tenant, checked)
                partitions = _partitions(state.conn, checked)
                for declared in _declared(plugin, checked):
                    for source, days in ((sources[u], days) for u, days in partitions.items() if u in sources):
                        matching = Matching(scope, declared, source)
                        for chunk in lake.scan(tenant, declared.dataset, source.uuid, days):
                            yield chunk, matching.chosen(chunk)

        return parts


def _declared(plugin: ProviderPlugin, asked: Question) -> tuple[LineItems, ...]:
    """The datasets whose line items are behind the question's fact."""
    own = plugin.report_map.fact
    return tuple(d for d in plugin.report_map.lines if (d.fact or own) == asked.plan.fact)


def _partitions(conn: Connection, asked: Question) -> dict[str, list[date]]:
    """The days of sources that have rows of the question: nothing else of the lake need be read."""
    where, values = asked.conditions()
    text = sql.SQL("SELECT DISTINCT source_uuid::text, usage_start FROM {} AS fact WHERE {} ORDER BY 1, 2")
    found: dict[str, list[date]] = {}
    for source, day in conn.execute(text.format(sql.Identifier(asked.plan.fact.name), where), values, prepare=False):
        found.setdefault(source, []).append(day)
    return found
