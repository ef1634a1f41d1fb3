"""Checks `order_by`, and chooses the one order that counts."""

from __future__ import annotations

from datetime import date
from typing import Any

from koku_core.errors import InvalidInput
from koku_core.reports import fields
from koku_core.reports.draft import Draft
from koku_core.reports.fields import UNSUPPORTED, checked
from koku_core.reports.parameters import Name, Order


def check_orders(question: Draft, given: dict[str, Any], errors: dict[str, Any]) -> dict[str, Any]:
    """The names and directions of `order_by`."""
    found: dict[str, Any] = {}
    keys = {k.order for k in question.report.keys if k.order}
    for written, value in given.items():
        name = Name.read(written)
        if written == "date":
            found[written] = checked(errors, written, _day, question, value)
        elif name.operator == "or" and (name.key in keys or name.is_label):
            errors[written] = f'The order_by key "{written}" can not contain the or parameter.'
        elif written in keys or written in question.report.orders or _is_label(question, name) or written == "delta":
            found[written] = checked(errors, written, fields.choice, value, ("asc", "desc"))
        else:
            errors[written] = [UNSUPPORTED]
    return found


def _is_label(question: Draft, name: Name) -> bool:
    return name.is_label and not name.operator and question.known("filter", name) is not None


def _day(question: Draft, value: Any) -> date:
    day = fields.day(value)
    if not question.first <= day <= question.today:
        text = f"Order-by date must be from {question.first} to {question.today}"
        raise InvalidInput({"order_by": {"date": text}})
    return day


def check_order_rules(question: Draft) -> None:
    """What an order needs: a delta, or a group."""
    orders, report = question.maps["order_by"], question.report
    if "delta" in orders and "delta" not in question.echo:
        raise InvalidInput({"order_by": ["Cannot order by delta without a delta param"]})
    for written in orders:
        if written == "date" and question.maps["group_by"]:
            continue
        needed = _needed(question, written)
        if needed is not None and not question.grouped_by(*needed):
            raise InvalidInput({"order_by": {written: f'Order-by "{written}" requires matching Group-by.'}})
        figure, groups = report.orders.get(written, (written, _other_groups(question, written)))
        if groups and not question.grouped_by(*groups):
            text = f"Cannot order by field {figure} without grouping by one of {', '.join(groups)}."
            raise InvalidInput({"order_by": [text]})


def _needed(question: Draft, written: str) -> tuple[str, ...] | None:
    """The groups of which an order by a key's value needs one; None: it is not such an order."""
    if written == "delta" or written in question.report.orders or _other_groups(question, written):
        return None
    return next(((k.name,) for k in question.report.keys if k.order == written), (written,))


def _other_groups(question: Draft, written: str) -> tuple[str, ...]:
    return next((k.order_with for k in question.report.keys if k.order == written), ())


def chosen(question: Draft) -> tuple[Order | None, date | None, dict[str, Any]]:
    """The order that counts, the day whose standing counts, and what `meta` repeats: figures by their own names, last.

    Of several orders the last one counts, after those that were renamed have moved to the end.
    """
    orders, report = question.maps["order_by"], question.report
    renamed = {w: report.orders[w][0] for w in orders if w in report.orders and report.orders[w][0] != w}
    echo = {w: v for w, v in orders.items() if w not in renamed} | {renamed[w]: orders[w] for w in renamed}
    directions = {w: v for w, v in echo.items() if w != "date"}
    last = next(reversed(directions), None)
    usual = Order(report.usual_order, descending=True) if report.usual_order else None
    order = Order(last, directions[last] == "desc") if last else usual
    return order, echo.get("date"), {w: v.isoformat() if isinstance(v, date) else v for w, v in echo.items()}
