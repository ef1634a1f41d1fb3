"""The daily summary and its rollups, as declarations; the core makes, partitions, fills and drops the tables."""

from __future__ import annotations

from dataclasses import dataclass

from koku_core.declare.columns import Column, Kind

#: What the core adds to every fact and rollup.
#: `layer` says which step made a row: 0 summarized, 1 priced (markup included), 2 distributed. Rollups do not keep it.
CONTEXT = (
    Column("source_uuid", Kind.UUID, "the source"),
    Column("usage_start", Kind.DATE, "the day, UTC"),
    Column("layer", Kind.INTEGER, "0 summarized, 1 priced, 2 distributed"),
)

#: What a fact of costs by rate (`Summary.by_rate`) has beside columns of the daily summary.
RATE_COLUMNS = (
    Column("rate_name", Kind.TEXT, "the rate's name in its price list, or what raw cost and markup are called"),
    Column("metric", Kind.TEXT, "the rate's metric; raw, markup"),
    Column("rate_type", Kind.TEXT, "the rate's cost type"),
    Column("price_list", Kind.UUID, "the price list that was in force on the day"),
    Column("price_list_version", Kind.INTEGER, "its version when the day was priced"),
)


@dataclass(frozen=True, slots=True)
class Rollup:
    """An aggregate of a fact: `SELECT dims, aggregates FROM fact WHERE where GROUP BY source, day, dims`.

    Attributes:
        name: the table's name, unique over all plugins.
        dims: columns of the fact that are kept as keys (source_uuid and usage_start always are).
        sums, maxes: columns of the fact that are aggregated; nulls count as nothing.
        texts: columns whose distinct values are collected into an array.
        where: a condition on columns of the fact, in SQL that every engine understands; it holds no values from outside.
    """

    name: str
    dims: tuple[str, ...]
    sums: tuple[str, ...] = ()
    maxes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class TagTable:
    """Where the tag endpoints find keys and values: `tags` of one column of the fact, with the columns they can be filtered by.

    The core keeps, per source and month, the distinct (key, value, dims) of the labels in `column`.

    Attributes:
        kind: what `filter[type]` calls it (`pod`, `storage`); empty if there is one kind alone.
        column: the label column of the fact.
        dims: columns of the fact kept beside key and value.
        where: as in a rollup.
        of_tags: whether its keys are tag keys, which settings enable and map; False: those of other `Labels`.
    """

    kind: str
    column: str
    dims: tuple[str, ...] = ()
    where: str = ""
    of_tags: bool = True


@dataclass(frozen=True, slots=True)
class Fact:
    """The daily summary of one provider family: one table in each tenant's schema, in monthly range partitions.

    Attributes:
        name: the table's name, unique over all plugins.
        columns: the plugin's columns, without `CONTEXT`.
        rollups: its aggregates.
        tags: its tag tables.
    """

    name: str
    columns: tuple[Column, ...]
    rollups: tuple[Rollup, ...] = ()
    tags: tuple[TagTable, ...] = ()

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The context columns, then the plugin's."""
        return CONTEXT + self.columns

    @property
    def tag_columns(self) -> tuple[str, ...]:
        """The columns of labels whose keys are tag keys."""
        others = {t.column for t in self.tags if not t.of_tags}
        return tuple(c.name for c in self.columns if c.kind is Kind.LABELS and c.name not in others)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is none.
        """
        return {c.name: c for c in self.all_columns}[name]
