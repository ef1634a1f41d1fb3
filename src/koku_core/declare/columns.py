"""The types that a plugin declares its columns in, and what each is called by Arrow and by PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(Enum):
    """What a column holds. The value is its PostgreSQL type."""

    TEXT = "text"
    INTEGER = "bigint"
    QUANTITY = "numeric(38,9)"  #: an amount as delivered: core-seconds, byte-seconds, bytes
    MONEY = "numeric(33,15)"  #: money, and every figure of a summary
    DATE = "date"
    LABELS = "jsonb"  #: a map from text to text; JSON text in the lake
    BOOLEAN = "boolean"
    UUID = "uuid"
    TEXTS = "text[]"  #: a set of texts; in rollups only

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column in the lake and in answers."""
        import pyarrow as pa

        return {
            Kind.TEXT: pa.string(), Kind.INTEGER: pa.int64(), Kind.QUANTITY: pa.decimal128(38, 9),
            Kind.MONEY: pa.decimal128(33, 15), Kind.DATE: pa.date32(), Kind.LABELS: pa.string(),
            Kind.BOOLEAN: pa.bool_(), Kind.UUID: pa.string(), Kind.TEXTS: pa.list_(pa.string()),
        }[self]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name (lower snake case), what it holds, its unit, and what it means."""

    name: str
    kind: Kind
    doc: str = ""
    unit: str = ""


def text(name: str, doc: str = "") -> Column:
    """A text column."""
    return Column(name, Kind.TEXT, doc)


def quantity(name: str, unit: str, doc: str = "") -> Column:
    """An amount as delivered, exact to nine decimals."""
    return Column(name, Kind.QUANTITY, doc, unit)


def money(name: str, doc: str = "", unit: str = "") -> Column:
    """Money or a summary's figure: numeric(33,15)."""
    return Column(name, Kind.MONEY, doc, unit)


def labels(name: str, doc: str = "") -> Column:
    """A map of labels."""
    return Column(name, Kind.LABELS, doc)
