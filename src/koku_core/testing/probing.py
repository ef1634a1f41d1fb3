"""What an engine lacks of what SQL may want, tried on the engine itself."""

from __future__ import annotations

from datetime import date

import psycopg

from koku_core.database.server import Connection
from koku_core.declare.columns import Column, Kind
from koku_core.declare.facts import Fact
from koku_core.declare.summarize import Step, Summary
from koku_core.errors import KokuError
from koku_core.executors.base import Executor, Work
from koku_core.executors.capabilities import CAPABILITIES
from koku_core.koku import Koku
from koku_core.sql import Rendered, Table
from koku_core.summarize.tables import temporary

_PROBED = Table("probed", "pg_temp")
_STEP = Step("probe.sql", ())
_SUMMARY = Summary("koku_core.testing", Fact(_PROBED.name, (Column("given", Kind.BOOLEAN),)), (_STEP,))


def lacking(koku: Koku) -> set[str]:
    """The names of the capabilities that the executor of a `Koku` lacks: their probes fail there, or are not true."""
    with koku.handle.ensure().connection() as conn:
        return {name for name, c in CAPABILITIES.items() if not _has(koku.services.executor, conn, c.probe)}


def _has(executor: Executor, conn: Connection, probe: str) -> bool:
    work = Work("", "", date(2024, 2, 1), {"probe": Rendered((probe,), ())}, {})
    try:
        with conn.transaction(force_rollback=True):
            temporary(conn, _PROBED.name, _SUMMARY.fact.columns)
            executor.summarize(conn, _SUMMARY, _STEP, work, _PROBED)
            row = conn.execute("SELECT given FROM pg_temp.probed").fetchone()
    except (KokuError, psycopg.Error):
        return False
    return row == (True,)
