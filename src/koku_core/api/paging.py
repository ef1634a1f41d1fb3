"""Pages of lists, and the links from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

MAX_LIMIT = 1000


def links(path: str, query: str, count: int, limit: int, offset: int) -> dict[str, str | None]:
    """First, next, previous and last page of a list; the query string is sorted by name."""

    def to(place: int | None) -> str:
        kept = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if k not in ("limit", "offset")]
        page = [("limit", str(limit))] + ([("offset", str(place))] if place is not None else [])
        return f"{path}?{urlencode(sorted(kept + page, key=lambda pair: pair[0]))}"

    before = max(offset - limit, 0)
    return {
        "first": to(0),
        "next": to(offset + limit) if offset + limit < count else None,
        "previous": to(before or None) if offset > 0 else None,
        "last": to(max(count - limit, 0)),
    }


def number(value: str | None, default: int, least: int) -> int:
    """A count from a query string; junk and what is too small give the default."""
    try:
        found = int(value or "")
    except ValueError:
        return default
    return found if least <= found < 2**31 else default


Rows = Sequence[Any] | Callable[[int, int], Sequence[Any]]


def page(
    path: str, query: str, rows: Rows, count: int, *, shrink: bool = False, most: int = MAX_LIMIT
) -> dict[str, Any]:
    """The envelope of a list: `meta`, `links` and the rows of the page.

    Args:
        path: as the client sees it.
        query: the raw query string, which may say `limit` (default 10, at most `most`) and `offset`.
        rows: all rows, or a function that fetches those of (limit, offset).
        count: how many there are.
        shrink: whether `meta.limit` is never more than the count.
        most: the largest limit.
    """
    given = dict(parse_qsl(query, keep_blank_values=True))
    limit = min(number(given.get("limit"), 10, 1), most)
    offset = number(given.get("offset"), 0, 0)
    data = rows(limit, offset) if callable(rows) else rows[offset : offset + limit]
    limit = min(limit, count) if shrink else limit
    meta = {"count": count, "limit": limit, "offset": offset}
    return {"meta": meta, "links": links(path, query, count, limit, offset), "data": list(data)}
