"""The lake: line items as Iceberg tables on a local folder or an object store, with their catalogue in our own PostgreSQL."""

from koku_core.lake.store import Lake

__all__ = ["Lake"]
