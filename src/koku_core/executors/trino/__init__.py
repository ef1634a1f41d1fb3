"""The engine for much data: a Trino cluster that reads the lake in place; only the rows of the daily summary come back."""

from koku_core.executors.trino.executor import TrinoExecutor

__all__ = ["TrinoExecutor"]
