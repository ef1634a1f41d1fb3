"""Log records with structured fields. The library only makes them; whoever runs it says where they go.

Every logger is below `koku`. A record's own facts and those of its `scope` (request id, job, tenant) are its attributes, and `fields` holds
them all together.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

from koku_core.observability.context import current

FORMATS = ("text", "json")


class _Scoped(logging.LoggerAdapter[logging.Logger]):
    """Adds the facts of the scope to each record."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """The message as it is, and the record's further attributes."""
        fields = {**current(), **(kwargs.get("extra") or {})}
        return msg, {**kwargs, "extra": {**fields, "fields": fields}}


def logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """The logger of that name, such as `koku.jobs`; facts are given by `extra`."""
    return _Scoped(logging.getLogger(name), {})


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the record's fields, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """A line without its end."""
        import orjson

        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    """For people: time, level, logger, message, then the fields as `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line before a traceback."""
        fields = " ".join(f"{k}={v}" for k, v in getattr(record, "fields", {}).items())
        return f"{super().formatMessage(record)}{' ' + fields if fields else ''}"


def to_stderr(kind: str = "text", level: int = logging.INFO) -> None:
    """Send this process's log to standard error: for processes of our own, such as `koku serve`; a host configures logging itself.

    Args:
        kind: `text` or `json`.
        level: of `koku`'s own loggers; others tell warnings alone.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if kind == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("koku").setLevel(level)
