"""Chooses and orders the rows of an answer, in the database: ranks groups, folds those below into one, fills gaps with zeros."""

from __future__ import annotations

from psycopg import sql

from koku_core.declare.reports import Text
from koku_core.reports.parameters import Order
from koku_core.reports.period import Period
from koku_core.reports.plan import SIZE
from koku_core.reports.sql import Sql, Statement, names

#: Columns of the result before groups, lists, texts, flags and figures.
LEADING = ("level", "rank", "bucket")
_BY_RANK = ("cost_total", "cost_total_distributed")


class Ranking:
    """The end of a statement: which rows, in which order."""

    def __init__(
        self, statement: Statement, *, newest_first: bool = False, limit: int | None = None, lengths: bool = False
    ) -> None:
        """Prepare to write.

        Args:
            statement: what comes before.
            newest_first: buckets in falling order, as CSV has them.
            limit: of rows, the total's included.
            lengths: every row ends with the length of the longest of each list, which CSV must know before it begins.
        """
        self._s, self._newest_first, self._limit, self._lengths = statement, newest_first, limit, lengths
        self._p = statement.parameters

    def text(self) -> sql.Composed:
        """The whole statement; the total is its first row."""
        body = self._ranked() if self._p.ranked else self._plain()
        limit = sql.SQL("LIMIT {}").format(sql.Literal(self._limit)) if self._limit else sql.SQL("")
        longest = sql.SQL(", max(CASE level WHEN 0 THEN cardinality({}) END) OVER ()")
        lengths = [longest.format(sql.Identifier(n)) for n in self._s.lists] if self._lengths else []
        final = sql.SQL("{} SELECT *{} FROM shown ORDER BY level DESC, {} {}")
        return self._s.text(final.format(body, sql.SQL("").join(lengths), sql.SQL(", ").join(self._order()), limit))

    def columns(self) -> list[str]:
        """The names of the result's columns."""
        s = self._s
        flags = [f.name for f in s.flags]
        lengths = [f"longest {n}" for n in s.lists] if self._lengths else []
        middle = [*s.groups, *s.lists, *s.texts, *flags, "base_currency", "missing_rates"]
        return [*LEADING, *middle, *s.figures, "previous", *lengths]

    def _middle(self, *, lists: str = "f") -> Sql:
        """Groups are named by the caller; lists, texts, flags and currency of a row of `figures AS f`."""
        s = self._s
        rest = [*s.texts, *(f.name for f in s.flags), "base_currency", "missing_rates"]
        return sql.SQL("{}, {}").format(names(s.lists, lists), names(rest, "f"))

    def _plain(self) -> Sql:
        s = self._s
        return sql.SQL(
            ", shown AS (SELECT f.level, 0::bigint AS rank, f.bucket, {} {}, {}, {} AS previous FROM figures AS f {})"
        ).format(
            self._groups("f"), self._middle(), names(s.figures, "f"), self._before(), self._join_before("f.bucket")
        )

    def _groups(self, table: str) -> Sql:
        return sql.SQL("").join(sql.SQL("{}, ").format(names([g], table)) for g in self._s.groups)

    def _ranked(self) -> Sql:
        parts = [sql.SQL(", ranks AS ({})").format(self._ranks()), sql.SQL(", shown AS ({}").format(self._first())]
        if self._p.with_others:
            parts.insert(1, sql.SQL(", folded AS ({})").format(self._folded()))
            parts.append(sql.SQL("UNION ALL {}").format(self._others()))
        return sql.SQL(" ").join([*parts, sql.SQL("UNION ALL {})").format(self._total())])

    def _ranks(self) -> Sql:
        s = self._s
        return sql.SQL(
            "SELECT {}, {}, row_number() OVER (ORDER BY {}) AS rank FROM figures AS f WHERE level = {}"
        ).format(names(s.ranked), names(s.lists), sql.SQL(", ").join(self._rank_order()), sql.Literal(s.group_level))

    def _rank_order(self) -> list[Sql]:
        """By the delta's figure, the figure that is ordered by, or the report's own order; by text only where pages are asked for."""
        p, order = self._p, self._p.order
        descending = order.descending if order else True
        if order and order.by == "delta" and p.delta:
            value = self._ratio("f") if p.delta.compared else self._figure(p.delta.figure, "f")
        elif order and order.by in self._s.columns:
            value = self._figure(order.by)
        elif order and p.group_offset is not None:
            return [*self._by_text(order), *(_by_name(n) for n in self._s.ranked)]
        else:
            value, descending = self._figure(self._s.report.order), True
        return [_directed(value, descending), *self._rank_ties(descending)]

    def _rank_ties(self, descending: bool) -> list[Sql]:
        """What decides between equal groups: values of tags, then the keys in alphabetical order."""
        pairs = sorted(zip(self._p.groups, self._s.groups, strict=True), key=lambda pair: pair[0].name.full)
        tags = [_directed(sql.Identifier(n), descending) for g, n in pairs if g.key is None]
        return [*tags, *(_by_name(n) for _, n in pairs), *(_by_name(n) for n in self._s.ranked[len(pairs) :])]

    def _ties(self) -> list[Sql]:
        """What decides between equal rows: the names of their groups, then of what tells them apart."""
        return [_by_name(g) for g in (*self._s.groups, *self._s.apart)]

    def _first(self) -> Sql:
        """The groups of the ranks that are shown, in every bucket that has data: where a group has none, zeros."""
        s, offset = self._s, self._p.group_offset or 0
        figures = sql.SQL(", ").join(sql.SQL("coalesce(f.{0}, 0) AS {0}").format(sql.Identifier(f)) for f in s.figures)
        return sql.SQL(
            """SELECT 0 AS level, r.rank, b.bucket, {groups} {middle}, {figures}, {previous} AS previous
               FROM ranks AS r CROSS JOIN (SELECT DISTINCT bucket FROM figures WHERE level = 0) AS b
               LEFT JOIN figures AS f ON f.level = 0 AND f.bucket = b.bucket AND {same} {before}
               WHERE r.rank > {first} AND r.rank <= {last}"""
        ).format(
            groups=self._groups("r"), middle=self._middle(lists="r"), figures=figures, previous=self._before(),
            same=self._same("f", "r"), before=self._join_before("b.bucket", "r"),
            first=sql.Literal(offset), last=sql.Literal(offset + (self._p.group_limit or 0)),
        )  # fmt: skip

    def _same(self, left: str, right: str) -> Sql:
        """Whether two rows are of one group; a group's value is never an empty text, so that may stand for null."""
        return sql.SQL(" AND ").join(
            sql.SQL("coalesce({}, '') = coalesce({}, '')").format(names([g], left), names([g], right))
            for g in self._s.ranked
        )

    def _folded(self) -> Sql:
        return sql.SQL(
            "SELECT r.rank, f.* FROM figures AS f JOIN ranks AS r ON {} WHERE f.level = 0 AND r.rank > {}"
        ).format(self._same("f", "r"), sql.Literal(self._p.group_limit))

    def _others(self) -> Sql:
        """The groups below, as one row per bucket; all figures are added up, percentages too, as clients know it."""
        s, last = self._s, sql.Literal(self._p.group_limit)
        label = sql.SQL("CASE (SELECT count(*) FROM ranks) - {} WHEN 1 THEN 'Other' ELSE 'Others' END").format(last)
        texts = {t.name: t for t in s.plan.texts}
        selected = [
            *([label] * len(s.groups)),
            *(self._united(n) for n in s.lists),
            *(_folded_text(texts[n], label) for n in s.texts),
            *(sql.SQL("bool_or({})").format(sql.Identifier(f.name)) for f in s.flags),
            sql.SQL("max(base_currency)"),
            sql.SQL("NULL::text[]"),
            *(sql.SQL("sum({})").format(sql.Identifier(f)) for f in s.figures),
        ]
        return sql.SQL("SELECT 0, {} + 1, o.bucket, {}, NULL FROM folded AS o GROUP BY o.bucket").format(
            last, sql.SQL(", ").join(selected)
        )

    def _united(self, name: str) -> Sql:
        """The values of all folded lists of a bucket, in the order of their groups' ranks."""
        if any(x.name == name and x.shown for x in self._s.plan.lists):
            return sql.SQL(
                """(SELECT coalesce(jsonb_agg(x ORDER BY first, x), '[]') FROM (
                     SELECT x, min(i.rank) AS first FROM folded AS i, jsonb_array_elements(i.{}) AS x WHERE i.bucket = o.bucket GROUP BY x
                   ) AS u)"""
            ).format(sql.Identifier(name))
        if any(x.name == name and x.repeated for x in self._s.plan.lists):
            return sql.SQL(
                "(SELECT array_agg(x ORDER BY i.rank, x) FROM folded AS i, unnest(i.{}) AS x WHERE i.bucket = o.bucket)"
            ).format(sql.Identifier(name))
        return sql.SQL(
            """(SELECT array_agg(x ORDER BY first, x) FROM (
                 SELECT x, min(i.rank) AS first FROM folded AS i, unnest(i.{}) AS x WHERE i.bucket = o.bucket GROUP BY x
               ) AS u)"""
        ).format(sql.Identifier(name))

    def _total(self) -> Sql:
        s = self._s
        return sql.SQL(
            "SELECT f.level, (SELECT count(*) FROM ranks), f.bucket, {} {}, {}, {} FROM figures AS f WHERE f.level = {}"
        ).format(
            self._groups("f"), self._middle(), names(s.figures, "f"),
            self._before_total() if s.looks_back else sql.SQL("NULL::numeric"), sql.Literal(s.total_level),
        )  # fmt: skip

    def _before(self) -> Sql:
        """What the compared figure was in the period before."""
        if not self._s.looks_back:
            return sql.SQL("NULL::numeric")
        total = self._before_total()
        return sql.SQL("CASE f.level WHEN {} THEN {} ELSE p.value END").format(sql.Literal(self._s.total_level), total)

    def _before_total(self) -> Sql:
        """Seen by day, only days count whose counterpart has data."""
        shown = sql.SQL("WHERE bucket IN (SELECT {} FROM figures WHERE level = 0)").format(
            _shifted(sql.SQL("figures.bucket"), self._p.period)
        )
        where = shown if self._p.period.daily else sql.SQL("")
        return sql.SQL("(SELECT coalesce(sum(value), 0) FROM previous {})").format(where)

    def _join_before(self, bucket: str, table: str = "f") -> Sql:
        if not self._s.looks_back:
            return sql.SQL("")
        same = sql.SQL(" AND {}").format(self._same("p", table)) if self._s.groups else sql.SQL("")
        then = _shifted(sql.SQL(bucket), self._p.period)
        return sql.SQL("LEFT JOIN previous AS p ON p.bucket = {} {}").format(then, same)

    def _order(self) -> list[Sql]:
        """What rows are ordered by: bucket, the folded groups last, then as asked."""
        p = self._p
        found: list[Sql] = [sql.SQL("bucket DESC" if self._newest_first else "bucket")]
        if p.with_others:
            found.append(sql.SQL("rank > {}").format(sql.Literal(p.group_limit)))
        if p.order_day:
            found += self._standing()
        else:
            found += self._asked()
        return [*found, *self._ties()]

    def _standing(self) -> list[Sql]:
        """By what is asked for on one day alone, for all rows of a group; if that day has no data, as usual."""
        day = self._s.values.bind(self._p.order_day, "date")
        groups = names(self._s.groups)
        there = sql.SQL("bool_or(bucket = {}) OVER ()").format(day)
        found: list[Sql] = []
        for value, direction in self._asked_values():
            on_day = sql.SQL("max(CASE WHEN bucket = {} THEN {} END) OVER (PARTITION BY level, {})").format(
                day, value, groups
            )
            usual = sql.SQL("CASE WHEN {} THEN NULL ELSE {} END").format(there, value)
            found += [sql.SQL("{} {} NULLS LAST").format(v, sql.SQL(direction)) for v in (on_day, usual)]
        return found

    def _asked(self) -> list[Sql]:
        """What is asked for in the order; a figure that the report does not have orders nothing."""
        order = self._p.order
        if self._p.ranked and (order is None or order.by in _BY_RANK):
            return [sql.SQL("rank")]
        if order and order.by == "delta":
            return self._by_delta(order.descending)
        text = self._by_text(order) if order and order.by not in self._s.columns else []
        return text or [_directed(value, direction == "DESC") for value, direction in self._asked_values()]

    def _asked_values(self) -> list[tuple[Sql, str]]:
        """The figure that orders, and its direction."""
        order, usual = self._p.order, self._s.report.order
        if order is None or order.by == "delta":
            return [(self._figure(usual), "DESC")] if usual else []
        return [(self._figure(order.by), "DESC" if order.descending else "ASC")] if order.by in self._s.columns else []

    def _by_text(self, order: Order) -> list[Sql]:
        """By a group's value, without regard to case; the folded groups and what begins like them stand at the far end."""
        for group, name in zip(self._p.groups, self._s.groups, strict=True):
            key = group.key
            if order.by == (key.order if key else group.name.full) or (key and key.name in _order_with(self._s, order)):
                direction = sql.SQL("DESC" if order.descending else "ASC")
                column = sql.Identifier(name)
                if key is None:
                    return [sql.SQL('{} COLLATE "C" {} NULLS LAST').format(column, direction)]
                text = sql.SQL("lower(coalesce({}, {}))").format(column, sql.Literal(f"No-{group.label}"))
                return [sql.SQL("{0} LIKE 'othe%%' {1}, {0} COLLATE \"C\" {1}").format(text, direction)]
        if order.by in self._s.texts:
            direction = sql.SQL("DESC" if order.descending else "ASC")
            return [sql.SQL('lower({}::text) COLLATE "C" {} NULLS LAST').format(sql.Identifier(order.by), direction)]
        return []

    def _by_delta(self, descending: bool) -> list[Sql]:
        delta = self._p.delta
        assert delta is not None  # noqa: S101 - validation refuses to order by a delta that is not there
        if delta.compared:
            first, second = self._figure(delta.figure), self._figure(delta.compared)
            return [
                _directed(self._ratio(), descending),
                _directed(sql.SQL("({} - {})").format(first, second), descending),
            ]
        now = self._figure(delta.figure)
        change = sql.SQL("({} - coalesce(previous, 0))").format(now)
        percent = sql.SQL("({} - previous) / CASE WHEN round(previous, 2) = 0 THEN NULL ELSE previous END").format(now)
        return [_directed(percent, descending), _directed(change, descending)]

    def _ratio(self, table: str = "") -> Sql:
        delta = self._p.delta
        assert delta is not None  # noqa: S101 - as above
        return sql.SQL("{} / nullif({}, 0)").format(
            self._figure(delta.figure, table), self._figure(delta.compared, table)
        )

    def _figure(self, name: str, table: str = "") -> Sql:
        """A figure of the report; what it does not have counts as nothing."""
        column = self._s.columns.get(name)
        return names([column], table) if column and name != SIZE else sql.SQL("0")


def _by_name(group: str) -> Sql:
    return sql.SQL('lower({0}) COLLATE "C" NULLS LAST, {0} COLLATE "C" DESC').format(sql.Identifier(group))


def _folded_text(text: Text, label: Sql) -> Sql:
    """What stands for a text of many groups: all of them, run together, as clients know it, unless the text says what."""
    if text.others == "{label}":
        return label
    if text.of_group:
        return sql.SQL("{}::text").format(sql.Literal(text.others))
    return sql.SQL("string_agg({}, '' ORDER BY o.rank)").format(sql.Identifier(text.name))


def _order_with(statement: Statement, order: Order) -> tuple[str, ...]:
    return next((k.order_with for k in statement.report.keys if k.order == order.by), ())


def _directed(value: Sql, descending: bool) -> Sql:
    return sql.SQL("{} {}").format(value, sql.SQL("DESC NULLS FIRST" if descending else "ASC NULLS LAST"))


def _shifted(bucket: Sql, period: Period) -> Sql:
    """The bucket of the period before that a bucket is compared with."""
    if period.shift_months:
        return sql.SQL("({} - make_interval(months => {}))::date").format(bucket, sql.Literal(period.shift_months))
    back = sql.SQL("({} - {})").format(bucket, sql.Literal(period.shift_days))
    return back if period.daily else sql.SQL("date_trunc('month', {}::timestamp)::date").format(back)
