"""A dataset: one kind of line items, a table of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from koku_core.declare.columns import Column, Kind, text

if TYPE_CHECKING:
    import pyarrow as pa

#: What the core adds to every dataset. `delivery` and `hours` say which delivery a row came by and which hours of the day that
#: delivery covered (bit h = hour h UTC; -1 = the whole day); `plugin_version` is that of the plugin that normalized the partition.
STAMPS = (
    text("source_uuid", "the source"),
    Column("usage_start", Kind.DATE, "the day, UTC"),
    text("delivery", "which delivery the row came by"),
    Column("hours", Kind.INTEGER, "hours of the day covered by the delivery, as bits"),
    text("plugin_version", "version of the plugin that normalized the row"),
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Line items of one kind, partitioned by source and day.

    Attributes:
        name: the table's name in the lake and in templates, lower snake case, unique over all plugins.
        columns: the plugin's own columns, without `STAMPS`.
        doc: what one row is.
    """

    name: str
    columns: tuple[Column, ...]
    doc: str = ""

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The stamps, then the plugin's columns: the table's columns in the lake and in staging."""
        return STAMPS + self.columns

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the lake's table."""
        import pyarrow as pa

        return pa.schema([pa.field(c.name, c.kind.arrow) for c in self.all_columns])

    @property
    def normalized_schema(self) -> pa.Schema:
        """Arrow schema that the normalize hook must return: `usage_start` and the plugin's columns."""
        import pyarrow as pa

        return pa.schema(
            [pa.field("usage_start", pa.date32())] + [pa.field(c.name, c.kind.arrow) for c in self.columns]
        )

    def conform(self, rows: pa.Table | None) -> pa.Table:
        """Rows in the order and types that the normalize hook must return; other columns are left out, and None is no rows."""
        schema = self.normalized_schema
        return schema.empty_table() if rows is None else rows.select(schema.names).cast(schema)
