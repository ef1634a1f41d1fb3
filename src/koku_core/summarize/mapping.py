"""Applies the mappings of tag keys: in the daily summary a label of a child's key stands under its parent's."""

from __future__ import annotations

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.declare.columns import Kind
from koku_core.declare.facts import Fact
from koku_core.sql import Table

#: Where a row has both, its own label of the parent's key stays; of several children the first by key counts.
_RENAME = """
    UPDATE {table} SET {column} = (
        SELECT jsonb_object_agg(name, value) FROM (
            SELECT DISTINCT ON (name) coalesce(parent, key) AS name, value
            FROM jsonb_each({column}) LEFT JOIN unnest(%(children)s::text[], %(parents)s::text[]) AS mapping (child, parent) ON child = key
            ORDER BY coalesce(parent, key), parent IS NOT NULL, key
        ) AS renamed)
    WHERE {column} ?| %(children)s::text[]
"""


def apply_mappings(conn: Connection, fact: Fact, family: str, table: Table) -> None:
    """Rename the labels of mapped keys in every label column of a table.

    Args:
        conn: the publishing transaction.
        fact: what the table's columns are.
        family: whose tag keys they hold.
        table: the summarized rows.
    """
    pairs = conn.execute(
        """SELECT c.key, p.key FROM tag_mapping m JOIN tag_key c ON c.uuid = m.child JOIN tag_key p ON p.uuid = m.parent
           WHERE c.family = %s AND c.enabled""", (family.upper(),),
    ).fetchall()  # fmt: skip
    if not pairs:
        return
    children, parents = ([pair[n] for pair in pairs] for n in (0, 1))
    for column in (c for c in fact.columns if c.kind is Kind.LABELS):
        text = sql.SQL(_RENAME).format(
            table=sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name),
            column=sql.Identifier(column.name),
        )
        conn.execute(text, {"children": children, "parents": parents})
