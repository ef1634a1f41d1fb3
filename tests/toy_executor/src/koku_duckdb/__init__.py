"""DuckDB as an engine of koku-core: `KOKU_EXECUTOR=duckdb`."""

from __future__ import annotations

from koku_core import hookimpl
from koku_core.executors.base import Executor
from koku_duckdb.executor import DuckDBExecutor


@hookimpl
def koku_executors() -> dict[str, type[Executor]]:
    """Its name."""
    return {"duckdb": DuckDBExecutor}
