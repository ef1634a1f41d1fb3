"""The options of a question asked in Python, as the query string that the API would get.

group_by      a key, several, or a map from key to values: "project", ["cluster", "project"], {"project": "shop"}
filter        a map from key to value or values: {"project": "x", "tag:app": ["a", "b"], "exact:node": "n1"}
exclude       as `filter`
order_by      a key, largest first; with "asc" or "desc": {"cost": "asc"}
months        -1 (this month), -2 or -3 (one whole month before)
days          -10, -30 or -90
start, end    a range of days instead (both inclusive): dates or texts
resolution    "daily" or "monthly"
limit         show the first so many groups, and fold the others into one
offset        show the groups from here on, without others
currency      the currency of the answer
cost_type     what costs are made of, where a provider offers several: "unblended_cost", …
delta         what to compare with the period before: "cost", "usage", …; or two figures, "usage__request"
category      show groups by their category: a name or several, or "*"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from koku_core.reports.query import build

_NAMES = (
    "group_by", "filter", "exclude", "order_by", "months", "days", "start", "end", "resolution", "limit", "offset", "currency",
    "delta", "category", "cost_type",
)  # fmt: skip


def query_of(options: Mapping[str, Any]) -> str:
    """The query string of options.

    Raises:
        TypeError: there is no such option.
    """
    unknown = sorted(set(options) - set(_NAMES))
    if unknown:
        raise TypeError(f"A report has no option {', '.join(unknown)}. Options: {', '.join(_NAMES)}.")
    given = {name: value for name, value in options.items() if value is not None}
    filters = {**given.get("filter", {}), **_time(given)}
    filters |= {name: given[name] for name in ("resolution", "limit", "offset") if name in given}
    query: dict[str, Any] = {
        "filter": filters,
        "exclude": given.get("exclude", {}),
        "group_by": _keys(given.get("group_by", ()), "*"),
        "order_by": _keys(given.get("order_by", ()), "desc"),
        "limit": 0,
    }
    query |= {new: str(given[old]) for old, new in (("start", "start_date"), ("end", "end_date")) if old in given}
    query |= {name: given[name] for name in ("currency", "delta", "category", "cost_type") if name in given}
    return build(query)


def _time(given: Mapping[str, Any]) -> dict[str, Any]:
    for name, unit in (("months", "month"), ("days", "day")):
        if name in given:
            return {"time_scope_units": unit, "time_scope_value": given[name]}
    return {}


def _keys(given: str | Iterable[str] | Mapping[str, Any], value: str) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    return dict.fromkeys([given] if isinstance(given, str) else given, value)
