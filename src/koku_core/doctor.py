"""`koku doctor`: what is wrong with a tenant's data, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg import sql

from koku_core.database.migrate import pending
from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Check, Metric, Summary
from koku_core.errors import KokuError
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.sources.registry import SourceRegistry
from koku_core.sql import Table, templates
from koku_core.summarize.tables import tables_of, tag_table

#: A source that is quiet for longer is worth a word.
QUIET_DAYS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        severity: `error` if figures are wrong or missing, `warning` if somebody should know.
        what: the fact, in a sentence.
        where: the source, report, job, cost model or plugin.
        do: how to mend it.
    """

    severity: str
    what: str
    where: str
    do: str


def doctor(services: Services, tenant: Tenant) -> list[Finding]:
    """Look at plugins, tables, reports, jobs, prices, figures and the lake of one tenant; errors come first."""
    found = [*_plugins(services), *_migrations(services)]
    if tenant.exists():
        with tenant.connection() as conn:
            found += [*_reports(conn), *_jobs(services, tenant), *_prices(conn, services), *_unpriced(conn, services)]
            for source in SourceRegistry(services, tenant):
                found += _source(conn, services, source)
        found += _lake(services, tenant)
    found += _engine(services, tenant)
    return sorted(found, key=lambda f: f.severity)


def _plugins(services: Services) -> Iterator[Finding]:
    for plugin in services.plugins.found:
        if plugin.error:
            yield Finding(
                "error", f"it cannot be used: {plugin.error}", f"plugin {plugin.name} of {plugin.distribution}",
                f"Install another version of {plugin.distribution}, or uninstall it.",
            )  # fmt: skip


def _migrations(services: Services) -> Iterator[Finding]:
    for schema in pending(services.system):
        yield Finding(
            "error",
            "its tables are of another version",
            f"schema {schema}",
            "Run `koku migrate`, or install the newer koku-core.",
        )


def _reports(conn: Connection) -> Iterator[Finding]:
    for row in rows(
        conn,
        """SELECT r.id, r.state, r.error, r.delivery, r.source_key, r.source_uuid IS NULL AS unknown, r.received,
               cardinality(r.expected) AS expected,
               (SELECT count(DISTINCT p) FROM report_file f, unnest(f.present) p WHERE f.report_id = r.id) AS present
           FROM report r WHERE r.state = 'failed' OR r.state = 'waiting' ORDER BY r.id""",
    ):
        where = f"report {row['id']} ({row['source_key']}, {row['delivery']})"
        if row["state"] == "failed":
            yield Finding(
                "error",
                f"it could not be ingested: {row['error']}",
                where,
                "Correct its cause and send it again; it is set aside.",
            )
        elif row["unknown"]:
            do = f"Add its source: `koku sources add TYPE NAME …={row['source_key']}`."
            yield Finding("warning", "it waits for a source that is not registered", where, do)
        else:
            what = f"it is not complete: {row['present']} of {row['expected']} files have come since {row['received']:%Y-%m-%d %H:%M}"
            yield Finding(
                "warning", what, where, "Wait for the other parts, or have the operator send the package again."
            )


def _jobs(services: Services, tenant: Tenant) -> Iterator[Finding]:
    """Jobs that failed and were not done since; those of reports are told with their reports."""
    with services.system.connection() as conn:
        failed = rows(
            conn,
            """SELECT DISTINCT ON (kind, key) id, kind, key, state, error FROM job
               WHERE tenant = %s AND kind <> 'ingest' AND state IN ('done', 'failed') ORDER BY kind, key, id DESC""",
            (tenant.name,),
        )
    for row in failed:
        if row["state"] == "failed":
            do = "Mend its cause, then run `koku refresh`."
            yield Finding("error", f"it failed: {row['error']}", f"job {row['id']} ({row['kind']} {row['key']})", do)


def _prices(conn: Connection, services: Services) -> Iterator[Finding]:
    for row in rows(
        conn,
        """SELECT m.name, m.uuid, m.family FROM cost_model m
           WHERE coalesce((m.markup ->> 'value')::numeric, 0) = 0 AND NOT EXISTS (
               SELECT 1 FROM cost_model_price_list a JOIN price_list l ON l.uuid = a.price_list_uuid
               WHERE a.cost_model_uuid = m.uuid AND jsonb_array_length(l.rates) > 0)
           ORDER BY m.name""",
    ):
        yield Finding(
            "warning",
            "it has no rates and no markup, so it prices nothing",
            f"cost model {row['name']}",
            "Give it rates or a markup.",
        )
    priced = {row["source_uuid"] for row in rows(conn, "SELECT source_uuid::text FROM cost_model_source")}
    for row in rows(conn, "SELECT uuid::text, name, provider FROM source ORDER BY id"):
        spec = _cost_model(services, row["provider"])
        if spec and row["uuid"] not in priced:
            do = "Add a cost model for it (`koku.cost_models.add`), or leave it: then only what its provider bills is counted."
            yield Finding("warning", "it has no cost model", f"source {row['name']}", do)


def _unpriced(conn: Connection, services: Services) -> Iterator[Finding]:
    """Rates that are kept and shown, but that nothing prices: what they would cost is missing from every figure."""
    metrics = {
        (p.provider.family.lower(), metric.name): (p, metric)
        for p in services.plugins
        if p.has("koku_cost_model") and p.cost_model
        for metric in p.cost_model.metrics
    }
    for row in rows(conn, _RATES):
        plugin, metric = metrics.get((row["family"].lower(), row["metric"]), (None, None))
        if plugin and row["key"] is not None and not row["enabled"]:
            row["enabled"] = _labelled(conn, plugin.summary.fact, row["key"])
        why, do = _why_unpriced(plugin.name if plugin else "", metric, row)
        if why:
            yield Finding("warning", f"its rate {row['rate']!r} adds nothing: {why}", f"cost model {row['name']}", do)


_RATES = """
    SELECT m.name, m.family, rate -> 'metric' ->> 'name' AS metric, rate ->> 'custom_name' AS rate, rate #>> '{tag_rates,tag_key}' AS key,
        coalesce(k.enabled, false) AS enabled, p.key AS parent
    FROM cost_model m JOIN cost_model_price_list a ON a.cost_model_uuid = m.uuid
    JOIN price_list l ON l.uuid = a.price_list_uuid CROSS JOIN LATERAL jsonb_array_elements(l.rates) AS rate
    LEFT JOIN tag_key k ON k.family = upper(m.family) AND k.key = rate #>> '{tag_rates,tag_key}'
    LEFT JOIN tag_mapping g ON g.child = k.uuid LEFT JOIN tag_key p ON p.uuid = g.parent
    ORDER BY m.name, rate ->> 'custom_name'
"""


def _labelled(conn: Connection, fact: Fact, key: str) -> bool:
    """Whether rows have labels of a key, as they have of some that need not be enabled."""
    table = tag_table(fact)
    if conn.execute("SELECT to_regclass(quote_ident(%s))", (table,)).fetchone() == (None,):
        return False
    found = conn.execute(sql.SQL("SELECT 1 FROM {} WHERE key = %s LIMIT 1").format(sql.Identifier(table)), (key,))
    return found.fetchone() is not None


def _why_unpriced(provider: str, metric: Metric | None, row: Mapping[str, Any]) -> tuple[str, str]:
    """Why nothing has the price of a rate, and what to do; empty if something may."""
    by_tag = row["key"] is not None
    if metric is None or not metric.template_of(by_tag=by_tag):
        kind = f"{row['metric']} by tag" if by_tag else row["metric"]
        return f"{kind} is kept, but not priced by this version", "Price it by another metric until then."
    if not by_tag or not metric.by_label:
        return "", ""
    if not row["enabled"]:
        return f"its tag key {row['key']!r} is not enabled", f"Enable it: koku tags enable {provider} {row['key']}"
    if row["parent"]:
        return f"its tag key {row['key']!r} is mapped to {row['parent']!r}", f"Price {row['parent']!r} instead."
    return "", ""


def _cost_model(services: Services, provider: str) -> bool:
    plugin = next((p for p in services.plugins if p.name == provider), None)
    return (
        plugin is not None and plugin.has("koku_cost_model") and bool(plugin.cost_model and plugin.cost_model.metrics)
    )


def _source(conn: Connection, services: Services, source: Source) -> Iterator[Finding]:
    """The figures of one source."""
    where = f"source {source.name}"
    plugin = next((p for p in services.plugins if p.name == source.provider), None)
    if plugin is None:
        yield Finding(
            "error",
            f"its provider {source.provider} is not loaded",
            where,
            f"Install its plugin: pip install koku-{source.provider}",
        )
        return
    summary = plugin.summary
    if conn.execute("SELECT to_regclass(quote_ident(%s))", (summary.fact.name,)).fetchone() == (None,):
        yield Finding("warning", "no data have come yet", where, "Send or ingest a report of it.")
        return
    yield from _gaps(conn, services, summary.fact, source, where)
    for check in summary.checks:
        yield from _checked(conn, summary, check, source, where)


def _gaps(conn: Connection, services: Services, fact: Fact, source: Source, where: str) -> Iterator[Finding]:
    days = _days(conn, fact, source)
    if not days:
        yield Finding("warning", "no data have come yet", where, "Send or ingest a report of it.")
        return
    known = set(days)
    missing = [d for d in _range(days[0], days[-1]) if d not in known]
    for first, last in _stretches(missing):
        span = f"{first}" if first == last else f"{first} to {last}, {(last - first).days + 1} days"
        do = "Send the reports of these days again; monthly prices are not charged for days without data."
        yield Finding("warning", f"there are no data of {span}", where, do)
    quiet = (services.clock.today() - days[-1]).days
    if quiet > QUIET_DAYS and not source.paused:
        yield Finding(
            "warning", f"no data have come since {days[-1]}, {quiet} days ago", where, "See whether it still sends."
        )


def _days(conn: Connection, fact: Fact, source: Source) -> list[date]:
    """The days that a source has rows of; looked up one by one in the index, however many rows a day has."""
    found = conn.execute(
        sql.SQL(
            """SELECT d.day::date FROM published_month m
               CROSS JOIN LATERAL generate_series(m.month, m.month + interval '1 month - 1 day', '1 day') AS d(day)
               WHERE m.source_uuid = %(source)s AND EXISTS (
                   SELECT 1 FROM {} WHERE source_uuid = %(source)s AND usage_start = d.day::date) ORDER BY 1"""
        ).format(sql.Identifier(fact.name)),
        {"source": source.uuid},
    ).fetchall()
    return [day for (day,) in found]


def _range(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=i) for i in range((last - first).days + 1))


def _stretches(days: list[date]) -> list[tuple[date, date]]:
    """Days that follow each other, joined."""
    joined: list[tuple[date, date]] = []
    for day in days:
        if joined and joined[-1][1] + timedelta(days=1) == day:
            joined[-1] = (joined[-1][0], day)
        else:
            joined.append((day, day))
    return joined


def _checked(conn: Connection, summary: Summary, check: Check, source: Source, where: str) -> Iterator[Finding]:
    """What a check of the plugin finds."""
    tables = {name: Table(name) for fact in summary.facts for name in tables_of(fact)}
    values: dict[str, Any] = {"tables": tables, "source_uuid": source.uuid}
    for row in rows(conn, *templates(summary.package, "postgres").render(check.template, values).psycopg()):
        yield Finding(check.severity, check.what.format(**row), where, check.do)


def _lake(services: Services, tenant: Tenant) -> Iterator[Finding]:
    try:
        missing = services.lake.missing_files(tenant.name)
    except KokuError as error:
        yield Finding("error", error.message, "lake", "Check KOKU_LAKE_URL and its credentials.")
        return
    if missing:
        do = "Restore them from a backup, or send the reports of these days again."
        yield Finding("error", f"{len(missing)} files of line items are gone, the first is {missing[0]}", "lake", do)


def _engine(services: Services, tenant: Tenant) -> Iterator[Finding]:
    name = services.settings.executor
    return (Finding("error", what, f"executor {name}", do) for what, do in services.executor.troubles(tenant.name))
