"""Answers questions: from a path and a query string to an `Answer`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote_plus

import psycopg

from koku_core.access import EVERYTHING, Access
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant
from koku_core.declare.reports import Report
from koku_core.errors import InvalidInput, QueryTooLarge, UnknownName
from koku_core.plugins import ProviderPlugin
from koku_core.reports import context, envelope, inside, organization, reading
from koku_core.reports.access import restrict
from koku_core.reports.answer import Answer
from koku_core.reports.context import Context
from koku_core.reports.explain import explained
from koku_core.reports.flat import Flat
from koku_core.reports.options import query_of
from koku_core.reports.organization import TreeValidation
from koku_core.reports.parameters import Parameters
from koku_core.reports.plan import plan
from koku_core.reports.query import Parsed, parse
from koku_core.reports.subject import subject
from koku_core.reports.table import Table
from koku_core.reports.tags import TagQuery, TagValidation, check_tags
from koku_core.reports.validation import Validation
from koku_core.services import Services

#: Where the API is, for links; whoever mounts it elsewhere says so.
PREFIX = "/api/cost-management/v1/"
#: What the paths of breakdowns begin with.
BREAKDOWN = "breakdown/"


class Reports:
    """The reports of one tenant."""

    def __init__(self, services: Services, tenant: Tenant, *, prefix: str = PREFIX) -> None:
        """Prepare.

        Args:
            services: the parts of the library.
            tenant: whose data; a question about one that does not exist answers empty.
            prefix: what paths in links begin with.
        """
        self._services, self._tenant, self._prefix = services, tenant, prefix

    def answer(
        self, path: str, query: str, access: Access, *, csv: bool = False, known: Collection[str] = ()
    ) -> Answer:
        """Answer a question of the API.

        Args:
            path: the provider's part of the path and the report's name, with a slash between; of a breakdown with `breakdown/` before.
            query: the query string.
            access: of the asker.
            csv: the answer is wanted as CSV: its limit counts rows, and with a limit of 0 it streams from the database.
            known: ETags of answers that the asker has; if it is one of them, nothing is read and the answer is its ETag alone.

        Raises:
            InvalidInput: with the body that clients know in `errors`.
            AccessDenied: it names something that the asker may not see.
            UnknownName: there is no such report.
            QueryTooLarge: it takes too long, or has too many rows.
        """
        return self._answer(path, query, access, csv=csv, gated=True, known=known)

    def answer_for(self, path: str, *, access: Access = EVERYTHING, **options: Any) -> Answer:
        """Answer a question of the library; `koku_core.reports.options` lists the options. Ranges may be of any time.

        Raises:
            TypeError: there is no such option; else as `answer`.
        """
        try:
            return self._answer(path, query_of(options), access, csv=False, gated=False)
        except InvalidInput as error:
            raise explained(self._report(path)[1], path, error) from None

    def tags(
        self, path: str, key: str | None, query: str, access: Access, *, csv: bool = False, known: Collection[str] = ()
    ) -> Answer:
        """Answer a question about tags: all keys with their values, or the values of one key.

        Args:
            path: the provider's part of the path.
            key: the key whose values are wanted, or None.
            query: the query string.
            access: of the asker.
            csv: the answer is wanted as CSV.
            known: as for `answer`.

        Raises:
            UnknownName: there are no such tags, or the key is not enabled; else as `answer`.
        """
        plugin = self._services.plugins.by_path(path.strip("/"))
        tags = plugin.report_map.tags if plugin else None
        if plugin is None or tags is None:
            known = [p.provider.api_path for p in self._services.plugins if p.report_map.tags]
            raise UnknownName("tag report", path, known)
        url = f"{self._prefix}tags/{'/'.join(quote(p, safe='') for p in (path.strip('/'), key) if p is not None)}/"
        asked = parse(query)
        with self._connection() as conn:
            found = self._context(conn, plugin, asked)
            retained = self._services.settings.retain_months
            checks = TagValidation(
                tags, plugin.report_map, found or Context(), self._services.clock.today(), retained, unquote_plus(query)
            )
            parameters = checks.parameters(asked)
            etag = self._etag(found, url, query, access, "csv" if csv else "json")
            if found is None:
                return _nothing(url, query, etag)
            if etag in known:
                return Answer(etag, dict)
            check_tags(found, parameters, key, key_only=checks.key_only)
            restrictions = restrict(access, tags.keys, parameters.filters)
            asking = TagQuery(plugin.report_map, parameters, restrictions, found, key)
            data = asking.data(conn, key_only=checks.key_only)
        seen = {k.name: list(v) for k, v in restrictions.items()}
        body = envelope.of_tags(data, parameters, {"key_only": checks.key_only, "access": seen}, url, query)
        return Answer(etag, lambda: body, lambda: body["data"])

    def organization(self, path: str, query: str, access: Access, *, known: Collection[str] = ()) -> Answer:
        """Answer a question about the tree that what is billed lies in; arguments and errors as of `answer`.

        Args:
            path: the provider's part of the path.
            query: the query string.
            access: of the asker.
            known: as for `answer`.
        """
        plugin = self._services.plugins.by_path(path.strip("/"))
        if plugin is None or plugin.report_map.tree is None:
            raise UnknownName("tree", path, [p.provider.api_path for p in self._services.plugins if p.report_map.tree])
        _, keys = organization.asked_of(plugin.report_map)
        url, asked, settings = f"{self._prefix}organizations/{path.strip('/')}/", parse(query), self._services.settings
        with self._connection() as conn:
            found, today = self._context(conn, plugin, asked), self._services.clock.today()
            checks = TreeValidation(
                keys, plugin.report_map, found or Context(), today, settings.retain_months, unquote_plus(query)
            )
            parameters = checks.parameters(asked)
            etag = self._etag(found, url, query, access, "json")
            if found is None:
                return _nothing(url, query, etag)
            if etag in known:
                return Answer(etag, dict)
            rows, seen = organization.rows(conn, plugin.report_map, parameters, access, key_only=checks.key_only)
        body = envelope.of_tags(rows, parameters, {"key_only": checks.key_only, "access": seen}, url, query)
        return Answer(etag, lambda: body, lambda: body["data"])

    def forecast(
        self, path: str, query: str, access: Access, *, csv: bool = False, known: Collection[str] = ()
    ) -> Answer:
        """Foretell the costs of a report until the month ends; arguments and errors as of `answer`.

        Raises:
            UnknownName: there is no such report, or nothing of it is foretold.
            ModuleNotFoundError: the extra `forecast` is not installed.
        """
        from koku_core.forecasts.answer import answered, foretold
        from koku_core.forecasts.question import ForecastValidation, asked_of

        plugin, report = self._report(path, foretold=True)
        asked, url, today = parse(query), f"{self._prefix}forecasts/{path.strip('/')}/", self._services.clock.today()
        with self._connection() as conn:
            found = self._context(conn, plugin, asked)
            checks = ForecastValidation(plugin.report_map, asked_of(report), found or Context(), today, None, "")
            parameters = checks.parameters(asked)
            restrictions = restrict(access, report.keys, ())
            etag = self._etag(found, url, query, access, "csv" if csv else "json")
            if found is None:
                return _nothing(url, query, etag)
            if etag in known:
                return Answer(etag, dict)
            planned = plan(plugin.report_map, parameters, restrictions)
            table = reading.read(conn, planned, found, newest_first=False, most=self._services.settings.row_limit)
        return answered(foretold(table, today), etag, url, query, csv=csv)

    def _answer(
        self, path: str, query: str, access: Access, *, csv: bool, gated: bool, known: Collection[str] = ()
    ) -> Answer:
        plugin, report = self._report(path)
        below = "" if path.startswith(BREAKDOWN) else "reports/"
        asked, url = parse(query), f"{self._prefix}{below}{path.strip('/')}/"
        with ExitStack() as stack:
            conn = stack.enter_context(self._connection())
            found = self._context(conn, plugin, asked, report)
            parameters = self._validated(plugin, report, found or Context(), asked, query, gated=gated)
            parameters, restrictions = inside.permitted(conn, plugin.report_map, parameters, access)
            if csv and parameters.inside and "limit" not in asked:
                parameters = replace(parameters, limit=envelope.USUAL)  # rows, and not what lies in a node
            etag = self._etag(found, url, query, access, "csv" if csv else "json")
            if found is None:
                return _nothing(url, query, etag)
            if etag in known:
                return Answer(etag, dict)
            planned = plan(plugin.report_map, parameters, restrictions)
            if csv and parameters.limit == 0 and not any(x.shown for x in report.lists):
                return Answer(etag, dict, streamed=reading.streamed(conn, planned, found, stack.pop_all()))
            most = self._services.settings.row_limit
            table = reading.read(conn, planned, found, newest_first=csv, most=most)
        return _made(table, found, etag, path.strip("/"), url, query, csv=csv)

    def _report(self, path: str, *, foretold: bool = False) -> tuple[ProviderPlugin, Report]:
        """The report of a path; with `foretold` one that has forecasts."""
        breakdown, asked = path.startswith(BREAKDOWN), path.removeprefix(BREAKDOWN)
        provider, _, name = asked.strip("/").partition("/")
        plugin = self._services.plugins.by_path(provider)
        report = plugin.report_map.report(name, breakdown=breakdown) if plugin else None
        if plugin is None or report is None or (foretold and not report.forecast):
            known = [
                f"{BREAKDOWN if breakdown else ''}{p.provider.api_path}/{r.name}"
                for p in self._services.plugins
                for r in (p.report_map.breakdowns if breakdown else p.report_map.reports)
                if r.forecast or not foretold
            ]
            raise UnknownName("forecast" if foretold else "report", path.strip("/"), known)
        return plugin, report

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A transaction that sees one state of the data; a statement that is cut off tells so."""
        try:
            with self._tenant.connection() as conn, conn.transaction():
                conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield conn
        except psycopg.errors.QueryCanceled as error:
            limit = f"{self._services.settings.statement_timeout_s:g} s"
            raise QueryTooLarge("it takes too long", limit) from error

    def _context(
        self, conn: Connection, plugin: ProviderPlugin, asked: Parsed, report: Report | None = None
    ) -> Context | None:
        """The tenant's state, for a report; None: there is no such tenant."""
        currency = asked.get("currency")
        wanted = currency.upper() if isinstance(currency, str) else None
        timeout_s = self._services.settings.statement_timeout_s
        try:
            fact = (report and report.fact) or plugin.report_map.fact
            return context.read(conn, plugin.report_map, fact, plugin.provider.family, wanted, timeout_s)
        except psycopg.errors.UndefinedTable:
            return None

    def _validated(
        self, plugin: ProviderPlugin, report: Report, found: Context, asked: Parsed, query: str, *, gated: bool
    ) -> Parameters:
        retained = self._services.settings.retain_months if gated else None
        today = self._services.clock.today()
        text = unquote_plus(query.lstrip("?"))
        return Validation(plugin.report_map, report, found, today, retained, text).parameters(asked)

    def _etag(self, found: Context | None, *parts: Any) -> str:
        """What an answer depends on, as one text."""
        keys = [p.key() if isinstance(p, Access) else str(p) for p in parts]
        known = (found.versions if found else "", self._services.clock.today(), self._tenant.name, *keys)
        return hashlib.sha256("\x1f".join(map(str, known)).encode()).hexdigest()[:32]


def _nothing(url: str, query: str, etag: str) -> Answer:
    return Answer(etag, lambda: envelope.of_nothing(url, query))


def _made(table: Table, found: Context, etag: str, path: str, url: str, query: str, *, csv: bool) -> Answer:
    parameters = table.plan.parameters
    flat = Flat(table, found.rates)
    first, size = parameters.offset, envelope.page_size(parameters.limit) if csv and parameters.limit else None

    def rows() -> Iterator[dict[str, Any]]:
        last = None if size is None else first + size
        return (row for n, row in enumerate(flat.rows()) if last is None or first <= n < last)

    about = subject(path, table.plan, flat)
    return Answer(etag, lambda: envelope.of_report(table, url, query), rows, flat.columns, subject=about)
