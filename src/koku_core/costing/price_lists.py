"""The price lists of one tenant: rates with a validity, which cost models use in an order."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from koku_core.costing.applied import Applied, applied
from koku_core.costing.metrics import all_metrics
from koku_core.costing.price_list_validation import DATES, validated
from koku_core.costing.rate_validation import named_afresh
from koku_core.costing.rates import Rate, effective, priced, shown
from koku_core.costing.recalculation import reprice
from koku_core.costing.tenant_facts import facts_in, facts_of
from koku_core.database.server import Connection, one, rows
from koku_core.database.tenant import Tenant, bump
from koku_core.errors import InvalidInput, UnknownName
from koku_core.finding import find
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.validation import uuid_text

_READ = """
    SELECT p.uuid::text, p.name, p.description, p.currency, p.starts, p.ends, p.enabled, p.version, p.rates, p.created, p.updated,
           coalesce((SELECT jsonb_agg(jsonb_build_object('uuid', m.uuid, 'name', m.name, 'priority', a.priority)
                         ORDER BY lower(m.name), m.uuid)
                     FROM cost_model_price_list a JOIN cost_model m ON m.uuid = a.cost_model_uuid
                     WHERE a.price_list_uuid = p.uuid), '[]') AS models
    FROM price_list p WHERE %(uuid)s::uuid IS NULL OR p.uuid = %(uuid)s ORDER BY lower(p.name), p.created, p.uuid
"""
#: What may still be changed in a disabled list.
ALWAYS = ("name", "description", "enabled")


class PriceLists:
    """The price lists of one tenant. A change prices every published month that it touches anew, by jobs."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.list())

    def list(self) -> list[dict[str, Any]]:
        """All price lists as the API shows them, by name."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return self._read(conn, None)

    def get(self, which: str) -> dict[str, Any]:
        """A price list by uuid or name.

        Raises:
            UnknownName: there is none, or several of that name.
        """
        return find("price list", which, self.list(), lambda p: (p["uuid"],), lambda p: str(p["name"]))

    def applied(self, source: Source | str, month: date) -> builtins.list[Applied]:
        """Which lists, in which versions, priced the days of a month that are published.

        Args:
            source: whose costs; a source, its uuid or its name.
            month: a day of it.

        Raises:
            UnknownName: there is no such source.
        """
        from koku_core.sources.registry import SourceRegistry

        found = SourceRegistry(self._services, self._tenant).get(source)
        return applied(self._services, self._tenant, found, month)

    def stored_rates(self, which: str) -> builtins.list[dict[str, Any]]:
        """The rates of a price list, by its uuid or name, as they are stored.

        Raises:
            UnknownName: there is none.
        """
        uuid = self._uuid(which)
        with self._tenant.connection() as conn:
            row = one(conn, "SELECT rates FROM price_list WHERE uuid = %s", (uuid,))
        if row is None:
            raise UnknownName("price list", which)
        return builtins.list(row["rates"])

    def add(
        self, name: str, rates: Iterable[Rate | Mapping[str, Any]], *, starts: date, ends: date,
        description: str = "", currency: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Make a price list, valid from the first day of a month to the last day of one.

        Raises:
            InvalidInput: something is wrong with it.
        """
        unit = currency or facts_of(self._services, self._tenant).currency
        return self.create({
            "name": name, "description": description, "currency": unit, "effective_start_date": starts, "effective_end_date": ends,
            "rates": [r.body(unit) if isinstance(r, Rate) else r for r in rates],
        })  # fmt: skip

    def create(self, body: Any) -> dict[str, Any]:
        """Make a price list from the body of an API request; makes the tenant if need be.

        Raises:
            InvalidInput: something is wrong with it.
        """
        made = validated(body, facts_of(self._services, self._tenant))
        self._tenant.ensure()
        with self._tenant.transaction() as conn:
            return self._insert(conn, made)

    def _insert(self, conn: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
        columns = {k: Jsonb(v) if k == "rates" else v for k, v in values.items()}
        row = conn.execute(
            sql.SQL("INSERT INTO price_list ({}, created, updated) VALUES ({}, clock_timestamp(), clock_timestamp()) RETURNING uuid::text")
            .format(sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join([sql.Placeholder()] * len(columns))),
            builtins.list(columns.values()),
        ).fetchone()  # fmt: skip
        assert row is not None  # noqa: S101 - RETURNING always gives a row
        bump(conn, "settings")
        return self._read(conn, row[0])[0]

    def update(self, which: str, body: Any) -> dict[str, Any]:
        """Change the fields of a price list that the body of an API request names.

        Raises:
            UnknownName: there is none.
            InvalidInput: something is wrong with the body, or the list is disabled, or another currency is asked for.
        """
        uuid = self._uuid(which)
        with self._tenant.transaction() as conn:
            before = self._lock(conn, uuid)
            made = validated(
                body, facts_in(conn, self._services.plugins, {r["custom_name"] for r in before["rates"]}), before
            )
            _refuse(before, made)
            repriced = _moved(before, made) or ("rates" in made and _effective(made) != _effective(before))
            new_version = _moved(before, made) or ("rates" in made and _figures(made) != _figures(before))
            self._write(conn, uuid, made | ({"version": before["version"] + 1} if new_version else {}))
            bump(conn, "settings")
            if repriced:
                self._reprice(conn, uuid, before, made)
            return self._read(conn, uuid)[0]

    def duplicate(self, which: str) -> dict[str, Any]:
        """Copy a price list; no cost model uses the copy.

        Raises:
            UnknownName: there is none.
        """
        uuid = self._uuid(which)
        with self._tenant.transaction() as conn:
            values = self._lock(conn, uuid)
            kept = {k: values[k] for k in ("description", "currency", "starts", "ends")}
            kept |= {"name": f"Copy of {values['name']}"[:255], "rates": named_afresh(values["rates"])}
            return self._insert(conn, kept)

    def remove(self, which: str) -> None:
        """Remove a price list that no cost model uses.

        Raises:
            UnknownName: there is none.
            InvalidInput: a cost model uses it.
        """
        uuid = self._uuid(which)
        with self._tenant.transaction() as conn:
            name = self._lock(conn, uuid)["name"]
            users = self._read(conn, uuid)[0]["assigned_cost_model_count"]
            if users:
                raise InvalidInput([f"Cannot delete price list '{name}': it is assigned to {users} cost model(s)."])
            conn.execute("DELETE FROM price_list WHERE uuid = %s", (uuid,))
            bump(conn, "settings")

    def _uuid(self, which: str) -> str:
        if not self._tenant.exists():
            raise UnknownName("price list", which)
        return uuid_text(which) or str(self.get(which)["uuid"])

    def _lock(self, conn: Connection, which: str) -> dict[str, Any]:
        row = one(conn, "SELECT * FROM price_list WHERE uuid = %s FOR UPDATE", (which,))
        if row is None:
            raise UnknownName("price list", which)
        return row

    def _write(self, conn: Connection, which: str, values: Mapping[str, Any]) -> None:
        columns = {k: Jsonb(v) if k == "rates" else v for k, v in values.items()}
        assignments = sql.SQL("").join(sql.SQL("{} = %s, ").format(sql.Identifier(name)) for name in columns)
        conn.execute(
            sql.SQL("UPDATE price_list SET {}updated = clock_timestamp() WHERE uuid = %s").format(assignments),
            [*columns.values(), which],
        )

    def _reprice(self, conn: Connection, which: str, before: Mapping[str, Any], made: Mapping[str, Any]) -> None:
        """Every month in which the list is or was valid, of every source whose cost model uses it."""
        found = conn.execute(
            """SELECT source_uuid::text FROM cost_model_source s JOIN cost_model_price_list a USING (cost_model_uuid)
               WHERE a.price_list_uuid = %s""", (which,),
        ).fetchall()  # fmt: skip
        first = min(before["starts"], made.get("starts", before["starts"]))
        last = max(before["ends"], made.get("ends", before["ends"]))
        reprice(conn, self._tenant.name, [u for (u,) in found], first, last)

    def _read(self, conn: Connection, uuid: str | None) -> builtins.list[dict[str, Any]]:
        metrics = all_metrics(self._services.plugins)
        return [
            {
                "uuid": row["uuid"], "name": row["name"], "description": row["description"], "currency": row["currency"],
                "effective_start_date": row["starts"], "effective_end_date": row["ends"], "enabled": row["enabled"],
                "version": row["version"], "rates": [shown(rate, metrics) for rate in row["rates"]],
                "created_timestamp": row["created"], "updated_timestamp": row["updated"],
                "assigned_cost_model_count": len(row["models"]), "assigned_cost_models": row["models"],
            }
            for row in rows(conn, _READ, {"uuid": uuid})
        ]  # fmt: skip


def _moved(before: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    return any(made.get(column, before[column]) != before[column] for column in DATES.values())


def _figures(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [priced(rate) for rate in values["rates"]]


def _effective(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [effective(rate) for rate in values["rates"]]


def _refuse(before: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Refuse any change of figures in a disabled list that is not enabled by the same request."""
    if before["enabled"] or made.get("enabled"):
        return
    wire = {column: name for name, column in DATES.items()}
    changed = {k for k in made if k not in ALWAYS and k != "rates" and made[k] != before[k]}
    if "rates" in made and _figures(made) != _figures(before):
        changed.add("rates")
    if changed:
        named = ", ".join(f"'{wire.get(k, k)}'" for k in sorted(changed))
        raise InvalidInput([
            f"Cannot update {{{named}}} on a disabled price list. Only name, description, and status can be updated."
        ])  # fmt: skip
