"""Reads and writes cost models in a tenant's tables; every function works in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from koku_core.costing.metrics import all_metrics
from koku_core.costing.model_validation import ModelInput, switches_of
from koku_core.costing.rates import effective, shown
from koku_core.database.server import Connection, one, rows
from koku_core.plugins import Plugins
from koku_core.validation import refuse

#: The validity of the price list that holds the rates given with a cost model.
OWN_LIST_STARTS, OWN_LIST_ENDS = "2026-03-01", "2099-12-31"

_READ = """
    SELECT m.uuid::text, m.name, m.description, m.family, m.created, m.updated, m.currency, m.markup, m.distribution_name,
           m.distribution,
           coalesce((SELECT p.rates FROM price_list p JOIN cost_model_price_list a ON a.price_list_uuid = p.uuid
                     WHERE p.made_for = m.uuid AND a.cost_model_uuid = m.uuid), '[]') AS rates,
           coalesce((SELECT jsonb_agg(jsonb_build_object('uuid', s.uuid, 'name', s.name, 'last_processed',
                         (SELECT max(p.summarized) FROM published_month p WHERE p.source_uuid = s.uuid),
                         'details', (SELECT r.details FROM report r WHERE r.source_uuid = s.uuid ORDER BY r.id DESC LIMIT 1))
                         ORDER BY s.id)
                     FROM cost_model_source c JOIN source s ON s.uuid = c.source_uuid WHERE c.cost_model_uuid = m.uuid), '[]') AS sources,
           coalesce((SELECT jsonb_agg(jsonb_build_object('uuid', p.uuid, 'name', p.name, 'priority', a.priority, 'version', p.version,
                         'enabled', p.enabled, 'effective_start_date', p.starts, 'effective_end_date', p.ends) ORDER BY a.priority)
                     FROM cost_model_price_list a JOIN price_list p ON p.uuid = a.price_list_uuid
                     WHERE a.cost_model_uuid = m.uuid), '[]') AS price_lists
    FROM cost_model m WHERE %(uuid)s::uuid IS NULL OR m.uuid = %(uuid)s ORDER BY lower(m.name), m.created, m.uuid
"""


def read(conn: Connection, plugins: Plugins, uuid: str | None = None) -> list[dict[str, Any]]:
    """The cost models as the API shows them, by name; or the one of a uuid."""
    return [_shown(row, plugins) for row in rows(conn, _READ, {"uuid": uuid})]


def _shown(row: Mapping[str, Any], plugins: Plugins) -> dict[str, Any]:
    plugin = plugins.by_family(row["family"])
    metrics = all_metrics(plugins)
    return {
        "uuid": row["uuid"], "name": row["name"], "description": row["description"],
        "source_type": plugin.provider.label if plugin else row["family"],
        "created_timestamp": row["created"], "updated_timestamp": row["updated"],
        "rates": [shown(rate, metrics) for rate in row["rates"]],
        "markup": row["markup"], "distribution": row["distribution_name"],
        "distribution_info": {"distribution_type": "cpu", **switches_of(plugins), **row["distribution"]},
        "currency": row["currency"], "source_uuids": [s["uuid"] for s in row["sources"]],
        "sources": [_source(s) for s in row["sources"]], "price_lists": row["price_lists"],
    }  # fmt: skip


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    made = {k: source[k] for k in ("uuid", "name", "last_processed")}
    if made["last_processed"]:
        made["last_processed"] = datetime.fromisoformat(made["last_processed"])
    known = (source["details"] or {}).get("operator_version")
    return made | ({"operator_update_available": False} if known else {})


def insert(conn: Connection, wanted: ModelInput) -> str:
    """Make the row of a cost model; gives its uuid."""
    row = conn.execute(
        """INSERT INTO cost_model (name, description, family, currency, markup, distribution, distribution_name, created, updated)
           VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp(), clock_timestamp()) RETURNING uuid::text""",
        (
            wanted.name, wanted.description, wanted.plugin.provider.family, wanted.currency, Jsonb(dict(wanted.markup or {})),
            Jsonb(dict(wanted.switches)), wanted.distribution or "cpu",
        ),
    ).fetchone()  # fmt: skip
    assert row is not None  # noqa: S101 - RETURNING always gives a row
    return str(row[0])


def change(conn: Connection, uuid: str, wanted: ModelInput) -> None:
    """Change the row of a cost model; its provider stays."""
    conn.execute(
        """UPDATE cost_model SET name = %s, description = %s, currency = %s, markup = coalesce(%s, markup), distribution = %s,
               distribution_name = coalesce(%s, distribution_name), updated = clock_timestamp() WHERE uuid = %s""",
        (
            wanted.name, wanted.description, wanted.currency, None if wanted.markup is None else Jsonb(dict(wanted.markup)),
            Jsonb(dict(wanted.switches)), wanted.distribution, uuid,
        ),
    )  # fmt: skip


def delete(conn: Connection, uuid: str) -> bool:
    """Delete a cost model; False: there is none."""
    return conn.execute("DELETE FROM cost_model WHERE uuid = %s", (uuid,)).rowcount > 0


def lock_all(conn: Connection) -> None:
    """Let nobody else change a cost model of the tenant until the transaction ends: two that swap sources would wait for each other."""
    conn.execute("LOCK TABLE cost_model IN SHARE ROW EXCLUSIVE MODE")


def lock(conn: Connection, uuid: str) -> dict[str, Any] | None:
    """What decides the costs of a cost model, and its own price list, locked against other changes; None: there is none."""
    model = one(conn, "SELECT family, currency, markup, distribution FROM cost_model WHERE uuid = %s", (uuid,))
    if model is None:
        return None
    lists = rows(
        conn,
        """SELECT p.uuid::text, p.rates, a.priority FROM price_list p
           LEFT JOIN cost_model_price_list a ON a.price_list_uuid = p.uuid AND a.cost_model_uuid = %s
           WHERE a.priority IS NOT NULL OR p.made_for = %s ORDER BY p.uuid FOR UPDATE OF p""",
        (uuid, uuid),
    )
    return model | {"lists": [p | {"rates": [effective(r) for r in p["rates"]]} for p in lists]}


def sources(conn: Connection, uuid: str) -> list[str]:
    """The uuids of the sources of a cost model."""
    found = conn.execute("SELECT source_uuid::text FROM cost_model_source WHERE cost_model_uuid = %s", (uuid,))
    return [u for (u,) in found]


def sharing(conn: Connection, uuid: str) -> set[str]:
    """The uuids of the sources of all cost models that use the own price list of this one."""
    found = conn.execute(
        """SELECT c.source_uuid::text FROM price_list p JOIN cost_model_price_list a ON a.price_list_uuid = p.uuid
           JOIN cost_model_source c USING (cost_model_uuid) WHERE p.made_for = %s""",
        (uuid,),
    )
    return {u for (u,) in found}


def all_sources(conn: Connection, uuids: Sequence[str], provider: str) -> bool:
    """Whether all of these are sources of the tenant and the provider; they cannot be removed until the transaction ends."""
    found = conn.execute(
        "SELECT uuid FROM source WHERE uuid = ANY(%s::uuid[]) AND provider = %s FOR SHARE", (list(uuids), provider)
    ).fetchall()
    return len(found) == len(uuids)


def attach(conn: Connection, source: str, uuid: str) -> str:
    """Give a source this cost model if it has none; the uuid of the one that it then has."""
    conn.execute(
        "INSERT INTO cost_model_source (source_uuid, cost_model_uuid) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (source, uuid),
    )
    row = conn.execute(
        "SELECT cost_model_uuid::text FROM cost_model_source WHERE source_uuid = %s", (source,)
    ).fetchone()
    return str(row[0]) if row else uuid


def detach(conn: Connection, uuids: Collection[str]) -> None:
    """Take their cost model from sources."""
    conn.execute("DELETE FROM cost_model_source WHERE source_uuid = ANY(%s::uuid[])", (list(uuids),))


def own_names(conn: Connection, uuid: str) -> set[str]:
    """The custom names in a cost model's own price list."""
    found = conn.execute(
        "SELECT r->>'custom_name' FROM price_list, jsonb_array_elements(rates) r WHERE made_for = %s", (uuid,)
    )
    return {name for (name,) in found}


def write_own_rates(conn: Connection, uuid: str, rates: list[dict[str, Any]], *, attach: bool) -> None:
    """Put rates into the cost model's own price list, which is made when there are any.

    Args:
        conn: a transaction.
        uuid: of the cost model.
        rates: in stored form.
        attach: use the list again, after the others, if it was there and had been detached; without rates it is left alone then.
    """
    changed = conn.execute(
        """UPDATE price_list p SET rates = %s, currency = m.currency, updated = clock_timestamp()
           FROM cost_model m WHERE p.made_for = m.uuid AND m.uuid = %s
               AND (%s OR EXISTS (SELECT FROM cost_model_price_list WHERE price_list_uuid = p.uuid AND cost_model_uuid = m.uuid))""",
        (Jsonb(rates), uuid, bool(rates)),
    )
    if not rates:
        return
    if not changed.rowcount:
        conn.execute(
            """INSERT INTO price_list (name, description, currency, starts, ends, rates, made_for, created, updated)
               SELECT left(name || ' prices', 255), 'Auto-created from cost model ''' || name || '''', currency, %s, %s, %s, uuid,
                   clock_timestamp(), clock_timestamp()
               FROM cost_model WHERE uuid = %s""",
            (OWN_LIST_STARTS, OWN_LIST_ENDS, Jsonb(rates), uuid),
        )
    if attach or not changed.rowcount:
        conn.execute(
            """INSERT INTO cost_model_price_list (cost_model_uuid, price_list_uuid, priority)
               SELECT %s, uuid, 1 + (SELECT count(*) FROM cost_model_price_list WHERE cost_model_uuid = %s)
               FROM price_list WHERE made_for = %s ON CONFLICT (cost_model_uuid, price_list_uuid) DO NOTHING""",
            (uuid, uuid, uuid),
        )


def price_list(conn: Connection, uuid: str) -> dict[str, Any] | None:
    """A price list that is to be attached."""
    return one(conn, "SELECT name, enabled, currency FROM price_list WHERE uuid = %s FOR SHARE", (uuid,))


def attached_lists(conn: Connection, uuid: str) -> list[str]:
    """The uuids of the price lists of a cost model, the first one first."""
    found = conn.execute(
        "SELECT price_list_uuid::text FROM cost_model_price_list WHERE cost_model_uuid = %s ORDER BY priority", (uuid,)
    )
    return [u for (u,) in found]


def replace_lists(conn: Connection, uuid: str, lists: Sequence[str]) -> None:
    """Attach exactly these price lists, in this order."""
    conn.execute("DELETE FROM cost_model_price_list WHERE cost_model_uuid = %s", (uuid,))
    for priority, list_uuid in enumerate(lists, start=1):
        conn.execute("INSERT INTO cost_model_price_list VALUES (%s, %s, %s)", (uuid, list_uuid, priority))


def refuse_other_currency(conn: Connection, uuid: str) -> None:
    """Every list that is attached to a cost model, and its own one wherever it is attached, must be in the model's currency.

    Raises:
        InvalidInput: one is not.
    """
    other = conn.execute(
        """SELECT p.name, p.currency, m.currency FROM cost_model_price_list a JOIN price_list p ON p.uuid = a.price_list_uuid
           JOIN cost_model m ON m.uuid = a.cost_model_uuid
           WHERE %s IN (m.uuid, p.made_for) AND p.currency <> m.currency ORDER BY a.priority LIMIT 1""",
        (uuid,),
    ).fetchone()
    if other:
        raise refuse(
            f"Currency mismatch: price list '{other[0]}' uses '{other[1]}' but cost model uses '{other[2]}'.",
            "cost-models",
        )
