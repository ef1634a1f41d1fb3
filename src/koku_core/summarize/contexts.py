"""The small datasets that templates read beside the line items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koku_core.database.server import Connection
from koku_core.declare.summarize import Context
from koku_core.plugins import ProviderPlugin

if TYPE_CHECKING:
    import pyarrow as pa


def contexts(conn: Connection, plugin: ProviderPlugin) -> dict[Context, pa.Table]:
    """What the tenant of `conn` has set, as Arrow tables: enabled keys of the provider's labels, patterns of cost groups."""
    import pyarrow as pa

    keys = conn.execute(
        "SELECT key FROM tag_key WHERE family = %s AND enabled ORDER BY key", (plugin.provider.family,)
    ).fetchall()
    groups = conn.execute("SELECT cost_group_id, pattern FROM cost_group_pattern ORDER BY 1, 2").fetchall()
    return {
        Context.ENABLED_TAG_KEYS: pa.table({"key": pa.array([k for (k,) in keys], pa.string())}),
        Context.COST_GROUPS: pa.table(
            {
                "cost_group_id": pa.array([g for g, _ in groups], pa.int64()),
                "pattern": pa.array([p for _, p in groups], pa.string()),
            }
        ),
    }
