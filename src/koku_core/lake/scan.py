"""Reads many rows of the lake in little memory: a few data files at a time, and of them a block of rows at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from koku_core.declare.datasets import Dataset
from koku_core.errors import LakeError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile

#: How many rows the files of a chunk have together, unless one alone has more.
_ROWS = 100_000
_BLOCK_ROWS = 8192


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some data files of one source, in the order of their days. Whatever reads them gives the same rows in the same order.

    Attributes:
        dataset: what they hold.
        files: of one snapshot of the lake.
    """

    dataset: Dataset
    files: tuple[DataFile, ...]
    io: FileIO

    def read(self, names: Collection[str]) -> pa.Table:
        """Columns of all rows.

        Raises:
            LakeError: the lake cannot be read.
        """
        from koku_core.lake.files import read_files

        try:
            return read_files(self.io, self.files, self._schema(names))
        except OSError as error:
            raise self._unreadable(error) from error

    def blocks(self, names: Collection[str]) -> Iterator[pa.RecordBatch]:
        """Columns of all rows, a block at a time.

        Raises:
            LakeError: the lake cannot be read.
        """
        from koku_core.lake.files import opened

        try:
            scanned = opened(self.io, self.files, self._schema(names))
            yield from scanned.to_batches(batch_size=_BLOCK_ROWS, batch_readahead=1, fragment_readahead=1)
        except OSError as error:
            raise self._unreadable(error) from error

    def _schema(self, names: Collection[str]) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([self.dataset.schema.field(name) for name in names])

    def _unreadable(self, error: OSError) -> LakeError:
        return LakeError(
            f"The lake could not read {self.dataset.name}: {error}. Check KOKU_LAKE_URL and that it can be reached.",
            dataset=self.dataset.name,
        )


def chunks(dataset: Dataset, io: FileIO, files: Iterable[DataFile]) -> Iterator[Chunk]:
    """Put files together, in order, until they have enough rows."""
    taken: list[DataFile] = []
    for file in files:
        if taken and sum(f.record_count for f in taken) + file.record_count > _ROWS:
            yield Chunk(dataset, tuple(taken), io)
            taken = []
        taken.append(file)
    if taken:
        yield Chunk(dataset, tuple(taken), io)
