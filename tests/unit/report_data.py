"""A small tenant to ask reports of: two clusters, four projects, two months, written straight into the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from koku_core import Koku
from koku_core.access import Access
from koku_core.clock import month_of
from koku_core.database.server import Connection
from koku_core.reports import Reports
from koku_core.settings import Settings
from koku_core.summarize.rollups import fill_rollups, fill_tags
from koku_core.summarize.tables import ensure_tables
from koku_ocp.facts import DAILY_SUMMARY
from tests.conftest import database

ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CLUSTERS = {ONE: ("c-1", "east"), TWO: ("c-2", None)}
MONTHS = [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]
MONTH = "filter[time_scope_units]=month&filter[time_scope_value]=-1&filter[resolution]=monthly"
DAILY = MONTH.replace("monthly", "daily")

Row = Mapping[str, Any]


def usage(
    source: str, day: date, namespace: str, node: str, hours: object, labels: Mapping[str, str] | None = None
) -> Row:
    """A usage row of one pod."""
    cluster, alias = CLUSTERS[source]
    return {
        "source_uuid": source, "usage_start": day, "usage_end": day, "layer": 0, "cluster_id": cluster, "cluster_alias": alias,
        "data_source": "Pod", "namespace": namespace, "node": node, "pod_labels": labels or {}, "all_labels": labels or {},
        "pod_usage_cpu_core_hours": hours, "pod_request_cpu_core_hours": 12, "pod_limit_cpu_core_hours": 24,
        "node_capacity_cpu_cores": 4, "node_capacity_cpu_core_hours": 96, "cluster_capacity_cpu_core_hours": 192,
    }  # fmt: skip


def cost(usage_row: Row, rate_type: str, amount: object) -> Row:
    """A row that prices a usage row."""
    kept = (
        "source_uuid",
        "usage_start",
        "usage_end",
        "cluster_id",
        "cluster_alias",
        "data_source",
        "namespace",
        "node",
    )
    row = {name: usage_row[name] for name in (*kept, "pod_labels", "all_labels")}
    column = "distributed_cost" if rate_type.endswith("distributed") else "cost_model_cpu_cost"
    return {**row, "layer": 1, "cost_model_rate_type": rate_type, column: amount}


def rows() -> Iterator[Row]:
    """Ten days of October and of November, where everything costs a tenth more; `late` begins on the third of November."""
    for month, more in ((MONTHS[1], Decimal(1)), (MONTHS[2], Decimal("1.1"))):
        for n in range(10):
            day = month + timedelta(n)
            pods = [
                usage(ONE, day, "shop", "n1", 6, {"app": "Web"}), usage(ONE, day, "openshift-dns", "n1", 2),
                usage(ONE, day, "web_2", "n2", 3, {"app": "api"}), usage(TWO, day, "shop", "n3", 1, {"app": "Web"}),
            ]  # fmt: skip
            if month == MONTHS[2] and n >= 2:
                pods.append(usage(TWO, day, "late", "n3", 9))
            for pod, price in zip(pods, (50, 20, 30, 5, 1), strict=False):
                yield pod
                yield cost(pod, "Infrastructure", price * more)
                yield cost(pod, "Supplementary", price)


def insert(conn: Connection, listed: list[Row]) -> None:
    """Write rows of the daily summary."""
    for row in listed:
        values = [Jsonb(v) if isinstance(v, Mapping) else v for v in row.values()]
        conn.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(DAILY_SUMMARY.name),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            ),
            values,
        )


def publish(conn: Connection) -> None:
    """Make rollups and tag tables of what is in the daily summary."""
    for source in CLUSTERS:
        for month in MONTHS:
            of_month = sql.SQL(
                "(SELECT * FROM {} WHERE source_uuid = {} AND date_trunc('month', usage_start) = {})"
            ).format(sql.Identifier(DAILY_SUMMARY.name), sql.Literal(source), sql.Literal(month))
            fill_rollups(conn, DAILY_SUMMARY, source, month, of_month)
            fill_tags(conn, DAILY_SUMMARY, source, month, of_month)


@contextmanager
def tenant(server_dsn: str, folder: Path, listed: list[Row]) -> Iterator[Koku]:
    """A `Koku` whose tenant has these rows."""
    with database(server_dsn) as dsn:
        settings = Settings(
            database_url=dsn, data_dir=folder, clock=datetime(2026, 11, 10, 12, tzinfo=UTC), retain_months=4, plugins=("ocp",)
        )  # fmt: skip
        with Koku.open(settings=settings) as koku:
            koku.handle.ensure()
            koku.tags.enable("OCP", ["app", 'od"d', "usage"])
            ensure_tables(
                koku.handle, DAILY_SUMMARY, sorted({month_of(r["usage_start"]) for r in listed} | set(MONTHS))
            )
            with koku.handle.transaction() as conn:
                for uuid, (cluster, alias) in CLUSTERS.items():
                    conn.execute(
                        "INSERT INTO source (uuid, name, provider, source_type, key, credentials) VALUES (%s, %s, 'ocp', 'OCP', %s, '{}')",
                        (uuid, alias or cluster, cluster),
                    )
                conn.execute("INSERT INTO cost_group (name, built_in) VALUES ('Platform', true) ON CONFLICT DO NOTHING")
                insert(conn, listed)
                conn.execute(
                    """UPDATE ocp_daily_summary SET cost_category_id = (SELECT id FROM cost_group WHERE name = 'Platform')
                       WHERE namespace LIKE 'openshift-%'"""
                )
                publish(conn)
            yield koku


def ask(koku: Koku, query: str, report: str = "costs", access: Access | None = None) -> dict[str, Any]:
    """The body of an answer."""
    reports = Reports(koku.services, koku.handle)
    return reports.answer(f"openshift/{report}", query, access or Access(admin=True)).body()


def cells(element: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All rows below a bucket."""
    yield from element.get("values", ())
    for name, below in element.items():
        if name != "values" and isinstance(below, list):
            for one in below:
                yield from cells(one)


def totals(body: Mapping[str, Any], figure: str = "cost") -> list[float]:
    """The totals of all rows, in order."""
    return [row[figure]["total"]["value"] for bucket in body["data"] for row in cells(bucket)]
