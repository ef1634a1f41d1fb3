"""Writes and reads the data files of a table: Parquet, one file for each source and day of a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from koku_core.lake.places import sync

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import Table

_EPOCH = date(1970, 1, 1)
_WRITERS = 2


def day_of(file: DataFile) -> date:
    """The day of a data file's partition."""
    found = file.partition[1]
    return found if isinstance(found, date) else _EPOCH + timedelta(days=found)


def files_of(table: Table, source_uuid: str, start: date, end: date) -> list[DataFile]:
    """The live data files of a source's days, both included.

    All of a partition's key is in the manifests, so they are read straight; pyiceberg's planner, made for any filter, takes ten times as
    long for a month.
    """
    snapshot = table.current_snapshot()
    return [
        entry.data_file
        for manifest in (snapshot.manifests(table.io) if snapshot else [])
        if _may_hold(manifest, source_uuid, start, end)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
        if entry.data_file.partition[0] == source_uuid and start <= day_of(entry.data_file) <= end
    ]


def _may_hold(manifest: ManifestFile, source_uuid: str, start: date, end: date) -> bool:
    """Whether a manifest's bounds leave room for a file of these days."""
    bounds = manifest.partitions
    if not bounds or len(bounds) != 2 or any(b.lower_bound is None or b.upper_bound is None for b in bounds):
        return True
    sources, days = ((b.lower_bound or b"", b.upper_bound or b"") for b in bounds)
    first, last = (_EPOCH + timedelta(days=int.from_bytes(b, "little", signed=True)) for b in days)
    return sources[0] <= source_uuid.encode() <= sources[1] and first <= end and start <= last


def write_days(table: Table, source_uuid: str, rows: pa.Table) -> list[DataFile]:
    """Write the rows of one source, one file for each day; nothing sees the files until they are committed."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    if not rows.num_rows:
        return []
    rows = rows.cast(_with_field_ids(rows.schema, schema_to_pyarrow(table.schema(), include_field_ids=True)))
    with ThreadPoolExecutor(_WRITERS) as pool:
        files = list(pool.map(partial(_write, table, source_uuid, rows), _days(rows)))
    _make_durable(table, files)
    return files


def _with_field_ids(ours: pa.Schema, iceberg: pa.Schema) -> pa.Schema:
    """Our own types, each field with the id that Iceberg knows it by."""
    import pyarrow as pa

    return pa.schema([pa.field(f.name, f.type, metadata=iceberg.field(f.name).metadata) for f in ours])


def _days(rows: pa.Table) -> list[date]:
    import pyarrow.compute as pc

    days: list[date] = pc.unique(rows["usage_start"]).sort().to_pylist()
    return days


def _write(table: Table, source_uuid: str, whole: pa.Table, day: date) -> DataFile:
    """Write a day of it; only what is being written is copied."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    rows = whole.filter(pc.equal(whole["usage_start"], pa.scalar(day, whole["usage_start"].type)))
    path = f"{table.location()}/data/source_uuid={source_uuid}/usage_start={day.isoformat()}/{uuid.uuid4().hex}.parquet"
    texts = [f.name for f in rows.schema if pa.types.is_string(f.type)]
    with table.io.new_output(path).create() as out:
        pq.write_table(
            rows, out, compression="snappy", use_dictionary=texts, write_statistics=False, store_schema=False
        )
        size = out.tell()
    return DataFile.from_args(
        content=DataFileContent.DATA, file_path=path, file_format=FileFormat.PARQUET,
        partition=Record(source_uuid, (day - _EPOCH).days), record_count=rows.num_rows, file_size_in_bytes=size,
        column_sizes={}, value_counts={}, null_value_counts={}, nan_value_counts={}, lower_bounds={}, upper_bounds={},
        spec_id=table.spec().spec_id, sort_order_id=None, equality_ids=None, key_metadata=None, split_offsets=None,
    )  # fmt: skip


def _make_durable(table: Table, files: Sequence[DataFile]) -> None:
    """A catalogue that survives a power cut must not name files that do not."""
    if not table.location().startswith("file:"):
        return
    paths = [Path(local_path(f.file_path)) for f in files]
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(sync, [*paths, *{p.parent for p in paths}, *{p.parent.parent for p in paths}]))


def local_path(path: str) -> str:
    """A data file's location as pyarrow's file systems spell it."""
    return path.removeprefix("file://").removeprefix("s3://").removeprefix("s3a://")


def read_files(io: FileIO, files: Sequence[DataFile], schema: pa.Schema) -> pa.Table:
    """Read columns of data files; a column that an older file lacks is null."""
    return opened(io, files, schema).to_table() if files else schema.empty_table()


def opened(io: FileIO, files: Sequence[DataFile], schema: pa.Schema) -> ds.Dataset:
    """Data files as one table that is read in their order; there is at least one."""
    import pyarrow.dataset as ds
    from pyiceberg.io.pyarrow import PyArrowFileIO

    if not isinstance(io, PyArrowFileIO):
        raise TypeError(f"the lake is read by pyarrow, not by {type(io).__name__}")
    scheme, netloc, _ = PyArrowFileIO.parse_location(files[0].file_path)
    paths = [local_path(f.file_path) for f in files]
    return ds.dataset(paths, schema=schema, format="parquet", filesystem=io.fs_by_scheme(scheme, netloc))
