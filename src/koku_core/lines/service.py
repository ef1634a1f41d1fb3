"""Answers line-item questions: from a report's path and question to the line items behind its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from koku_core.access import Access
from koku_core.database.server import Connection
from koku_core.declare.lines import LineItems
from koku_core.errors import InvalidInput, QueryTooLarge, UnknownName
from koku_core.lines.answer import Lines
from koku_core.lines.matching import Matching, Scope
from koku_core.lines.question import Question, question
from koku_core.plugins import ProviderPlugin
from koku_core.reports import inside
from koku_core.reports.context import Context
from koku_core.reports.explain import explained
from koku_core.reports.options import query_of
from koku_core.reports.plan import plan
from koku_core.reports.query import Parsed, parse
from koku_core.reports.service import Reports
from koku_core.sources.registry import SourceRegistry

if TYPE_CHECKING:
    from koku_core.lines.answer import Part

ROW = "row"


class LineItemReports(Reports):
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

        def prepared(conn: Connection) -> tuple[Context | None, Question]:
            found = self._context(conn, plugin, dict(asked), report)
            parameters = self._validated(plugin, report, found or Context(), dict(asked), query, gated=gated)
            parameters, restrictions = inside.permitted(conn, plugin.report_map, parameters, access)
            planned = plan(plugin.report_map, parameters, restrictions)
            return found, question(planned, found or Context(), row, strict=gated)

        with self._snapshot() as conn:
            found, checked = prepared(conn)
        etag = self._etag(found, self._url(path), query, row, access, "lines")
        parts = self._parts(plugin, prepared) if found and found.has_data else lambda: iter(())
        return Lines(etag, self._url(path), query, checked.plan.parameters, _declared(plugin, checked), parts)

    def _url(self, path: str) -> str:
        return f"{self._prefix}line-items/{path.strip('/')}/"

    def _parts(
        self, plugin: ProviderPlugin, prepared: Callable[[Connection], tuple[Context | None, Question]]
    ) -> Callable[[], Iterator[Part]]:
        """Gives the chunks of the lake that hold line items, each with those that are chosen; in one state of the tenant's tables."""
        sources = {s.uuid: s for s in SourceRegistry(self._services, self._tenant)}
        lake, tenant = self._services.lake, self._tenant.name

        def parts() -> Iterator[Part]:
            with self._snapshot() as conn:
                scope = Scope(conn, plugin, lake, tenant, prepared(conn)[1])
                partitions = _partitions(conn, scope.asked)
                for declared in _declared(plugin, scope.asked):
                    for source, days in ((sources[u], days) for u, days in partitions.items() if u in sources):
                        matching = Matching(scope, declared, source)
                        for chunk in lake.scan(tenant, declared.dataset, source.uuid, days):
                            yield chunk, matching.chosen(chunk)

        return parts

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """A transaction that sees one state of the tenant's tables, and may make temporary ones."""
        try:
            with self._tenant.connection() as conn, conn.transaction():
                conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield conn
        except psycopg.errors.QueryCanceled as error:
            limit = f"{self._services.settings.statement_timeout_s:g} s"
            raise QueryTooLarge("it takes too long", limit) from error


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
