"""An object store and a Trino for the database in use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from koku_core.database.server import Connection
from koku_core.devtools.object_store import BUCKET, object_store
from koku_core.devtools.trino_server import trino_server
from koku_core.koku import Koku
from koku_core.lake import Lake
from koku_core.lake.catalog import NAME
from koku_core.settings import Settings


@contextlib.contextmanager
def lake_and_trino(settings: Settings, *, quick: bool = False) -> Iterator[dict[str, str]]:
    """Have both run, with a lake that belongs to the database of the settings; what is stored stays in the data folder.

    Args:
        settings: whose database and data folder.
        quick: as in `trino_server`.

    Yields:
        The variables that make other processes use them.

    Raises:
        DevServerError: something cannot be installed or started.
        DatabaseUnavailable: the database does not answer.
    """
    place = settings.data_dir / "dev"
    with (
        Koku.open(settings=settings.model_copy(update={"executor": "postgres"})) as koku,
        object_store(place / "object-store") as store,
        trino_server(place / "trino", quick=quick) as server,
    ):
        os.environ.update(store.environment)
        system = koku.services.system
        with system.connection() as conn:
            lake_url = f"s3://{BUCKET}/{_identity(conn)}"
        lake = Lake(system, lake_url)
        lake.catalog  # noqa: B018 - makes the catalogue, which Trino then finds
        lake.close()
        trino_url = server.add_catalog(NAME, system.server.dsn, lake_url, store)
        yield {
            "KOKU_EXECUTOR": "trino",
            "KOKU_TRINO_URL": trino_url,
            "KOKU_LAKE_URL": lake_url,
            **store.environment,
        }


def _identity(conn: Connection) -> str:
    """A name for the database that no other one has: two must not sweep each other's files."""
    row = conn.execute(
        """SELECT system_identifier::text || '-' || (SELECT oid FROM pg_database WHERE datname = current_database())
           FROM pg_control_system()"""
    ).fetchone()
    assert row is not None  # noqa: S101 - a server has an identity
    return str(row[0])
