"""The tag endpoints: which label keys there are, and which values they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from psycopg import sql

from koku_core.clock import add_months, month_of
from koku_core.database.server import Connection
from koku_core.declare.reports import Key, Report, ReportMap, TagReport, column
from koku_core.errors import InvalidInput, UnknownName
from koku_core.reports import fields
from koku_core.reports.access import Restrictions
from koku_core.reports.conditions import Conditions, Values, all_of
from koku_core.reports.context import Context
from koku_core.reports.fields import UNSUPPORTED, checked
from koku_core.reports.parameters import ALL, Match, Parameters
from koku_core.reports.query import Parsed
from koku_core.reports.sql import Sql
from koku_core.reports.validation import Validation
from koku_core.summarize.tables import tag_table

_MOST_VALUES = 50
_KEY, _VALUE = Key("key", column("key")), Key("value", column("value"))


def as_report(tags: TagReport) -> Report:
    """The tag endpoints as a report, for validation: what they may be filtered by."""
    keys = tuple(replace(k, value=None, search=k.searched, order="") for k in (*tags.keys, _KEY, _VALUE))
    return Report("tags", "Label keys and their values.", keys, (), ())


class TagValidation(Validation):
    """The checks of a question about tags: neither groups nor orders, and filters of its own."""

    def __init__(
        self, tags: TagReport, reports: ReportMap, context: Context, today: date, retained_months: int, text: str
    ) -> None:
        super().__init__(reports, as_report(tags), context, today, retained_months, text)
        self._types = (*tags.types, ALL) if tags.types else ()
        self.key_only = False

    def _names(self, asked: Parsed) -> None:
        if "category" in asked:
            raise InvalidInput({"error": ["Category may only be used as a filter for the tag endpoints."]})
        known = ("filter", "exclude", "start_date", "end_date", "limit", "offset", "currency", "key_only")
        unknown = {name: [UNSUPPORTED] for name in asked if name not in known}
        if unknown:
            raise InvalidInput(unknown)
        errors: dict[str, Any] = {}
        self.key_only = bool(checked(errors, "key_only", fields.boolean, asked.pop("key_only", "false")))
        if errors:
            raise InvalidInput(errors)

    def _limit(self, value: Any) -> int:
        return fields.integer(value, least=1)

    def _filter(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        if self._types and "type" in given:
            own["type"] = checked(errors, "type", fields.choice, given.pop("type"), self._types)
        own["enabled"] = checked(errors, "enabled", fields.boolean, given.pop("enabled", "true"))
        return {**super()._filter(given, errors), **own}

    def _exclude(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        found = super()._exclude(given, errors)
        return {**found, "enabled": True} if found else found

    def _matches(self, given: dict[str, Any]) -> list[Match]:
        return list(super()._matches({n: v for n, v in given.items() if isinstance(v, list)}))


class TagQuery:
    """Reads keys and values of one checked question."""

    def __init__(
        self, reports: ReportMap, parameters: Parameters, restrictions: Restrictions, context: Context, key: str | None
    ) -> None:
        self._table, self._kinds = tag_table(reports.fact), [t.kind for t in reports.fact.tags if t.of_tags]
        self._parameters, self._restrictions, self._context, self._key = parameters, restrictions, context, key
        self._filters = parameters.echo["filter"]
        self._type = self._filters.get("type")
        self._enabled = self._filters["enabled"]

    def data(self, conn: Connection, *, key_only: bool) -> list[Any]:
        """The answer: rows of all keys, their names alone, or the values of one key."""
        if self._key is not None:
            return self._values(conn)
        rows = self._rows(conn)
        return list(dict.fromkeys(row["key"] for row in rows)) if key_only else rows

    def _rows(self, conn: Connection) -> list[dict[str, Any]]:
        """Every key with its values, a parent with those of its children; parents are there even without data."""
        if not self._context.has_data:
            return []
        values = Values()
        typed = sql.SQL("kind" if self._type else "NULL::text")
        text = sql.SQL(
            """SELECT name, {typed}, count(DISTINCT value), (array_agg(DISTINCT value COLLATE "C"))[:{most}] FROM (
                 SELECT coalesce(parent, key) AS name, kind, value FROM {table} LEFT JOIN {mapped} ON child = key WHERE {where}
               ) AS tag GROUP BY 1, 2 ORDER BY name COLLATE "C", 2"""
        ).format(
            typed=typed, most=sql.Literal(_MOST_VALUES), table=sql.Identifier(self._table), mapped=self._mapped(values),
            where=self._where(values),
        )  # fmt: skip
        found = [self._row(*row) for row in conn.execute(text, values.all)]
        return self._with_parents(found)

    def _values(self, conn: Connection) -> list[str]:
        """All values of the key; where a part of them is asked for, those that begin with it come first."""
        if not self._context.has_data:
            return []
        values = Values()
        wanted = self._filters.get("value") or []
        first = (
            sql.SQL('NOT starts_with(lower(value), {}), lower(value) COLLATE "C", ').format(
                values.bind(wanted[0].lower())
            )
            if wanted
            else sql.SQL("")
        )
        text = sql.SQL('SELECT value FROM {} WHERE {} GROUP BY value ORDER BY {} value COLLATE "C"').format(
            sql.Identifier(self._table), self._where(values), first
        )
        return [value for (value,) in conn.execute(text, values.all)]

    def _mapped(self, values: Values) -> Sql:
        pairs = [(child, parent) for parent, children in self._context.children.items() for child in children]
        children, parents = ([p[n] for p in pairs] for n in (0, 1))
        return sql.SQL("unnest({}, {}) AS mapping (child, parent)").format(
            values.bind(children, "text[]"), values.bind(parents, "text[]")
        )

    def _where(self, values: Values) -> Sql:
        conditions = Conditions(values)
        asked = [m for m in self._parameters.filters if not (m.key and m.key.name == "key")]
        found = [*conditions.access(self._restrictions), *conditions.filters(asked), *self._keys(values, conditions)]
        found += conditions.excludes(m for m in self._parameters.excludes if m.key and m.key.condition)
        if "value" not in self._filters:
            period = self._parameters.period
            months = (month_of(period.start), add_months(month_of(period.end), 1))
            found.append(sql.SQL("month >= {} AND month < {}").format(*(values.bind(m, "date") for m in months)))
        found.append(sql.SQL("kind = ANY({})").format(values.bind(self._kinds, "text[]")))
        if self._type and self._type != ALL:
            found.append(sql.SQL("kind = {}").format(values.bind(self._type)))
        return all_of(found)

    def _keys(self, values: Values, conditions: Conditions) -> list[Sql]:
        """The keys that are meant: enabled ones or not, and of a parent its children as well."""
        listed = values.bind(sorted(self._context.tags), "text[]")
        found: list[Sql] = [sql.SQL("{} (key = ANY({}))").format(sql.SQL("" if self._enabled else "NOT"), listed)]
        if self._key is not None:
            named = [self._key, *self._context.children.get(self._key, ())]
            return [*found, sql.SQL("key = ANY({})").format(values.bind(named, "text[]"))]
        asked = [m for m in self._parameters.filters if m.key and m.key.name == "key"]
        if asked:
            children = sorted(c for p, cs in self._context.children.items() if _meant(p, asked) for c in cs)
            own = all_of(conditions.filters(asked))
            found.append(sql.SQL("({} OR key = ANY({}))").format(own, values.bind(children, "text[]")))
        return found

    def _row(self, key: str, kind: str | None, count: int, some: list[str]) -> dict[str, Any]:
        listed = list(some)
        if count > len(some):
            listed.append(f"{count - len(some)} more...")
        return {"key": key, "values": listed, "enabled": self._enabled, **({"type": kind} if kind is not None else {})}

    def _with_parents(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Parents of mappings are listed even if neither they nor their children have data; a filter may hide them."""
        there = {row["key"] for row in rows}
        filtered = bool(self._parameters.filters) or not self._enabled or self._type is not None
        missing = [] if filtered else [p for p in self._context.children if p not in there]
        return sorted(
            [*rows, *({"key": p, "values": [], "enabled": True} for p in missing)], key=lambda row: row["key"]
        )


def check_tags(context: Context, parameters: Parameters, key: str | None, *, key_only: bool) -> None:
    """What only makes sense with a key, or only without one.

    Raises:
        UnknownName: the key is not enabled.
        InvalidInput: the question asks for what only the other kind of question can.
    """
    if key is not None and key not in context.tags | set(context.children):
        raise UnknownName("tag key", key, context.tags)
    has_value = "value" in parameters.echo["filter"]
    wrong = "key_only" if key is not None and key_only else "value" if key is None and has_value else ""
    if wrong:
        detail = f"Invalid query parameter '{wrong}'."
        raise InvalidInput({"errors": [{"detail": detail, "source": "details", "status": 400}]}, message=detail)


def _meant(parent: str, asked: Sequence[Match]) -> bool:
    return any(
        v == parent if m.name.operator == "exact" else v.lower() in parent.lower() for m in asked for v in m.values
    )
