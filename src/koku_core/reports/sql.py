"""Writes the statement that answers a question: one pass over one table gives rows, groups and total.

`cells` aggregates the table per bucket, group, source and whatever is listed beside; `sums` adds the cells up for each row, for each group
over all buckets where groups are ranked, and for the total; `figures` are the report's figures of those. `ranking` then chooses and orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import sql

from koku_core.declare.facts import Fact
from koku_core.declare.reports import Listed, Text
from koku_core.reports import inside
from koku_core.reports.conditions import Conditions, Values, all_of, raw
from koku_core.reports.context import Context
from koku_core.reports.conversion import Conversion
from koku_core.reports.parameters import Group, Inside
from koku_core.reports.period import Period
from koku_core.reports.plan import Plan

Sql = sql.Composable  #: a piece of SQL
#: How cells of the table are aggregated, and how those are again.
_HOW = {"sum": ("sum", "sum"), "max": ("max", "max"), "each": ("max", "sum")}


def names(columns: Sequence[str], table: str = "") -> Sql:
    """`a, b`, quoted, of one table if it is named."""
    of = sql.SQL("{}.").format(sql.Identifier(table)) if table else sql.SQL("")
    return sql.SQL(", ").join(of + sql.Identifier(c) for c in columns)


def _of_each(column: str) -> str:
    """The column of cells that tells apart what is counted."""
    return f"of {column}"


def bucket(period: Period) -> Sql:
    """The first day of a row's bucket."""
    return sql.SQL("usage_start" if period.daily else "date_trunc('month', usage_start::timestamp)::date")


def source(fact: Fact, table: str, has_data: bool) -> Sql:
    """The table to read; an empty one of the same columns where the tenant has no data yet."""
    if has_data:
        return sql.Identifier(table)
    columns = sql.SQL(", ").join(
        sql.SQL("NULL::{} AS {}").format(sql.SQL(c.kind.value), sql.Identifier(c.name)) for c in fact.all_columns
    )
    return sql.SQL("(SELECT {} LIMIT 0)").format(columns)


@dataclass
class Statement:
    """What the parts of one statement share: the plan, the bound values, and the names of its columns."""

    plan: Plan
    context: Context
    values: Values = field(default_factory=Values)

    def __post_init__(self) -> None:
        plan, parameters = self.plan, self.plan.parameters
        self.parameters, self.report = parameters, plan.report
        categories = self.report.categories if parameters.categories is not None else None
        self.conditions = Conditions(self.values, categories)
        self.groups = [f"g{n}" for n in range(len(parameters.groups))]
        self.lists = ["source_uuid", *(x.name for x in plan.lists)]
        self.texts = [t.name for t in plan.texts if t.value or t.of_group]
        self.apart = [t.name for t in plan.texts if t.apart]
        self.ranked = [*self.groups, *(n for n in self.report.ranked_with if n in self.apart)]
        self.flags = [f for f in self.report.flags if parameters.grouped_by(f.key)]
        self.columns = plan.columns
        self.figures = list(dict.fromkeys(self.columns.values()))
        self.per = list(dict.fromkeys(column for a in plan.aggregates for column in a.per))
        self.row_level, self.group_level = 0, 1 << len(self.groups)
        self.total_level = (1 << (len(self.groups) + 1)) - 1
        periods = [parameters.period] + ([parameters.period.previous()] if self.looks_back else [])
        self.conversion = Conversion(self.context, parameters.currency, bool(plan.currency), periods, self.values)

    @property
    def looks_back(self) -> bool:
        """Whether the period before is needed."""
        delta = self.parameters.delta
        return delta is not None and not delta.compared and delta.figure in self.columns

    def tables(self) -> list[Sql]:
        """The WITH clause: `cells`, `sums`, `figures`, and for a comparison the same of the period before as `previous`."""
        period = self.parameters.period
        found: list[Sql] = [
            *self.conversion.tables(),
            sql.SQL("cells AS ({})").format(self._cells(period)),
            sql.SQL("sums AS ({})").format(self._sums()),
            sql.SQL("figures AS ({})").format(self._figures()),
        ]
        if self.looks_back:
            found += [
                sql.SQL("cells_before AS ({})").format(self._cells(period.previous())),
                sql.SQL("previous AS ({})").format(self._previous()),
            ]
        return found

    def _cells(self, period: Period) -> Sql:
        plan = self.plan
        keys: list[Sql] = [sql.SQL("{} AS bucket").format(bucket(period)), sql.SQL("source_uuid")]
        keys += [sql.SQL("{} AS {}").format(self.group_value(g), sql.Identifier(n)) for g, n in self._named_groups()]
        beside = {x.name: x.value for x in plan.lists} | {t.name: t.value for t in plan.texts if t.apart}
        keys += [sql.SQL("{} AS {}").format(raw(of.sql), sql.Identifier(name)) for name, of in beside.items() if of]
        if plan.currency:
            keys.append(sql.SQL("{} AS bill").format(sql.Identifier(plan.currency)))
        keys += [sql.SQL("{} AS {}").format(sql.Identifier(c), sql.Identifier(_of_each(c))) for c in self.per]
        selected = [*keys, *self._aggregates()]
        cells = sql.SQL("SELECT {} FROM {} AS fact WHERE {} GROUP BY {}").format(
            sql.SQL(", ").join(selected),
            source(plan.fact, plan.table, self.context.has_data),
            self.where(period, plan.where.sql if plan.where else ""),
            sql.SQL(", ").join(sql.SQL(str(n + 1)) for n in range(len(keys))),
        )
        return self._counted_once(cells) if any(a.how == "each" for a in plan.aggregates) else cells

    def _counted_once(self, cells: Sql) -> Sql:
        """The cells, with what is counted once each in the one cell of each that has the most of it, so that it can be added up."""
        plan, once = self.plan, [a.name for a in self.plan.aggregates if a.how == "each"]
        bill = ["bill"] if plan.currency else []
        texts = [t.name for t in plan.texts if t.value]
        others = [a.name for a in plan.aggregates if a.how != "each"]
        kept = [
            "bucket",
            "source_uuid",
            *self.groups,
            *(x.name for x in plan.lists),
            *bill,
            *others,
            *texts,
            *(f.name for f in self.flags),
        ]
        each = names(["bucket", "source_uuid", *self.groups, *map(_of_each, self.per)])
        first = sql.SQL(
            "CASE row_number() OVER (PARTITION BY {each} ORDER BY {of} DESC) WHEN 1 THEN {of} ELSE 0 END AS {of}"
        )
        return sql.SQL("SELECT {}, {} FROM ({}) AS cells").format(
            names(kept), sql.SQL(", ").join(first.format(each=each, of=sql.Identifier(n)) for n in once), cells
        )

    def _named_groups(self) -> list[tuple[Group, str]]:
        return list(zip(self.parameters.groups, self.groups, strict=True))

    def group_value(self, group: Group) -> Sql:
        """The value that a row is grouped by; null stands for an empty text too."""
        if group.key is None:
            value: Sql = self.conditions.label(group.column, group.name.key)
        else:
            assert group.key.value is not None  # noqa: S101 - validation lets no other key be grouped by
            value = self._of_nodes(group.key.value.sql)
            categories = self.report.categories
            if categories and categories.key == group.key.name and self.parameters.categories is not None:
                value = sql.SQL("coalesce({}, {})").format(raw(categories.name.sql), value)
        return sql.SQL("nullif({}, '')").format(value)

    def _of_nodes(self, text: str) -> Sql:
        """SQL of a declaration, in which `{nodes}` are those that are looked into, if any are."""
        looked_into = self.parameters.inside
        return (
            raw(text, nodes=self.values.bind(list(looked_into.nodes), "text[]"))
            if looked_into and "{nodes}" in text
            else raw(text)
        )

    def _aggregates(self) -> list[Sql]:
        found: list[Sql] = []
        for a in self.plan.aggregates:
            where = sql.SQL(" FILTER (WHERE {})").format(raw(a.where.sql)) if a.where else sql.SQL("")
            aggregate = sql.SQL("coalesce({}({}){}, 0) AS {}")
            found.append(aggregate.format(sql.SQL(_HOW[a.how][0]), raw(a.of.sql), where, sql.Identifier(a.name)))
        for t in self.plan.texts:
            if t.value and not t.apart:
                found.append(sql.SQL("max({}) AS {}").format(raw(t.value.sql), sql.Identifier(t.name)))
        for flag in self.flags:
            found.append(sql.SQL("bool_or({}) AS {}").format(raw(flag.condition.sql), sql.Identifier(flag.name)))
        return found

    def where(self, period: Period, rows: str) -> Sql:
        """The rows of the table that the question is about."""
        parameters = self.parameters
        days = sql.SQL("usage_start BETWEEN {} AND {}").format(
            self.values.bind(period.start, "date"), self.values.bind(period.end, "date")
        )
        conditions: list[Sql] = [days]
        conditions += [raw(f"({rows})")] if rows else []
        conditions += [sql.SQL("false")] if parameters.empty else []
        conditions += [self._of_nodes(inside.condition(parameters.inside))] if parameters.inside else []
        conditions += self.conditions.access(self.plan.restrictions)
        conditions += self.conditions.filters(parameters.filters)
        conditions += self.conditions.excludes(parameters.excludes)
        return all_of(conditions)

    def _sums(self) -> Sql:
        keys = ["bucket", *self.groups]
        rows = [*keys, *self.apart]
        sets = [rows] if self.plan.parameters.ranked is False else [rows, self.ranked]
        listed = [
            sql.SQL("array_agg(DISTINCT {0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL) AS {1}").format(
                sql.SQL("cells.{}::text").format(sql.Identifier(n)), sql.Identifier(n)
            )
            for n in self.lists
        ]
        selected = [
            sql.SQL("grouping({}) AS level").format(names(keys)),
            names(keys),
            *listed,
            *(self._joined_text(t) for t in self.plan.texts if t.value),
            *(sql.SQL("coalesce(bool_or(cells.{0}), false) AS {0}").format(sql.Identifier(f.name)) for f in self.flags),
            sql.SQL("max(cells.bill) AS base_currency" if self.plan.currency else "NULL AS base_currency"),
            sql.SQL("{} AS missing_rates").format(self.conversion.missing(self.plan.aggregates)),
            *self._converted(),
        ]
        return sql.SQL("SELECT {} FROM cells {} GROUP BY GROUPING SETS ({}, ())").format(
            sql.SQL(", ").join(selected),
            self.conversion.joins(),
            sql.SQL(", ").join(sql.SQL("({})").format(names(s)) for s in sets),
        )

    @staticmethod
    def _joined_text(text: Text) -> Sql:
        """A text of several cells: the largest, unless cells are told apart by it."""
        return sql.SQL("cells.{0}" if text.apart else "max(cells.{0}) AS {0}").format(sql.Identifier(text.name))

    def _converted(self) -> list[Sql]:
        return [
            sql.SQL("coalesce({}({}), 0) AS {}").format(
                sql.SQL(_HOW[a.how][1]), self.conversion.money(a), sql.Identifier(a.name)
            )
            for a in self.plan.aggregates
        ]

    def _figures(self) -> Sql:
        made = {x.name: self._shown(x) for x in self.plan.lists if x.shown}
        lists = [n for n in self.lists if n not in made]
        kept = ["level", "bucket", *self.groups, *lists, *(f.name for f in self.flags)]
        computed = [*made.items(), *((t.name, self._text(t)) for t in self.plan.texts if t.value or t.of_group)]
        computed += [(f.name, raw(f.sql)) for f in self.plan.figures if f.name in self.figures]
        return sql.SQL("SELECT {}, {} FROM sums").format(
            names([*kept, "base_currency", "missing_rates"]),
            sql.SQL(", ").join(sql.SQL("{} AS {}").format(of, sql.Identifier(name)) for name, of in computed),
        )

    def _shown(self, listed: Listed) -> Sql:
        """What is made of a list's values; only of those that are shown."""
        made = raw(listed.shown, values=sql.SQL("sums.{}").format(sql.Identifier(listed.name)))
        return (
            made
            if listed.total
            else sql.SQL("CASE level WHEN {} THEN {} END").format(sql.Literal(self.row_level), made)
        )

    def _text(self, text: Text) -> Sql:
        """The text of a row's largest value, or what follows from its group."""
        if text.of_group:
            return self._of_group(text)
        if self.parameters.inside and text.name == inside.ALIAS:
            return self._named(self.parameters.inside)
        value = sql.Identifier(text.name)
        return raw(text.shown, value=sql.SQL("sums.{}").format(value)) if text.shown else value

    def _named(self, looked_into: Inside) -> Sql:
        """The name of what lies in a node: a node's own, or the largest of a leaf's rows."""
        there = looked_into.names
        node = sql.SQL("(SELECT name FROM unnest({}, {}) AS node (id, name) WHERE node.id = sums.g1)").format(
            self.values.bind(list(there), "text[]"), self.values.bind(list(there.values()), "text[]")
        )
        kind = self.values.bind(looked_into.tree.kinds[0])
        return sql.SQL("CASE WHEN sums.g0 = {} THEN coalesce({}, sums.g1) ELSE sums.{} END").format(
            kind, node, sql.Identifier(inside.ALIAS)
        )

    def _of_group(self, text: Text) -> Sql:
        """A text that follows from the group's value; where that is a category that was asked for, it says so."""
        value = next(sql.Identifier(n) for g, n in self._named_groups() if g.key and g.key.name == text.key)
        expression: Sql = raw(text.of_group, value=value)
        asked, categories = self.parameters.categories, self.report.categories
        if asked and categories and categories.key == text.key:
            among = sql.SQL("CASE WHEN {0} = ANY({1}) THEN 'category_' || {0} ELSE {2} END")
            return among.format(value, self.values.bind(list(asked), "text[]"), expression)
        return expression

    def _previous(self) -> Sql:
        """The compared figure of each row of the period before, under the bucket that it is compared with."""
        delta = self.parameters.delta
        assert delta is not None  # noqa: S101 - only called when looking back
        figure = next(f for f in self.plan.figures if f.name == delta.figure)
        return sql.SQL(
            """SELECT bucket, {groups} {figure} AS value FROM (
                 SELECT cells.bucket, {groups} {sums} FROM cells_before AS cells {joins} GROUP BY cells.bucket {by}
               ) AS sums"""
        ).format(
            groups=sql.SQL("").join(sql.SQL("{}, ").format(sql.Identifier(g)) for g in self.groups),
            figure=raw(f"({figure.sql})"),
            sums=sql.SQL(", ").join(self._converted()),
            joins=self.conversion.joins(),
            by=sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(g)) for g in self.groups),
        )

    def text(self, final: Sql) -> sql.Composed:
        """The whole statement."""
        return sql.SQL("WITH {} {}").format(sql.SQL(", ").join(self.tables()), final)
