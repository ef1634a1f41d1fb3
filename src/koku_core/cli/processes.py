"""What processes of our own do that the library leaves to its host: where the log goes, how memory is had, what is loaded early."""

from __future__ import annotations

import importlib
import os
import threading
from typing import TYPE_CHECKING

from koku_core.errors import KokuError, UnknownName
from koku_core.observability import logger
from koku_core.observability.logs import FORMATS, to_stderr

if TYPE_CHECKING:
    from koku_core.koku import Koku

log = logger("koku.jobs")


def logs_to_stderr(kind: str) -> None:
    """Write the log to standard error; a worker that this process starts does it in the same way.

    Raises:
        UnknownName: there is no such format.
    """
    if kind not in FORMATS:
        raise UnknownName("log format", kind, FORMATS)
    os.environ["KOKU_LOG_FORMAT"] = kind
    to_stderr(kind)


def prepare_worker() -> None:
    """Have Arrow take memory from the system, which gives it back sooner than its own allocator; to be called before it is loaded."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def warm_up(koku: Koku) -> threading.Thread:
    """Load, beside the work, what the first ingestion would wait for."""

    def load() -> None:
        for module in (
            "pyarrow.compute",
            "pyarrow.dataset",
            "pyarrow.parquet",
            "pyiceberg.io.pyarrow",
            "pyiceberg.table",
        ):
            importlib.import_module(module)
        try:
            koku.services.lake.tables(koku.handle.name)  # opens the catalogue
        except KokuError as error:
            log.warning("the lake is not ready: %s", error)

    thread = threading.Thread(target=load, name="koku warm-up", daemon=True)
    thread.start()
    return thread
