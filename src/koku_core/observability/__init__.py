"""What somebody sees who runs the library: log records that say on whose behalf, timings of steps, figures for Prometheus."""

from koku_core.observability.context import current, request_id, scope
from koku_core.observability.logs import logger
from koku_core.observability.timings import collected, timed

__all__ = ["collected", "current", "logger", "request_id", "scope", "timed"]
