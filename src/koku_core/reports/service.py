"""Answers questions: from a path and a query string to an `Answer`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote_plus

import psycopg

from koku_core.access import EVERYTHING, Access
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant
from koku_core.declare.reports import Report
from koku_core.errors import InvalidInput, QueryTooLarge, UnknownName
from koku_core.plugins import ProviderPlugin
from koku_core.reports import capacity, context
from koku_core.reports.access import restrict
from koku_core.reports.answer import Answer
from koku_core.reports.context import Context
from koku_core.reports.conversion import no_rate
from koku_core.reports.flat import Flat
from koku_core.reports.links import links
from koku_core.reports.options import query_of
from koku_core.reports.pack import Packer, meta
from koku_core.reports.parameters import Parameters
from koku_core.reports.plan import Plan, plan
from koku_core.reports.query import Parsed, parse
from koku_core.reports.ranking import Ranking
from koku_core.reports.sql import Statement
from koku_core.reports.table import Table
from koku_core.reports.tags import TagQuery, TagValidation
from koku_core.reports.validation import Validation
from koku_core.services import Services

#: Where the API is, for links; whoever mounts it elsewhere says so.
PREFIX = "/api/cost-management/v1/"
_MOST_BUCKETS = 1000


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

    def answer(self, path: str, query: str, access: Access, *, csv: bool = False) -> Answer:
        """Answer a question of the API.

        Args:
            path: `openshift/costs`.
            query: the query string.
            access: of the asker.
            csv: the answer is wanted as CSV: its limit counts rows.

        Raises:
            InvalidInput: with the body that clients know in `errors`.
            AccessDenied: it names something that the asker may not see.
            UnknownName: there is no such report.
            QueryTooLarge: it takes too long, or has too many rows.
        """
        return self._answer(path, query, access, csv=csv, gated=True)

    def answer_for(self, path: str, *, access: Access = EVERYTHING, **options: Any) -> Answer:
        """Answer a question of the library; `koku_core.reports.options` lists the options.

        Raises:
            As `answer`; and TypeError for an option that there is not.
        """
        return self._answer(path, query_of(options), access, csv=False, gated=False)

    def tags(self, path: str, key: str | None, query: str, access: Access, *, csv: bool = False) -> Answer:
        """Answer a question about tags: all keys with their values, or the values of one key.

        Args:
            path: the provider's part of the path, `openshift`.
            key: the key whose values are wanted, or None.
            query: the query string.
            access: of the asker.
            csv: the answer is wanted as CSV.

        Raises:
            As `answer`; UnknownName also for a key that is not enabled.
        """
        plugin = self._services.plugins.by_path(path.strip("/"))
        tags = plugin.report_map.tags if plugin else None
        if plugin is None or tags is None:
            raise UnknownName("tag report", path, [p.provider.api_path for p in self._services.plugins if p.report_map.tags])
        parts = [path.strip("/"), *([quote(key, safe="")] if key is not None else [])]
        url = f"{self._prefix}tags/{'/'.join(parts)}/"
        asked = parse(query)
        with self._connection() as conn:
            found = self._context(conn, plugin, asked)
            known, settings = found or Context(), self._services.settings
            checks = TagValidation(
                tags, plugin.report_map, known, self._services.clock.today(), settings.retain_months, unquote_plus(query)
            )
            parameters = checks.parameters(asked)
            etag = self._etag(found, url, query, access, "csv" if csv else "json")
            if found is None:
                return empty(url, query, etag)
            _check_tags(found, parameters, key, key_only=checks.key_only)
            restrictions = restrict(access, tags.keys, parameters.filters)
            asking = TagQuery(plugin.report_map, parameters, restrictions, found, key)
            data: list[Any] = asking.values(conn) if key is not None else asking.rows(conn)
        if checks.key_only:
            data = list(dict.fromkeys(row["key"] for row in data))
        seen = {k.name: list(v) for k, v in restrictions.items()}
        return _tag_answer(etag, url, query, data, parameters, {"key_only": checks.key_only, "access": seen})

    def _answer(self, path: str, query: str, access: Access, *, csv: bool, gated: bool) -> Answer:
        plugin, report = self._report(path)
        asked = parse(query)
        with self._connection() as conn:
            found = self._context(conn, plugin, asked)
            parameters = self._validated(plugin, report, found or Context(), asked, query, gated=gated)
            restrictions = restrict(access, report.keys, parameters.filters)
            etag = self._etag(found, path, query, access, "csv" if csv else "json")
            if found is None:
                return empty(self._url(path), query, etag)
            planned = plan(plugin.report_map, parameters, restrictions)
            table = self._read(conn, planned, found, csv=csv)
        return self._made(table, found, etag, self._url(path), query, csv=csv)

    def _report(self, path: str) -> tuple[ProviderPlugin, Report]:
        provider, _, name = path.strip("/").partition("/")
        plugin = self._services.plugins.by_path(provider)
        report = plugin.report_map.report(name) if plugin else None
        if plugin is None or report is None:
            known = [f"{p.provider.api_path}/{r.name}" for p in self._services.plugins for r in p.report_map.reports]
            raise UnknownName("report", path.strip("/"), known)
        return plugin, report

    def _url(self, path: str) -> str:
        return f"{self._prefix}reports/{path.strip('/')}/"

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

    def _context(self, conn: Connection, plugin: ProviderPlugin, asked: Parsed) -> Context | None:
        """The tenant's state; None: there is no such tenant."""
        currency = asked.get("currency")
        wanted = currency.upper() if isinstance(currency, str) else None
        try:
            timeout_s = self._services.settings.statement_timeout_s
            return context.read(conn, plugin.report_map, plugin.provider.family, wanted, timeout_s)
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
        known = (found.versions if found else "", self._services.clock.today(), self._tenant.name, self._prefix, *keys)
        return hashlib.sha256("\x1f".join(map(str, known)).encode()).hexdigest()[:32]

    def _read(self, conn: Connection, planned: Plan, found: Context, *, csv: bool) -> Table:
        parameters, limit = planned.parameters, self._services.settings.row_limit
        statement = Statement(planned, found)
        ranking = Ranking(statement, newest_first=csv, limit=limit + 2)
        text, columns = ranking.text(), ranking.columns()
        rows = conn.execute(text, statement.values.all).fetchall()
        if len(rows) > limit + 1:
            raise QueryTooLarge("it has too many rows", str(limit))
        missing = rows[0][columns.index("missing_rates")]
        if missing:
            raise no_rate(missing, parameters.currency, parameters.period)
        capacities = None
        if planned.report.capacity:
            of_capacity = Statement(planned, found)
            text = capacity.statement(of_capacity, planned.report.capacity)
            capacities = capacity.read(conn.execute(text, of_capacity.values.all))
        return Table(planned, columns, rows[0], rows[1:], capacities)

    def _made(self, table: Table, found: Context, etag: str, url: str, query: str, *, csv: bool) -> Answer:
        parameters = table.plan.parameters
        flat = Flat(table, {base: rate for (base, _), rate in sorted(found.rates.items())})

        def rows() -> Iterator[Mapping[str, Any]]:
            if not csv:
                return flat.rows()
            last = parameters.offset + (parameters.limit if parameters.limit > 0 else len(table.rows))
            return (row for n, row in enumerate(flat.rows()) if parameters.offset <= n < last)

        units = {name: _unit(table, name) for name in flat.columns}
        return Answer(etag, lambda: body(table, url, query), rows, {n: u for n, u in units.items() if u})


def _unit(table: Table, name: str) -> str:
    figure = next((f for f in table.plan.figures if f.name == name), None)
    if figure is None:
        capacity_ = table.plan.report.capacity
        return capacity_.unit if capacity_ and name in ("capacity", "capacity_unused", "request_unused") else ""
    return table.plan.parameters.currency if figure.unit == "currency" else figure.unit


def body(table: Table, url: str, query: str) -> dict[str, Any]:
    """The wire form of an answer."""
    parameters = table.plan.parameters
    packer = Packer(table)
    buckets = parameters.period.buckets()
    flags = {f.name: table.total[table.at(f.name)] for f in table.plan.report.flags if parameters.grouped_by(f.key)}
    groups = table.total[1]
    more: dict[str, Any] = {"count": len(buckets), **flags, "total": packer.total()}
    if parameters.ranked and table.rows:
        more["others"] = max(groups - (parameters.group_limit or 0), 0)
    if parameters.delta:
        total = {n: table.total[table.at(f"delta_{n}")] for n in ("value", "percent")}
        more["delta"] = {n: None if v is None else float(v) for n, v in total.items()}
    if parameters.group_offset is not None:
        limit, offset = parameters.group_limit or 5, parameters.group_offset
        more |= {"count": groups, "limit": limit, "offset": offset}
        linked = links(url, query, limit, offset, groups, ("filter[limit]", "filter[offset]"))
    else:
        limit, offset = _page_size(parameters.limit), parameters.offset
        linked = links(url, query, limit, offset, len(buckets))
        buckets = buckets[offset : offset + limit if limit else None]
    return {"meta": meta(parameters.echo, **more), "links": linked, "data": packer.data(table, buckets)}


def _page_size(limit: int) -> int:
    """How many buckets a page has: a limit of 0 is all, one below that the default."""
    return 100 if limit < 0 else min(limit, _MOST_BUCKETS)


def _check_tags(found: Context, parameters: Parameters, key: str | None, *, key_only: bool) -> None:
    """What only makes sense with a key, or only without one."""
    filters = parameters.echo["filter"]
    if key is not None and key not in found.tags | set(found.children):
        raise UnknownName("tag key", key, found.tags)
    wrong = "key_only" if key is not None and key_only else "value" if key is None and "value" in filters else ""
    if wrong:
        detail = f"Invalid query parameter '{wrong}'."
        raise InvalidInput({"errors": [{"detail": detail, "source": "details", "status": 400}]}, message=detail)


def _tag_answer(
    etag: str, url: str, query: str, data: list[Any], parameters: Parameters, more: Mapping[str, Any]
) -> Answer:
    limit, offset, count = min(parameters.limit, _MOST_BUCKETS), parameters.offset, len(data)
    page = data[offset : offset + limit]
    made = {
        "meta": meta(parameters.echo, count=count, **more),
        "links": links(url, query, limit, offset, count),
        "data": page,
    }
    return Answer(etag, lambda: made, lambda: page)


def empty(url: str, query: str, etag: str) -> Answer:
    """The answer about a tenant that does not exist."""
    return Answer(etag, lambda: {"meta": {"count": 0}, "links": links(url, query, 0, 0, 0), "data": []})
