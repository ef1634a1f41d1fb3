"""Checks a parsed question against a report's declaration, with the messages that clients of the API know."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from koku_core import currencies
from koku_core.declare.reports import Choice, Report
from koku_core.errors import InvalidInput
from koku_core.reports import fields, inside
from koku_core.reports.draft import Draft
from koku_core.reports.fields import REQUIRED, UNSUPPORTED, checked
from koku_core.reports.grouping import groups
from koku_core.reports.orders import check_orders, chosen
from koku_core.reports.parameters import ALL, TAG, Delta, Match, Name, Parameters
from koku_core.reports.period import SCOPES, Period, window
from koku_core.reports.query import Parsed
from koku_core.reports.rules import DATES, check_rules

_MAPS = ("filter", "exclude", "group_by", "order_by")
_TIMES = {
    "resolution": ("daily", "monthly"), "time_scope_units": ("day", "month"),
    "time_scope_value": SCOPES["day"] + SCOPES["month"],
}  # fmt: skip
_WHOLE_MONTHS = {"resolution": ("monthly",), "time_scope_units": ("month",), "time_scope_value": SCOPES["month"]}


class Validation(Draft):
    """The checks of one question; `parameters` gives the question when all of them passed."""

    def parameters(self, asked: Parsed) -> Parameters:
        """Check everything.

        Raises:
            InvalidInput: with the messages, in the shape of the question.
        """
        self._names(asked)
        self._fields(asked)
        check_rules(self)
        return self._checked()

    def _names(self, asked: Parsed) -> None:
        report = self.report
        known = {*_MAPS, *DATES, "limit", "offset", "currency"}
        known |= {"delta"} if report.deltas or report.refused_deltas else set()
        known -= set(DATES) if report.inventory else set()
        known |= {"category"} if report.categories else set()
        known |= {report.choice.name} if report.choice else set()
        unknown = {name: [UNSUPPORTED] for name in asked if name not in known}
        if unknown:
            raise InvalidInput(unknown)

    def _fields(self, asked: Parsed) -> None:
        errors: dict[str, Any] = {}
        if self.report.required and not asked.get("filter"):
            raise InvalidInput({"non_field_errors": [_none_of(self.report)]})
        inside_nodes = self.report.tree and any(
            Name.read(n).full == self.report.tree.key for n in _keys(asked, "group_by")
        )
        self.echo |= {"limit": inside.PAGE if inside_nodes else 100, "offset": 0, "currency": self.context.currency}
        for name in ("limit", "offset", *DATES, "currency", "delta", "category"):
            if name in asked:
                value = checked(errors, name, getattr(self, f"_{name}"), asked[name])
                self.echo[name] = value
        if self.report.choice:
            self.echo[self.report.choice.name] = self._chosen(self.report.choice, asked, errors)
        for name in _MAPS:
            given = asked.get(name, {})
            if isinstance(given, dict) and self.report.drops_tags:
                given = {n: v for n, v in given.items() if Name.read(n).labels != TAG}
            if isinstance(given, dict):
                found: dict[str, Any] = {}
                self.maps[name] = getattr(self, f"_{name}")(given, found)
                errors |= {name: found} if found else {}
            else:
                kind = type(given).__name__
                errors[name] = {"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]}
        if errors:
            raise InvalidInput(errors)

    def _chosen(self, choice: Choice, asked: Parsed, errors: dict[str, Any]) -> str | None:
        usual = self.context.chosen.get(choice.name, choice.default)
        if choice.name not in asked:
            return usual if usual in choice.aggregates else choice.default
        return checked(errors, choice.name, fields.choice, asked[choice.name], tuple(choice.aggregates))

    def _limit(self, value: Any) -> int:
        return fields.integer(value)

    def _offset(self, value: Any) -> int:
        return fields.integer(value, least=0)

    def _start_date(self, value: Any) -> date:
        return self._in_range(value, "start_date")

    def _end_date(self, value: Any) -> date:
        return self._in_range(value, "end_date")

    def _in_range(self, value: Any, name: str) -> date:
        day = fields.day(value)
        if not self.first <= day <= self.last:
            raise ValueError(f"Parameter {name} must be from {self.first} to {self.last}")
        return day

    def _currency(self, value: Any) -> str:
        code = fields.scalar(value).upper()
        if not currencies.known(code):
            raise ValueError(currencies.not_iso(code))
        if code not in self.context.enabled_currencies:
            raise ValueError(currencies.not_enabled(code))
        return code

    def _delta(self, value: Any) -> str:
        text = fields.scalar(value)
        if text in self.report.deltas:
            return text
        if text in self.report.refused_deltas:
            raise InvalidInput({"delta": {"delta": f'"{text}" is not a valid choice.'}})
        if not self.report.compared:
            raise ValueError(f'"{text}" is not a valid choice.')
        names = text.split("__")
        if len(names) > 2:
            raise InvalidInput({"delta": {text: "Only two fields may be compared"}})
        for name in names:
            if name not in self.report.compared or len(names) == 1:
                raise InvalidInput({"delta": {name: "Unsupported parameter"}})
        return text

    def _category(self, value: Any) -> list[str]:
        asked = fields.texts(value)
        if ALL in asked:
            return list(self.context.categories)
        unknown = [c for c in asked if c not in self.context.categories]
        if unknown:
            listed = ", ".join(repr(c) for c in unknown)
            raise InvalidInput({"category": {"error": f"Unsupported category(ies): {{{listed}}}"}})
        return asked

    def _filter(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        times = _WHOLE_MONTHS if self.report.inventory else _TIMES
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name in times:
                check = fields.only if self.report.inventory else fields.choice
                found[name] = checked(errors, name, check, value, times[name])
            elif name in ("limit", "offset") and not self.report.inventory:
                found[name] = checked(errors, name, fields.integer, value, least=0)
            elif name == "resource_scope":
                found[name] = checked(errors, name, fields.texts, value)
            else:
                found[name] = self._values("filter", name, value, errors)
        errors |= {k: [REQUIRED] for k in self.report.required if k not in {Name.read(n).key for n in given}}
        if not errors:
            self._scope(found, errors)
        return found

    def _exclude(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        return {name: self._values("exclude", name, value, errors) for name, value in given.items()}

    def _group_by(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        if given and self.report.inventory:
            errors["non_field_errors"] = ["Group by queries are not allowed."]
            return {}
        wrong = inside.refused(self, given)
        if wrong:
            raise InvalidInput({"group_by": wrong})
        return {name: self._values("group_by", name, value, errors) for name, value in given.items()}

    def _order_by(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        return check_orders(self, given, errors)

    def _values(self, where: str, name: str, value: Any, errors: dict[str, Any]) -> list[str] | None:
        """The values of one key in one of the maps."""
        key = self.known(where, Name.read(name))
        if key is None:
            errors[name] = [UNSUPPORTED]
            return None
        operator = Name.read(name).operator
        if where == "filter" and operator in key.refused:
            errors[name] = [f"The '{operator}:' operator is not supported for the '{key.name}' filter."]
            return None
        choices = key.exclude_choices or key.choices if where == "exclude" else key.choices
        return checked(errors, name, fields.texts, value, choices)

    def _scope(self, found: dict[str, Any], errors: dict[str, Any]) -> None:
        """The combinations of units, value and resolution that make sense."""
        units, value = found.get("time_scope_units"), found.get("time_scope_value")
        if units and value and value not in SCOPES[units]:
            valid = ", ".join(SCOPES[units])
            errors["time_scope_value"] = [f"Valid values are {valid} when time_scope_units is {units}"]
        elif units == "day" and found.get("resolution") == "monthly" and value:
            errors["resolution"] = ["Valid values are daily when time_scope_units is day"]

    def _checked(self) -> Parameters:
        period = self._period()
        echo, maps = self.echo, self.maps
        for name, values in maps["group_by"].items():
            if values == [ALL] and name in maps["filter"]:
                maps["group_by"][name] = maps["filter"][name]
        filters = {n: v for n, v in maps["filter"].items() if isinstance(v, list) and n != "resource_scope"}
        for name, values in maps["group_by"].items():
            if name not in filters and not name.startswith("exact:") and ALL not in values and self._filters(name):
                filters[name] = values
        order, order_day, maps["order_by"] = chosen(self)
        return Parameters(
            self.report, period, echo["currency"], tuple(groups(self)), tuple(self._matches(filters)),
            tuple(self._matches(maps["exclude"])), order, order_day, self._compared(), echo["limit"], echo["offset"],
            maps["filter"].get("limit"), maps["filter"].get("offset"),
            tuple(echo["category"]) if "category" in echo else None,
            echo[self.report.choice.name] if self.report.choice else "",
            {n: v.isoformat() if isinstance(v, date) else v for n, v in {**echo, **maps}.items()},
            inside.asked(self), self._disabled(),
        )  # fmt: skip

    def _disabled(self) -> bool:
        """Whether a label is named whose key is known, but disabled."""
        names = [Name.read(n) for m in ("filter", "exclude", "group_by") for n in self.maps[m]]
        return any(not self.context.labels.get(n.labels, {}).get(n.key, True) for n in names)

    def _period(self) -> Period:
        """The period that is asked for; what is missing follows from what is there, and is echoed."""
        filters = self.maps["filter"]
        if "start_date" in self.echo:
            resolution = filters.setdefault("resolution", "daily")
            return Period(self.echo["start_date"], self.echo["end_date"], resolution)
        units = filters.get("time_scope_units") or ("month" if self.report.inventory else None)
        value = filters.setdefault("time_scope_value", "-1" if units == "month" else "-10")
        monthly = value in SCOPES["month"]
        filters.setdefault("time_scope_units", "month" if monthly else "day")
        return window(value, self.today, filters.setdefault("resolution", "monthly" if monthly else "daily"))

    def _filters(self, written: str) -> bool:
        """Whether a group's values choose rows as a filter does: those of nodes, or of a key that is nothing to us, do not."""
        name = Name.read(written)
        key, tree = None if name.is_label else self.keys[name.key], self.report.tree
        return key is None or ((not tree or key.name != tree.key) and (not key.inert or bool(key.searched)))

    def _matches(self, given: dict[str, Any]) -> Iterable[Match]:
        for written, values in given.items():
            name = Name.read(written)
            yield Match(name, None if name.is_label else self.keys[name.key], tuple(values), self.column(name))

    def _compared(self) -> Delta | None:
        """The comparison that `delta` asks for."""
        text = self.echo.get("delta")
        if text is None:
            return None
        first, _, second = text.partition("__")
        return Delta(*(self.report.deltas.get(n, n) for n in (first, second) if n))


def _keys(asked: Parsed, name: str) -> Iterable[str]:
    """The keys of one of the maps, if it is one."""
    given = asked.get(name, {})
    return given if isinstance(given, dict) else ()


def _none_of(report: Report) -> str:
    listed = ", ".join(report.required)
    return f"{report.required_by} endpoint requires filters: {listed}. Missing: {listed}"
