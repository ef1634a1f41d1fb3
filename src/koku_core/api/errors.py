"""Errors as the API answers them: the `errors` envelope, the bare dictionary of reports, and pages for browsers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from koku_core.errors import KokuError, Terminal

FORBIDDEN_PAGE = """<!doctype html>
<html lang="en"><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>
"""
NOT_FOUND_PAGE = """<!doctype html>
<html lang="en"><head><title>Not Found</title></head><body><h1>Not Found</h1>
<p>The requested resource was not found on this server.</p></body></html>
"""


class HttpError(Exception):
    """An answer that is an error, with its status and body: JSON, or a page, or nothing."""

    def __init__(self, status: int, body: Any = None, *, page: str | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.page = page


class NotIdentified(Terminal, KokuError):
    """`identify` raises it when it does not know who is asking: 401."""

    def __init__(self, why: str = "no identity") -> None:
        super().__init__(f"Nobody is identified by this request: {why}.", why=why)


class NoAccess(Terminal, KokuError):
    """`identify` raises it when who is asking may not use the service at all: 403."""

    def __init__(self, why: str = "no access") -> None:
        super().__init__(f"Who is asking may not use this service: {why}.", why=why)


def detail(status: int, text: str, source: str | None = "detail") -> HttpError:
    """An error with one message in the `errors` envelope."""
    return HttpError(status, {"errors": [{"detail": text, "source": source, "status": status}]})


def forbidden() -> HttpError:
    """The caller may not do this."""
    return detail(403, "You do not have permission to perform this action.")


def not_found(kind: str | None = None) -> HttpError:
    """There is no such thing; `kind` is what the API calls it."""
    return detail(404, f"No {kind} matches the given query." if kind else "Not found.")


def envelope(errors: Any, status: int = 400) -> dict[str, Any]:
    """A tree of messages as the `errors` list: one object per message, `source` is the dotted path to it."""
    return {
        "errors": [{"detail": text, "source": path or None, "status": status} for path, text in _messages(errors, "")]
    }


def _messages(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, below in node.items():
            yield from _messages(below, f"{path}.{key}" if path else str(key))
    elif isinstance(node, (list, tuple)):
        for below in node:
            yield from _messages(below, path)
    else:
        yield path, str(node)
