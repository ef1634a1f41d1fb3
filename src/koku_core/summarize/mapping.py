"""Applies the mappings of tag keys: in the daily summary a label of a child's key stands under its parent's."""

from __future__ import annotations

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.declare.facts import Fact
from koku_core.sql import Table

#: Where a row has both, its own label of the parent's key stays; of several children the first by key counts.
_RENAMED = """(
    SELECT jsonb_object_agg(name, value) FROM (
        SELECT DISTINCT ON (name) coalesce(parent, key) AS name, value
        FROM jsonb_each({column}) LEFT JOIN unnest(%(children)s::text[], %(parents)s::text[]) AS mapping (child, parent) ON child = key
        ORDER BY coalesce(parent, key), parent IS NOT NULL, key
    ) AS renamed)"""
_HAS_CHILD = "{column} ?| %(children)s::text[]"
#: What label columns of the summary have of labels as they came.
_PUBLISHED = """coalesce(
    (SELECT jsonb_object_agg(key, value) FROM jsonb_each({column}) WHERE key = ANY(%(enabled)s::text[])), '{{}}'::jsonb)"""


def mapped_keys(conn: Connection, family: str) -> dict[str, list[str]]:
    """The enabled keys of a family that are mapped (`children`), and for each the one that it is mapped to (`parents`)."""
    pairs = conn.execute(
        """SELECT c.key, p.key FROM tag_mapping m JOIN tag_key c ON c.uuid = m.child JOIN tag_key p ON p.uuid = m.parent
           WHERE c.family = %s AND c.enabled""", (family.upper(),),
    ).fetchall()  # fmt: skip
    return {"children": [child for child, _ in pairs], "parents": [parent for _, parent in pairs]}


def renamed(column: sql.Composable) -> sql.Composed:
    """SQL of labels with mapped keys under their parents'; it needs the values `children` and `parents`."""
    text = f"CASE WHEN {_HAS_CHILD} THEN {_RENAMED} ELSE {{column}} END"
    return sql.SQL(text).format(column=column)


def published(column: sql.Composable) -> sql.Composed:
    """SQL of labels as they came, as a summary has them; it needs the values `enabled`, `children` and `parents`."""
    return renamed(sql.SQL(_PUBLISHED).format(column=column))


def apply_mappings(conn: Connection, fact: Fact, family: str, table: Table) -> None:
    """Rename the labels of mapped keys in every column of tags of a table.

    Args:
        conn: the publishing transaction.
        fact: what the table's columns are.
        family: whose tag keys they hold.
        table: the summarized rows.
    """
    keys = mapped_keys(conn, family)
    if not keys["children"]:
        return
    update = f"UPDATE {{table}} SET {{column}} = {_RENAMED} WHERE {_HAS_CHILD}"
    for column in fact.tag_columns:
        text = sql.SQL(update).format(
            table=sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name),
            column=sql.Identifier(column),
        )
        conn.execute(text, keys)
