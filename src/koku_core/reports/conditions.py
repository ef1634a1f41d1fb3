"""Filters, exclusions and access as SQL conditions. Values are bound, patterns escaped, keys of labels bound too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import sql

from koku_core.declare.reports import Categories, Expression, Key
from koku_core.reports.access import Restrictions
from koku_core.reports.parameters import ALL, Match


class Values:
    """The bound values of one statement, each under a name."""

    def __init__(self) -> None:
        self.all: dict[str, Any] = {}

    def bind(self, value: Any, kind: str = "text") -> sql.Composed:
        """A placeholder of a PostgreSQL type for a value."""
        name = f"v{len(self.all)}"
        self.all[name] = value
        return sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(kind))


def raw(text: str, **parts: sql.Composable) -> sql.Composable:
    """SQL of a declaration; `{name}` in it stands for a part."""
    doubled = text.replace("%", "%%")
    return sql.SQL(doubled).format(**parts) if parts else sql.SQL("{}").format(sql.SQL(doubled))


def any_of(conditions: Iterable[sql.Composable]) -> sql.Composable:
    """At least one of the conditions."""
    return _joined(conditions, " OR ", "false")


def all_of(conditions: Iterable[sql.Composable]) -> sql.Composable:
    """All of the conditions."""
    return _joined(conditions, " AND ", "true")


def _joined(conditions: Iterable[sql.Composable], word: str, nothing: str) -> sql.Composable:
    listed = list(conditions)
    if not listed:
        return sql.SQL(nothing)
    return listed[0] if len(listed) == 1 else sql.SQL("({})").format(sql.SQL(word).join(listed))


def pattern(value: str) -> str:
    """The LIKE pattern of texts that contain `value` as it is."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


class Conditions:
    """Writes the conditions of one statement."""

    def __init__(self, values: Values, categories: Categories | None = None) -> None:
        """Prepare to write.

        Args:
            values: of the statement.
            categories: given if groups are shown under their category; a filter on them then means the category's name too.
        """
        self._values, self._categories = values, categories

    def filters(self, matches: Iterable[Match]) -> list[sql.Composable]:
        """What rows must fulfil: plain and exact values of a key are alternatives, everything else is required as well."""
        found: list[sql.Composable] = []
        either: dict[str, list[sql.Composable]] = {}
        for match in matches:
            operator = match.name.operator
            if operator in ("", "exact"):
                either.setdefault(match.name.full, []).extend(self._each(match))
            else:
                found.append((all_of if operator == "and" else any_of)(self._each(match)))
        return found + [any_of(conditions) for conditions in either.values()]

    def excludes(self, matches: Iterable[Match]) -> list[sql.Composable]:
        """What rows must not fulfil; a row without a value stays. `exact:` has no effect, and `*` is a text, as clients know it."""
        return [
            sql.SQL("NOT coalesce({}, false)").format(
                (all_of if match.name.operator == "and" else any_of)(self._each(match, literal=True))
            )
            for match in matches
            if match.name.operator != "exact"
        ]

    def access(self, restrictions: Restrictions) -> list[sql.Composable]:
        """What the asker may see: exactly the values of the list."""
        return [self._allowed(key, self._values.bind(list(allowed), "text[]")) for key, allowed in restrictions.items()]

    @staticmethod
    def _allowed(key: Key, values: sql.Composable) -> sql.Composable:
        if key.allowed:
            return raw(key.allowed.sql, values=values)
        return any_of(sql.SQL("{} = ANY({})").format(raw(e.sql), values) for e in key.searched)

    def _each(self, match: Match, *, literal: bool = False) -> list[sql.Composable]:
        """A condition for each value; `literal`: a `*` is a text and not all values."""
        key, exact = match.key, match.name.operator == "exact"
        literal = literal or exact
        if key is None:
            return [self._label(match, value, exact, literal) for value in match.values]
        if key.condition and ALL in match.values and not literal:
            return [sql.SQL("true")]
        if key.condition:
            lower = self._values.bind([v.lower() for v in match.values], "text[]")
            return [raw(key.condition.sql, values=lower)]
        return [self._value(key, value, exact, literal) for value in match.values]

    def _value(self, key: Key, value: str, exact: bool, literal: bool) -> sql.Composable:
        if value == ALL and not literal:
            return sql.SQL("true")
        looked_at = [e.sql for e in key.searched]
        categories = self._categories
        if categories and categories.key == key.name:
            looked_at.append(categories.name.sql)
        return any_of(self._compared(raw(e), value, exact) for e in looked_at)

    def _label(self, match: Match, value: str, exact: bool, literal: bool) -> sql.Composable:
        if value == ALL and not literal:
            return sql.SQL("{} ? {}").format(sql.Identifier(match.column), self._values.bind(match.name.key))
        return self._compared(self.label(match.column, match.name.key), value, exact)

    def label(self, column: str, key: str) -> sql.Composable:
        """The value of a label."""
        return sql.SQL("({} ->> {})").format(sql.Identifier(column), self._values.bind(key))

    def _compared(self, text: sql.Composable, value: str, exact: bool) -> sql.Composable:
        if exact:
            return sql.SQL("{} = {}").format(text, self._values.bind(value))
        return sql.SQL("{} ILIKE {}").format(text, self._values.bind(pattern(value)))


def columns_of(matches: Iterable[Match], restrictions: Restrictions) -> set[str]:
    """The columns that conditions look at."""
    found: set[str] = set()
    for match in matches:
        found |= {match.column} if match.key is None else _columns(match.key)
    for key in restrictions:
        found |= set(key.allowed.columns) if key.allowed else _columns(key)
    return found


def _columns(key: Key) -> set[str]:
    looked_at: tuple[Expression, ...] = (key.condition,) if key.condition else key.searched
    return {c for e in looked_at for c in e.columns}
