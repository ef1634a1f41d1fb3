"""The Iceberg catalogue: two tables in the schema `koku` of our own PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koku_core.lake.places import location, s3_properties

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog

    from koku_core.database import System

NAME = "lake"


def open_catalog(system: System, url: str) -> SqlCatalog:
    """Open the catalogue of the lake at `url`; its tables are made if they are missing."""
    import psycopg
    import sqlalchemy
    from pyiceberg.catalog import MetastoreCatalog
    from pyiceberg.catalog.sql import SqlCatalog

    def connect() -> psycopg.Connection[psycopg.rows.TupleRow]:
        conn = psycopg.connect(system.server.dsn, application_name="koku lake")
        conn.execute("SET search_path TO koku")
        conn.commit()
        return conn

    class Catalog(SqlCatalog):
        """The SQL catalogue on connections of our own making: a DSN is more than SQLAlchemy's URL can say."""

        def __init__(self) -> None:
            properties = s3_properties() if url.startswith("s3") else {}
            MetastoreCatalog.__init__(self, NAME, warehouse=location(url), **properties)
            self.engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True)
            self._init_catalog()

    with system.server.lock("lake", "catalogue"):
        return Catalog()
