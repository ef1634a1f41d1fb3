"""The links between the pages of an answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote_plus


def links(
    path: str, query: str, limit: int, offset: int, count: int, names: tuple[str, str] = ("limit", "offset")
) -> dict[str, Any]:
    """First, next, previous and last page: paths with the query sorted by name and percent-encoded.

    Args:
        path: the URL's path as the client sees it.
        query: the query string of the request.
        limit: of this page; 0: all.
        offset: of this page.
        count: of all that there is.
        names: what the limit and the offset are called.
    """
    given = [(n, v) for n, v in parse_qsl(query.lstrip("?"), keep_blank_values=True) if n not in names]

    def page(at: int | None) -> str:
        paged = [(names[0], str(limit))] + ([(names[1], str(at))] if at is not None else [])
        listed = sorted(given + paged, key=lambda pair: pair[0])
        return f"{path}?" + "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in listed)

    before = offset - limit
    return {
        "first": page(0),
        "next": page(offset + limit) if offset + limit < count else None,
        "previous": page(before if before > 0 else None) if offset > 0 else None,
        "last": page(max(count - limit, 0)),
    }
