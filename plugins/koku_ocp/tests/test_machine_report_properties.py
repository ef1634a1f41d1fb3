"""Whatever machines there are: what the report says of them is what the daily summary has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.koku_ocp.tests.clusters import DAY, SOURCE, price, rate, summarize
from plugins.koku_ocp.tests.test_machine_conservation import Drawn, machines, prices
from psycopg import sql
from tests.conftest import database

from koku_core import Koku
from koku_core.clock import month_of
from koku_core.database.server import Connection
from koku_core.summarize.rollups import fill_rollups
from koku_core.summarize.tables import ensure_tables
from koku_core.testing.fixtures import settings_for
from koku_ocp.facts import DAILY_SUMMARY

PATH = "openshift/resources/virtual-machines"
COSTS = ("cpu", "memory", "volume", "gpu")


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    """A tenant in the month of the machines."""
    folder: Path = tmp_path_factory.mktemp("machines")
    clock = datetime.combine(DAY + timedelta(5), datetime.min.time(), UTC)
    with database(server_dsn) as dsn:
        chosen = settings_for(dsn, folder).model_copy(update={"plugins": ("ocp",), "clock": clock})
        with Koku.open(settings=chosen) as opened:
            opened.handle.ensure()
            ensure_tables(opened.handle, DAILY_SUMMARY, [month_of(DAY)])
            yield opened


def publish(conn: Connection, drawn: Drawn, *rates: dict[str, Any]) -> list[dict[str, Any]]:
    """Summarize and price a cluster and let readers see it; the rows of its machines."""
    made = [*summarize(conn, drawn.cluster), *price(conn, *rates)]
    table, names = (
        sql.Identifier(DAILY_SUMMARY.name),
        sql.SQL(", ").join(sql.Identifier(c.name) for c in DAILY_SUMMARY.all_columns),
    )
    conn.execute(sql.SQL("DELETE FROM {}").format(table))
    for part in ("usage", "costs"):
        copy = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM pg_temp.{}")
        conn.execute(copy.format(table, names, names, sql.Identifier(part)))
    fill_rollups(conn, DAILY_SUMMARY, SOURCE, month_of(DAY), sql.SQL("(SELECT * FROM {})").format(table))
    return [r for r in made if r["vm_name"]]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(drawn=machines(), value=prices, by_node=prices, apart=st.booleans())
def test_the_report_is_the_daily_summary(
    koku: Koku, drawn: Drawn, value: Decimal, by_node: Decimal, apart: bool
) -> None:
    kind = "Infrastructure" if apart else "Supplementary"
    with koku.handle.transaction() as conn:
        daily = publish(
            conn, drawn, rate("vm_core_cost_per_hour", str(value)), rate("node_cost_per_month", str(by_node), kind)
        )
    body = koku.report(PATH, months=-1).body()
    found = {m["vm_name"]: row for bucket in body["data"] for m in bucket["vm_names"] for row in m["values"]}
    costs: dict[str, Decimal] = defaultdict(Decimal)
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for row in daily:
        costs[row["vm_name"]] += sum((row[f"cost_model_{c}_cost"] or 0 for c in COSTS), Decimal(0))
        moved[row["vm_name"]] += row["distributed_cost"] or 0
    assert found.keys() == costs.keys() == {s.name for s in drawn.stays}
    most: dict[tuple[str, str], int] = defaultdict(int)
    for stay in drawn.stays:
        most[stay.name, stay.namespace] = max(most[stay.name, stay.namespace], *stay.cores)
    for name, row in found.items():
        assert row["cost"]["total"]["value"] == pytest.approx(float(costs[name]), rel=1e-9)
        assert row["cost"]["distributed"]["value"] == pytest.approx(float(costs[name] + moved[name]), rel=1e-9)
        assert row["request"]["cpu"]["value"] == sum(cores for (of, _), cores in most.items() if of == name)
    total = body["meta"]["total"]
    assert total["cost"]["distributed"]["value"] == pytest.approx(
        sum(r["cost"]["distributed"]["value"] for r in found.values()), rel=1e-9
    )
    assert total["request"]["cpu"]["value"] == sum(most.values())
