"""Reads the daily summary back as Arrow."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from psycopg import sql

from koku_core.clock import add_months
from koku_core.database.tenant import Tenant
from koku_core.declare.columns import Column, Kind
from koku_core.declare.facts import Fact

if TYPE_CHECKING:
    import pyarrow as pa


def daily_summary(tenant: Tenant, fact: Fact, source_uuid: str, month: date) -> pa.Table:
    """The rows of one source and month, in the order of day and layer, with the types that the fact declares."""
    import pyarrow as pa

    columns = [c for c in fact.all_columns if c.name != "layer"]
    schema = pa.schema([pa.field(c.name, c.kind.arrow, metadata={"unit": c.unit, "doc": c.doc}) for c in columns])
    with tenant.connection() as conn:
        if conn.execute("SELECT to_regclass(quote_ident(%s))", (fact.name,)).fetchone() == (None,):
            return schema.empty_table()
        with conn.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT {} FROM {} WHERE source_uuid = %s AND usage_start >= %s AND usage_start < %s ORDER BY usage_start, layer"
                ).format(sql.SQL(", ").join(_read(c) for c in columns), sql.Identifier(fact.name)),
                (source_uuid, month, add_months(month, 1)),
            )
            fetched = cursor.fetchall()
    values = zip(*fetched, strict=True) if fetched else [()] * len(columns)
    return pa.table([pa.array(v, f.type) for v, f in zip(values, schema, strict=True)], schema=schema)


def _read(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    return sql.SQL("{}::text").format(name) if column.kind in (Kind.LABELS, Kind.UUID) else name
