"""Answers questions: from a path and a query string to an `Answer`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote_plus

from koku_core.access import EVERYTHING, Access
from koku_core.errors import InvalidInput, UnknownName
from koku_core.reports import envelope, inside, organization, reading
from koku_core.reports.access import restrict
from koku_core.reports.answer import Answer
from koku_core.reports.context import Context
from koku_core.reports.explain import explained
from koku_core.reports.flat import Flat
from koku_core.reports.options import query_of
from koku_core.reports.organization import TreeValidation
from koku_core.reports.plan import plan
from koku_core.reports.query import parse
from koku_core.reports.questions import BREAKDOWN, Questions
from koku_core.reports.subject import subject
from koku_core.reports.table import Table
from koku_core.reports.tags import TagQuery, TagValidation, check_tags


class Reports(Questions):
    """The reports of one tenant."""

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
        asked, retained = parse(query), self._services.settings.retain_months
        with self._snapshot(plugin, asked) as state:
            checks = TagValidation(tags, plugin.report_map, state.context, state.today, retained, unquote_plus(query))
            parameters = checks.parameters(asked)
            etag = state.etag(url, query, access, "csv" if csv else "json")
            if settled := state.settled(etag, url, query, known):
                return settled
            check_tags(state.context, parameters, key, key_only=checks.key_only)
            restrictions = restrict(access, tags.keys, parameters.filters)
            asking = TagQuery(plugin.report_map, parameters, restrictions, state.context, key)
            data = asking.data(state.conn, key_only=checks.key_only)
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
        url, asked = f"{self._prefix}organizations/{path.strip('/')}/", parse(query)
        retained = self._services.settings.retain_months
        with self._snapshot(plugin, asked) as state:
            checks = TreeValidation(keys, plugin.report_map, state.context, state.today, retained, unquote_plus(query))
            parameters = checks.parameters(asked)
            etag = state.etag(url, query, access, "json")
            if settled := state.settled(etag, url, query, known):
                return settled
            rows, seen = organization.rows(state.conn, plugin.report_map, parameters, access, key_only=checks.key_only)
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
        asked, url = parse(query), f"{self._prefix}forecasts/{path.strip('/')}/"
        most = self._services.settings.row_limit
        with self._snapshot(plugin, asked) as state:
            checks = ForecastValidation(plugin.report_map, asked_of(report), state.context, state.today, None, "")
            parameters = checks.parameters(asked)
            restrictions = restrict(access, report.keys, ())
            etag = state.etag(url, query, access, "csv" if csv else "json")
            if settled := state.settled(etag, url, query, known):
                return settled
            planned = plan(plugin.report_map, parameters, restrictions)
            table = reading.read(state.conn, planned, state.context, newest_first=False, most=most)
        return answered(foretold(table, state.today), etag, url, query, csv=csv)

    def _answer(
        self, path: str, query: str, access: Access, *, csv: bool, gated: bool, known: Collection[str] = ()
    ) -> Answer:
        plugin, report = self._report(path)
        below = "" if path.startswith(BREAKDOWN) else "reports/"
        asked, url = parse(query), f"{self._prefix}{below}{path.strip('/')}/"
        with ExitStack() as stack:
            state = stack.enter_context(self._snapshot(plugin, asked, report))
            parameters = self._validated(plugin, report, state, asked, query, gated=gated)
            parameters, restrictions = inside.permitted(state.conn, plugin.report_map, parameters, access)
            if csv and parameters.inside and "limit" not in asked:
                parameters = replace(parameters, limit=envelope.USUAL)  # rows, and not what lies in a node
            etag = state.etag(url, query, access, "csv" if csv else "json")
            if settled := state.settled(etag, url, query, known):
                return settled
            planned = plan(plugin.report_map, parameters, restrictions)
            if csv and parameters.limit == 0 and not any(x.shown for x in report.lists):
                streamed = reading.streamed(state.conn, planned, state.context, stack.pop_all())
                return Answer(etag, dict, streamed=streamed)
            most = self._services.settings.row_limit
            table = reading.read(state.conn, planned, state.context, newest_first=csv, most=most)
        return _made(table, state.context, etag, path.strip("/"), url, query, csv=csv)


def _made(table: Table, found: Context, etag: str, path: str, url: str, query: str, *, csv: bool) -> Answer:
    parameters = table.plan.parameters
    flat = Flat(table, found.rates)
    first, size = parameters.offset, envelope.page_size(parameters.limit) if csv and parameters.limit else None

    def rows() -> Iterator[dict[str, Any]]:
        last = None if size is None else first + size
        return (row for n, row in enumerate(flat.rows()) if last is None or first <= n < last)

    about = subject(path, table.plan, flat)
    return Answer(etag, lambda: envelope.of_report(table, url, query), rows, flat.columns, subject=about)
