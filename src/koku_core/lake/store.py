"""Reads and replaces partitions of the lake: a namespace per tenant, a table per dataset, a partition per source and day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, timedelta
from functools import cached_property, partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from koku_core.clock import month_of
from koku_core.declare.datasets import Dataset
from koku_core.errors import LakeError
from koku_core.lake.places import location

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from koku_core.database import System
    from koku_core.lake.scan import Chunk

T = TypeVar("T")

_ATTEMPTS = 5
_FIRST, _LAST = date(1, 1, 1), date(9999, 12, 31)


class Lake:
    """The line items of all tenants. Made once; used from several threads."""

    def __init__(self, system: System, url: str) -> None:
        """Name the lake.

        Args:
            system: whose PostgreSQL keeps the catalogue.
            url: a folder, or `s3://bucket/prefix`.

        Raises:
            SettingError: the URL cannot be a lake's.
        """
        self.system = system
        self.url = location(url)
        self._opening = Lock()

    @property
    def catalog(self) -> SqlCatalog:
        """The Iceberg catalogue; opened when it is first needed."""
        with self._opening:
            return self._catalog

    @cached_property
    def _catalog(self) -> SqlCatalog:
        from koku_core.lake.catalog import open_catalog

        return _reached(lambda: open_catalog(self.system, self.url), "open the catalogue")

    def close(self) -> None:
        """Close the catalogue's connections, if it was opened."""
        with self._opening:
            opened = self.__dict__.pop("_catalog", None)
        if opened is not None:
            opened.engine.dispose()

    def replace(self, tenant: str, dataset: Dataset, source_uuid: str, days: Collection[date], table: pa.Table) -> None:
        """Let these days of a source be exactly these rows, in one commit; a reader sees the old rows or the new ones.

        Args:
            tenant: whose rows.
            dataset: of which kind.
            source_uuid: of which source.
            days: the days to replace; a day without rows in `table` becomes empty.
            table: rows of `dataset.schema`, of these days and this source alone.

        Raises:
            LakeError: the lake could not be written.
        """
        if not days and not table.num_rows:
            return
        with self.system.server.lock("lake", tenant, dataset.name):
            self._commit(tenant, dataset, source_uuid, set(days), table)

    def _commit(self, tenant: str, dataset: Dataset, source_uuid: str, days: set[date], rows: pa.Table) -> None:
        from koku_core.lake.commit import swap
        from koku_core.lake.files import write_days

        if not rows.num_rows and self._load(tenant, dataset) is None:
            return
        stored = self._ensure(tenant, dataset)
        new = _reached(lambda: write_days(stored, source_uuid, rows), f"write {dataset.name}")
        self._change(stored, lambda table: swap(table, self._files(table, source_uuid, days), new))

    @staticmethod
    def _change(stored: Table, change: Callable[[Table], None]) -> None:
        """Commit a change; whoever commits at the same time, such as Trino, does not ask for our lock, and then it is made anew.

        Raises:
            LakeError: it cannot be written, or others were faster again and again.
        """
        from pyiceberg.exceptions import CommitFailedException, ValidationException

        name = stored.name()[-1]
        for _ in range(_ATTEMPTS):
            try:
                return _reached(partial(change, stored), f"commit {name}")
            except (CommitFailedException, ValidationException):
                stored = _reached(stored.refresh, f"open {name}")
        raise LakeError(f"The lake's table {name} was changed by others in each of {_ATTEMPTS} attempts to write it.")

    def read(
        self,
        tenant: str,
        dataset: Dataset,
        source_uuid: str,
        start: date,
        end: date,
        columns: Collection[str] | None = None,
    ) -> pa.Table:
        """Read the rows of a source from `start` to `end`, both included; an empty table if there are none.

        Args:
            tenant: whose rows.
            dataset: of which kind.
            source_uuid: of which source.
            start: the first day.
            end: the last day.
            columns: names of the columns wanted; None: all of `dataset.schema`, in its order.

        Raises:
            LakeError: the lake cannot be read.
        """
        from koku_core.lake.files import read_files

        schema = dataset.schema if columns is None else _pick(dataset, columns)
        stored = self._load(tenant, dataset)
        if stored is None:
            return schema.empty_table()
        files = self._files(stored, source_uuid, None, start, end)
        return _reached(lambda: read_files(stored.io, files, schema), f"read {dataset.name}")

    def scan(self, tenant: str, dataset: Dataset, source_uuid: str, days: Collection[date]) -> Iterator[Chunk]:
        """The rows of a source's days in pieces small enough to be held, by day; for what may be a great many.

        Raises:
            LakeError: the lake cannot be read.
        """
        from koku_core.lake.scan import chunks

        stored = self._load(tenant, dataset)
        return iter(()) if stored is None else chunks(dataset, stored.io, self._files(stored, source_uuid, days))

    def columns(self, tenant: str, dataset: Dataset) -> frozenset[str]:
        """The names of the columns that the lake's table of a dataset has; none if there is no table.

        Raises:
            LakeError: the lake cannot be read.
        """
        stored = self._load(tenant, dataset)
        return frozenset() if stored is None else frozenset(field.name for field in stored.schema().fields)

    def coverage(
        self, tenant: str, dataset: Dataset, source_uuid: str, days: Collection[date]
    ) -> dict[date, dict[str, int]]:
        """Which deliveries cover which hours of these days: `{day: {delivery: bits}}`; days without rows are left out."""
        from koku_core.lake.files import read_files

        stored = self._load(tenant, dataset)
        found: dict[date, dict[str, int]] = {}
        if stored is None:
            return found
        keys = ("usage_start", "delivery", "hours")
        files, schema = self._files(stored, source_uuid, days), _pick(dataset, keys)
        rows = _reached(lambda: read_files(stored.io, files, schema), f"read {dataset.name}")
        for row in rows.group_by(list(keys)).aggregate([]).to_pylist():
            found.setdefault(row["usage_start"], {})[row["delivery"]] = row["hours"]
        return found

    def months(self, tenant: str, datasets: Iterable[Dataset], source_uuid: str) -> list[date]:
        """The months in which a source has rows in any of these datasets, in order."""
        from koku_core.lake.files import day_of

        tables = [stored for d in datasets if (stored := self._load(tenant, d))]
        return sorted({month_of(day_of(f)) for stored in tables for f in self._files(stored, source_uuid)})

    def drop_source(self, tenant: str, source_uuid: str) -> None:
        """Forget all rows of a source; their files go with a later `sweep`."""
        from koku_core.lake.commit import swap

        for name in self.tables(tenant):
            with self.system.server.lock("lake", tenant, name):
                stored = _reached(partial(self.catalog.load_table, (tenant, name)), f"open {name}")
                self._change(stored, lambda table: swap(table, self._files(table, source_uuid), []))

    def retain(self, tenant: str, sources: Callable[[], Collection[str]], start: date) -> None:
        """Forget all rows before a day, all rows of other sources, and all snapshots but the last; the files go with a later `sweep`.

        Args:
            tenant: whose rows.
            sources: gives the sources that there are; asked while nobody can write, so that a new one's rows are safe.
            start: the first day to keep.

        Raises:
            LakeError: the lake cannot be read or written.
        """
        for name in self.tables(tenant):
            with self.system.server.lock("lake", tenant, name):
                stored = _reached(partial(self.catalog.load_table, (tenant, name)), f"open {name}")
                self._change(stored, partial(self._retain, known=sources(), start=start))

    def _retain(self, stored: Table, known: Collection[str], start: date) -> None:
        from koku_core.lake.commit import forget_history, swap
        from koku_core.lake.files import day_of

        files = (task.file for task in stored.scan().plan_files())
        swap(stored, [f for f in files if day_of(f) < start or str(f.partition[0]) not in known], [])
        forget_history(stored)

    def drop_tenant(self, tenant: str) -> None:
        """Forget all tables of a tenant and remove their files at once."""
        from pyarrow.fs import FileType

        from koku_core.lake.places import filesystem

        for name in self.tables(tenant):
            with self.system.server.lock("lake", tenant, name):
                self.catalog.drop_table((tenant, name))
        if self.catalog.namespace_exists((tenant,)):
            self.catalog.drop_namespace((tenant,))
        place, path = filesystem(f"{self.url}/{tenant}")
        if place.get_file_info(path).type == FileType.Directory:
            place.delete_dir(path)
        with self.system.connection() as conn:
            conn.execute("DELETE FROM lake_garbage WHERE starts_with(path, %s)", (f"{self.url}/{tenant}/",))

    def tables(self, tenant: str) -> list[str]:
        """The names of the datasets that a tenant has a table of."""
        if not self.catalog.namespace_exists((tenant,)):
            return []
        return sorted(name for *_, name in self.catalog.list_tables((tenant,)))

    def snapshot(self, tenant: str, name: str) -> int | None:
        """The id of a table's current state; None: nothing was ever committed to it.

        Raises:
            LakeError: the lake cannot be read.
        """
        stored = _reached(lambda: self.catalog.load_table((tenant, name)), f"open {name}")
        current = stored.current_snapshot()
        return current.snapshot_id if current else None

    def sweep(self, grace: timedelta = timedelta(days=7), tenant: str | None = None) -> int:
        """Remove the files that no live snapshot has named for longer than `grace`; be it longer than a backup's age.

        Args:
            grace: how long a file stays.
            tenant: whose files; None: everybody's.

        Returns:
            How many files were removed.

        Raises:
            LakeError: the lake cannot be read or written.
        """
        names = [t.name for t in self.system.tenants()] if tenant is None else [tenant]
        return sum(self._sweep(each, name, grace) for each in names for name in self.tables(each))

    def _sweep(self, tenant: str, name: str, grace: timedelta) -> int:
        from koku_core.lake.sweep import sweep

        with self.system.server.lock("lake", tenant, name):
            return _reached(lambda: sweep(self.system, self.catalog.load_table((tenant, name)), grace), f"sweep {name}")

    def missing_files(self, tenant: str) -> list[str]:
        """The files that the live snapshots of a tenant name but that are not there."""
        from koku_core.lake.sweep import missing

        return [path for name in self.tables(tenant) for path in missing(self.catalog.load_table((tenant, name)))]

    def _load(self, tenant: str, dataset: Dataset) -> Table | None:
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return _reached(lambda: self.catalog.load_table((tenant, dataset.name)), f"open {dataset.name}")
        except NoSuchTableError:
            return None

    def _ensure(self, tenant: str, dataset: Dataset) -> Table:
        """The table, made if it is missing and with columns added that it lacks."""
        stored = self._load(tenant, dataset)
        if stored is None:
            return _reached(lambda: self._create(tenant, dataset), f"make {dataset.name}")
        if not set(dataset.schema.names) <= {f.name for f in stored.schema().fields}:
            with stored.update_schema() as update:
                update.union_by_name(dataset.schema)
        return stored

    def _create(self, tenant: str, dataset: Dataset) -> Table:
        from koku_core.lake.catalog import create_table

        with self.system.server.lock("lake", tenant):
            self.catalog.create_namespace_if_not_exists((tenant,))
        return create_table(self.catalog, tenant, dataset, self.url)

    def _files(
        self,
        stored: Table,
        source_uuid: str,
        days: Collection[date] | None = None,
        start: date = _FIRST,
        end: date = _LAST,
    ) -> list[DataFile]:
        """The data files of a source in these days, or from `start` to `end`, by day."""
        from koku_core.lake.files import day_of, files_of

        if days is not None and not days:
            return []
        if days:
            start, end = min(days), max(days)
        found = _reached(lambda: files_of(stored, source_uuid, start, end), "plan a scan")
        return sorted((f for f in found if days is None or day_of(f) in days), key=lambda f: (day_of(f), f.file_path))


def _pick(dataset: Dataset, names: Collection[str]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([dataset.schema.field(name) for name in names])


def _reached(act: Callable[[], T], what: str) -> T:
    """Do something with the lake; what goes wrong in the store or the catalogue is a `LakeError`.

    Raises:
        LakeError: the files or the catalogue cannot be reached.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return act()
    except (OSError, SQLAlchemyError) as error:
        raise LakeError(
            f"The lake could not {what}: {error}. Check KOKU_LAKE_URL and that it can be reached."
        ) from error
