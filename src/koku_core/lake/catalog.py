"""The Iceberg catalogue: two tables in the schema `koku` of our own PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koku_core.lake.places import location, s3_properties

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table

    from koku_core.database import System
    from koku_core.declare.datasets import Dataset

NAME = "lake"
#: What tables are partitioned by, from the outermost on.
KEYS = ("source_uuid", "usage_start")


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


def create_table(catalog: SqlCatalog, tenant: str, dataset: Dataset, url: str) -> Table:
    """Make a tenant's table of a dataset, in the lake at `url`; the tenant's namespace is there."""
    from pyiceberg.io.pyarrow import _pyarrow_to_schema_without_ids
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import assign_fresh_schema_ids
    from pyiceberg.transforms import IdentityTransform

    from koku_core.lake.commit import PROPERTIES

    schema = assign_fresh_schema_ids(_pyarrow_to_schema_without_ids(dataset.schema))
    fields = (
        PartitionField(schema.find_field(key).field_id, 1000 + number, IdentityTransform(), key)
        for number, key in enumerate(KEYS)
    )
    place = f"{url}/{tenant}/{dataset.name}"
    return catalog.create_table((tenant, dataset.name), schema, place, PartitionSpec(*fields), properties=PROPERTIES)
