"""Two tenants with figures of their own, for tests of what is not reports; everything of the second one is called `sentinel…`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from koku_core import Koku
from koku_core.settings import Settings
from koku_core.summarize.tables import ensure_tables
from koku_ocp.facts import DAILY_SUMMARY
from tests.unit.report_data import MONTHS, ONE, TWO, insert, publish, usage

OTHER = "org999"
SENTINEL = "sentinel"


def opened(dsn: str, folder: Path) -> Koku:
    """The library on a database, on 2026-11-22."""
    return Koku.open(
        settings=Settings(
            database_url=dsn, data_dir=folder, clock=datetime(2026, 11, 22, 20, tzinfo=UTC), plugins=("ocp",)
        )
    )


def fill(koku: Koku) -> None:
    """Fill the tenant of the callers with two clusters and four projects, and the other one with sentinels."""
    mine = [
        {**usage(source, MONTHS[2] + timedelta(n), project, node, 6, {"app": "Web"}), "vm_name": f"vm-{project}"}
        for n in range(3)
        for source, project, node in (
            (ONE, "shop", "n1"), (ONE, "openshift-dns", "n1"), (ONE, "Worker unallocated", "n2"), (TWO, "Web", "n3"),
            (TWO, "shop", "n3"),
        )
    ]  # fmt: skip
    row = dict(usage(ONE, date(2026, 11, 1), f"{SENTINEL}-project", f"{SENTINEL}-node", 1, {SENTINEL: SENTINEL}))
    row |= {"cluster_id": f"{SENTINEL}-id", "cluster_alias": f"{SENTINEL}-cluster"}
    _tenant(koku.tenant("org1234567"), mine, {ONE: ("c-1", "east"), TWO: ("c-2", "west")}, ["app", "stage"])
    _tenant(koku.tenant(OTHER), [row], {ONE: (f"{SENTINEL}-id", f"{SENTINEL}-cluster")}, [SENTINEL])


def _tenant(org: Koku, rows: list[Any], clusters: dict[str, tuple[str, str]], keys: list[str]) -> None:
    org.handle.ensure()
    org.tags.enable("OCP", keys)
    ensure_tables(org.handle, DAILY_SUMMARY, MONTHS)
    with org.handle.transaction() as conn:
        for uuid, (key, name) in clusters.items():
            conn.execute(
                """INSERT INTO source (uuid, name, provider, source_type, key, credentials)
                   VALUES (%s, %s, 'ocp', 'OCP', %s, '{}')""", (uuid, name, key),
            )  # fmt: skip
            conn.execute("INSERT INTO published_month VALUES (%s, '2026-11-01', now(), now())", (uuid,))
        conn.execute("INSERT INTO cost_group (name, built_in) VALUES ('Platform', true)")
        conn.execute(
            """INSERT INTO cost_group_pattern (pattern, cost_group_id, built_in)
               SELECT pattern, id, true FROM cost_group, unnest('{openshift-%,kube-%}'::text[]) AS pattern"""
        )
        insert(conn, rows)
        publish(conn)
