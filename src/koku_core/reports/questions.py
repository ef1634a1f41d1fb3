"""What all questions begin with: the report of a path, and the one state of a tenant's data in which they are answered."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import unquote_plus

import psycopg

from koku_core.access import Access
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant
from koku_core.declare.reports import Report
from koku_core.errors import QueryTooLarge, UnknownName
from koku_core.plugins import ProviderPlugin
from koku_core.reports import context, envelope
from koku_core.reports.answer import Answer
from koku_core.reports.context import Context
from koku_core.reports.parameters import Parameters
from koku_core.reports.query import Parsed
from koku_core.reports.validation import Validation
from koku_core.services import Services

#: Where the API is, for links; whoever mounts it elsewhere says so.
PREFIX = "/api/cost-management/v1/"
#: What the paths of breakdowns begin with.
BREAKDOWN = "breakdown/"
_STATE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a tenant's data, in which one question is answered.

    Attributes:
        conn: in the transaction that sees it.
        tenant: whose data.
        today: the business day.
        found: what the question depends on besides the data; None: there is no such tenant.
    """

    conn: Connection
    tenant: str
    today: date
    found: Context | None

    @property
    def context(self) -> Context:
        """What the question depends on; of a tenant that is not there as of one without anything."""
        return self.found or Context()

    def etag(self, *parts: Any) -> str:
        """What an answer depends on, as one text."""
        keys = [p.key() if isinstance(p, Access) else str(p) for p in parts]
        known = (self.found.versions if self.found else "", self.today, self.tenant, *keys)
        return hashlib.sha256("\x1f".join(map(str, known)).encode()).hexdigest()[:32]

    def settled(self, etag: str, url: str, query: str, known: Collection[str]) -> Answer | None:
        """The answer where no data need be read for it: there is no such tenant, or the asker knows the answer."""
        if self.found is None:
            return Answer(etag, lambda: envelope.of_nothing(url, query))
        return Answer(etag, dict) if etag in known else None


class Questions:
    """Asks about the data of one tenant."""

    def __init__(self, services: Services, tenant: Tenant, *, prefix: str = PREFIX) -> None:
        """Prepare.

        Args:
            services: the parts of the library.
            tenant: whose data; a question about one that does not exist answers empty.
            prefix: what paths in links begin with.
        """
        self._services, self._tenant, self._prefix = services, tenant, prefix

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
    def _snapshot(
        self, plugin: ProviderPlugin, asked: Parsed, report: Report | None = None, *, scratch: bool = False
    ) -> Iterator[Snapshot]:
        """One state of the data, while the block runs.

        Args:
            plugin: whose data are asked about.
            asked: the question.
            report: that is asked; None: the question is about the provider's daily summary.
            scratch: whether temporary tables may be made.

        Raises:
            QueryTooLarge: a statement was cut off.
        """
        try:
            with self._tenant.connection() as conn, conn.transaction():
                conn.execute(_STATE if scratch else _READ_ONLY)
                found = self._context(conn, plugin, asked, report)
                yield Snapshot(conn, self._tenant.name, self._services.clock.today(), found)
        except psycopg.errors.QueryCanceled as error:
            limit = f"{self._services.settings.statement_timeout_s:g} s"
            raise QueryTooLarge("it takes too long", limit) from error

    def _context(
        self, conn: Connection, plugin: ProviderPlugin, asked: Parsed, report: Report | None
    ) -> Context | None:
        currency = asked.get("currency")
        wanted = currency.upper() if isinstance(currency, str) else None
        fact = (report and report.fact) or plugin.report_map.fact
        timeout_s = self._services.settings.statement_timeout_s
        try:
            return context.read(conn, plugin.report_map, fact, plugin.provider.family, wanted, timeout_s)
        except psycopg.errors.UndefinedTable:
            return None

    def _validated(
        self, plugin: ProviderPlugin, report: Report, state: Snapshot, asked: Parsed, query: str, *, gated: bool
    ) -> Parameters:
        """The question, once it was checked; `gated`: not about months that are older than what is kept."""
        retained = self._services.settings.retain_months if gated else None
        text = unquote_plus(query.lstrip("?"))
        return Validation(plugin.report_map, report, state.context, state.today, retained, text).parameters(asked)
