"""The costing engine on a provider of nobody's: it runs what a plugin declares, and knows no metric of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from pydantic import BaseModel

from koku_core import hookimpl
from koku_core.costing.engine import run_costs
from koku_core.database import Server, System
from koku_core.database.server import Connection
from koku_core.declare.columns import money, text
from koku_core.declare.facts import Fact
from koku_core.declare.providers import Provider, SourceType
from koku_core.declare.summarize import CostModelSpec, Distribution, Metric, Summary, Told
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.sql import Table
from koku_core.summarize.tables import temporary

MONTH, SOURCE = date(2026, 11, 1), "6f5b1d4e-0000-4000-8000-000000000001"
USAGE, COSTS = Table("usage", "pg_temp"), Table("costs", "pg_temp")
FACT = Fact("bakery", (text("shop"), money("loaves"), money("flour"), money("cost"), money("moved")))
TEMPLATES = {
    "price.sql": """
        SELECT u.usage_row, r.rate_name, r.metric, u.loaves * r.value AS cost FROM {{ usage }} AS u
        JOIN {{ rates }} AS r ON r.usage_start = u.usage_start AND {{ m.in_array('r.metric' | sql, metrics.keys() | list) }}""",
    "markup.sql": """
        SELECT usage_row, 'Markup' AS rate_name, 'markup' AS metric, flour * {{ markup }} / 100 AS cost FROM {{ usage }}
        WHERE flour <> 0""",
    "move.sql": "SELECT usage_row, shop <> {{ distribution.params.to }} AS gives, loaves AS weight FROM {{ usage }}",
}
SPEC = CostModelSpec(
    package="acme_bakery",
    metrics=(
        Metric("loaf", "Loaf", "Count", "loaves", "Infrastructure", "loaf", template="price.sql"),
        Metric("smell", "Smell", "Count", "noses", "Infrastructure", "smell"),
    ),
    markup="markup.sql",
    distributions=(
        Distribution("to_north", "move.sql", default=True, without_model=False, params={"to": "north"}),
        Distribution("to_south", "move.sql", default=True, without_model=False, params={"to": "south"}),
        Distribution("to_moon", None, default=True, without_model=True),
    ),
    told=Told(keys=("usage_start", "shop"), figures=("cost",), moved="moved", raw={"flour": "Flour"}),
)


class Credentials(BaseModel):
    shop: str


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProviderPlugin]:
    folder = tmp_path / "acme_bakery" / "sql"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    for name, template in TEMPLATES.items():
        (folder / name).write_text(template)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = ModuleType("acme")
    kinds = (SourceType("Bakery", Credentials, key="shop"),)
    provider = Provider("bakery", "Bakery", "bakery", "BAKERY", kinds, datasets=(), version="1")
    module.koku_provider = hookimpl(lambda: provider, specname="koku_provider")  # type: ignore[attr-defined]  # a module made here
    summary = Summary("acme_bakery", FACT, steps=())
    module.koku_summarize = hookimpl(lambda: summary, specname="koku_summarize")  # type: ignore[attr-defined]  # a module made here
    module.koku_cost_model = hookimpl(lambda: SPEC, specname="koku_cost_model")  # type: ignore[attr-defined]  # a module made here
    yield Plugins((), extra={"bakery": module}).provider("bakery")
    sys.modules.pop("acme_bakery", None)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection]:
    server = Server(dsn)
    server.open()
    System(server).migrate()
    tenant = System(server).tenant("acme").ensure()
    with tenant.transaction() as made:
        temporary(made, USAGE.name, FACT.all_columns, numbered="usage_row")
        temporary(made, COSTS.name, FACT.all_columns)
        made.execute(
            """INSERT INTO pg_temp.usage (usage_start, shop, loaves, flour)
               VALUES ('2026-11-02', 'north', 10, 5), ('2026-11-02', 'south', 4, NULL), ('2026-11-20', 'south', 4, NULL)"""
        )
        yield made
    server.close()


def attach(conn: Connection) -> None:
    rates = """[{"metric": {"name": "loaf"}, "cost_type": "Infrastructure", "tiered_rates": [{"value": "1.5", "unit": "USD"}]},
                {"metric": {"name": "smell"}, "cost_type": "Infrastructure", "tiered_rates": [{"value": "99", "unit": "USD"}]}]"""
    conn.execute(
        """INSERT INTO source (uuid, name, provider, source_type, key, credentials) VALUES (%(s)s, 'b', 'bakery', 'Bakery', 'k', '{}')""",
        {"s": SOURCE},
    )
    model = conn.execute(
        "INSERT INTO cost_model (name, family, currency, markup) VALUES ('m', 'BAKERY', 'USD', '{\"value\": \"10\"}') RETURNING uuid"
    ).fetchone()
    assert model is not None
    listed = conn.execute(
        "INSERT INTO price_list (name, currency, starts, ends, rates) VALUES ('l', 'USD', '2026-11-01', '2026-11-30', %s) RETURNING uuid",
        (rates,),
    ).fetchone()
    assert listed is not None
    conn.execute("INSERT INTO cost_model_source VALUES (%s, %s)", (SOURCE, model[0]))
    conn.execute("INSERT INTO cost_model_price_list VALUES (%s, %s, 1)", (model[0], listed[0]))


def made(conn: Connection) -> list[tuple[object, ...]]:
    query = "SELECT layer, usage_start::text, shop, cost, moved FROM pg_temp.costs ORDER BY 1, 2, 3, 4"
    assert {str(u) for (u,) in conn.execute("SELECT source_uuid FROM pg_temp.costs")} <= {SOURCE}
    return conn.execute(query).fetchall()


def test_prices_markup_and_distributions_run_as_declared(conn: Connection, plugin: ProviderPlugin) -> None:
    attach(conn)
    run_costs(conn, plugin, SOURCE, MONTH, USAGE, COSTS)
    assert made(conn) == [
        (1, "2026-11-02", "north", Decimal("15.5"), None),
        (1, "2026-11-02", "south", Decimal(6), None),
        (1, "2026-11-20", "south", Decimal(6), None),
        # each distribution sees flour, prices and markup, neither sees what the other moved; where nobody takes, nothing is given
        (2, "2026-11-02", "north", None, Decimal("-14.5")),
        (2, "2026-11-02", "south", None, Decimal("14.5")),
    ]


def test_two_months_in_one_transaction(conn: Connection, plugin: ProviderPlugin) -> None:
    attach(conn)
    run_costs(conn, plugin, SOURCE, MONTH, USAGE, COSTS)
    first = made(conn)
    conn.execute("DELETE FROM pg_temp.costs")
    run_costs(conn, plugin, SOURCE, MONTH, USAGE, COSTS)
    assert made(conn) == first


def test_without_a_model_nothing_is_priced(conn: Connection, plugin: ProviderPlugin) -> None:
    run_costs(conn, plugin, SOURCE, MONTH, USAGE, COSTS)
    assert made(conn) == []


def test_a_template_that_fails_leaves_the_error_to_the_publication(conn: Connection, plugin: ProviderPlugin) -> None:
    attach(conn)
    conn.execute("ALTER TABLE pg_temp.usage DROP COLUMN loaves")
    with pytest.raises(psycopg.errors.UndefinedColumn), conn.transaction():
        run_costs(conn, plugin, SOURCE, MONTH, USAGE, COSTS)
