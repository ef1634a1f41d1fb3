"""On whose behalf the library is working: facts that every log record and every new job of a thread of work carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

REQUEST_ID = "request_id"
_facts: ContextVar[Mapping[str, Any]] = ContextVar("koku_facts", default={})  # noqa: B039 - it is never changed in place


@contextmanager
def scope(**facts: Any) -> Iterator[None]:
    """Add facts, such as `request_id`, `job` or `tenant`, to all that is logged and enqueued within the block."""
    token = _facts.set({**_facts.get(), **{k: v for k, v in facts.items() if v is not None}})
    try:
        yield
    finally:
        _facts.reset(token)


def current() -> Mapping[str, Any]:
    """The facts that hold here."""
    return _facts.get()


def request_id() -> str | None:
    """The id of the request that all this is done for."""
    found = _facts.get().get(REQUEST_ID)
    return None if found is None else str(found)
