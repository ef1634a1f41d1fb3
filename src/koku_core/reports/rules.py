"""What must hold between the parameters of a question."""

from __future__ import annotations

from typing import Any

from koku_core.errors import InvalidInput
from koku_core.reports.draft import Draft
from koku_core.reports.orders import check_order_rules

#: The parameters of a range.
DATES = ("start_date", "end_date")


def check_rules(question: Draft) -> None:
    """Check what holds between parameters; the first rule that is broken is told.

    Raises:
        InvalidInput: one is broken.
    """
    echo, filters, groups = question.echo, question.maps["filter"], question.maps["group_by"]
    dates = [echo.get(n) for n in DATES]
    if any(dates) and not all(dates):
        raise _wrong("The parameters [start_date, end_date] must both be defined.")
    if all(dates):
        _range_rules(question, filters)
    if ("limit" in filters or "offset" in filters) and not (groups or question.report.limit_alone):
        raise _wrong("filter[limit] and filter[offset] requires a valid group_by param.")
    if len(groups) > question.reports.max_groups:
        text = f"Cost Management supports a max of {question.reports.max_groups} group_by options."
        raise InvalidInput({"group_by": {"group_by": text}})
    needed = question.report.delta_with.get(echo.get("delta", ""))
    if needed and not question.grouped_by(needed):
        raise InvalidInput({"delta": [f"Cannot use {echo['delta']} delta without grouping by {needed}."]})
    check_order_rules(question)
    categories = question.report.categories
    if categories and "category" in echo and categories.key not in groups:
        raise _wrong(f"Category may not be used without a group_by {categories.key} parameter")


def _range_rules(question: Draft, filters: dict[str, Any]) -> None:
    if question.echo["start_date"] > question.echo["end_date"]:
        raise _wrong("start_date must be a date that is before end_date.")
    if "time_scope_value" in filters or "time_scope_units" in filters:
        raise _wrong(
            "The parameters [start_date, end_date] may not be ",
            "used with the filters [time_scope_value, time_scope_units]",
        )
    if "delta" in question.echo:
        raise _wrong("Delta calculation is not supported with start_date and end_date parameters.")


def _wrong(*messages: str) -> InvalidInput:
    return InvalidInput({"error": list(messages)})
