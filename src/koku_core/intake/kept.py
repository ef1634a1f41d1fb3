"""Keeps what was accepted, as it came, beside the lake: a local folder or an object store."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from koku_core.errors import LakeError, PayloadTooLarge
from koku_core.lake.places import filesystem, location, sync

if TYPE_CHECKING:
    import pyarrow.fs

FOLDER = "_kept"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Spooled:
    """An upload on the local disk: `path` ends with the name that it came by; `digest` is the SHA-256 of its bytes."""

    path: Path
    digest: str
    size: int

    def named(self, name: str) -> Spooled:
        """The same as a part of a delivery whose parts are told apart by name: two of the same bytes are still two."""
        return replace(self, digest=f"{self.digest} {name}")


class KeptFiles:
    """The files that were accepted, by keys that begin with their tenant."""

    def __init__(self, url: str) -> None:
        """Name the folder or `s3://bucket/prefix` of the lake; the files lie in `_kept` below it."""
        self.url = f"{location(url)}/{FOLDER}"
        self._local = Path(self.url.removeprefix("file://")) if self.url.startswith("file:") else None

    @cached_property
    def _place(self) -> tuple[pyarrow.fs.FileSystem, str]:
        return filesystem(self.url)

    @contextmanager
    def spool(self, stream: BinaryIO, filename: str, limit: int) -> Iterator[Spooled]:
        """Take an upload onto the local disk, for as long as the block runs.

        Raises:
            PayloadTooLarge: it has more than `limit` bytes.
        """
        incoming = self._local / ".incoming" if self._local else Path(tempfile.gettempdir()) / "koku-incoming"
        folder = incoming / uuid.uuid4().hex
        try:
            folder.mkdir(parents=True)
            path = folder / safe_name(filename)
            digest, size = hashlib.sha256(), 0
            with path.open("wb") as out:
                while block := stream.read(_BLOCK):
                    size += len(block)
                    if size > limit:
                        raise PayloadTooLarge(path.name, limit)
                    digest.update(block)
                    out.write(block)
            yield Spooled(path, digest.hexdigest(), size)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, tenant: str, file: Path) -> str:
        """Keep a file for good; a local one is moved. It is on durable storage when this returns.

        Returns:
            Its key.

        Raises:
            LakeError: the storage cannot be written.
        """
        key = f"{tenant}/{uuid.uuid4().hex}-{safe_name(file.name)}"
        try:
            if self._local:
                self._move(file, self._local / key)
            else:
                self._send(file, key)
        except OSError as error:
            raise LakeError(f"{file.name} could not be kept below {self.url}: {error}", file=file.name) from error
        return key

    def _move(self, file: Path, target: Path) -> None:
        sync(file)
        fresh = [p for p in (target.parent, target.parent.parent) if not p.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(file, target)  # noqa: PTH105 - Path.replace says the same with less
        except OSError:  # another disk
            shutil.copyfile(file, target)
            sync(target)
        for folder in (target.parent, *(p.parent for p in fresh)):
            sync(folder)

    def _send(self, file: Path, key: str) -> None:
        place, root = self._place
        with file.open("rb") as source, place.open_output_stream(f"{root}/{key}") as out:
            while block := source.read(8 * _BLOCK):
                out.write(block)

    @contextmanager
    def fetch(self, key: str) -> Iterator[Path]:
        """A kept file as a local one, read only, while the block runs.

        Raises:
            LakeError: it is not there or cannot be read.
        """
        if self._local:
            path = self._local / key
            if not path.is_file():
                raise LakeError(f"The kept file {key} is missing below {self.url}.", key=key)
            yield path
            return
        with tempfile.TemporaryDirectory(prefix="koku-") as folder:
            path = Path(folder) / key.rpartition("/")[2]
            self._get(key, path)
            yield path

    def _get(self, key: str, path: Path) -> None:
        place, root = self._place
        try:
            with place.open_input_stream(f"{root}/{key}") as source, path.open("wb") as out:
                while block := source.read(8 * _BLOCK):
                    out.write(block)
        except OSError as error:
            raise LakeError(f"The kept file {key} cannot be read below {self.url}: {error}", key=key) from error

    def delete(self, key: str) -> None:
        """Remove a kept file; nothing happens if it is gone already."""
        place, root = self._place
        try:
            place.delete_file(f"{root}/{key}")
        except FileNotFoundError:
            return
        except OSError as error:
            if "does not exist" not in str(error).lower() and "not found" not in str(error).lower():
                raise LakeError(f"The kept file {key} cannot be removed: {error}", key=key) from error

    def has_tenant(self, tenant: str) -> bool:
        """Whether any file of a tenant is kept."""
        return next(self._listed(tenant), None) is not None

    def drop_tenant(self, tenant: str) -> None:
        """Remove all kept files of a tenant."""
        for key, _ in self._listed(tenant):
            self.delete(key)
        if self._local and (self._local / tenant).is_dir():
            shutil.rmtree(self._local / tenant)

    def sweep(self, tenant: str, known: Callable[[], Collection[str]], grace: timedelta = timedelta(days=1)) -> int:
        """Remove the files of a tenant that nothing refers to, and what broken uploads left.

        Args:
            tenant: whose.
            known: gives the keys that are referred to; asked after the files were listed, so that a new one is safe.
            grace: younger files stay: their reference may not have been committed yet.

        Returns:
            How many files were removed.
        """
        before = datetime.now(UTC) - grace
        old = {key for key, made in self._listed(tenant) if made < before}
        lost = sorted(old - set(known())) if old else []
        for key in lost:
            self.delete(key)
        for folder in (self._local / ".incoming").glob("*") if self._local else ():
            if datetime.fromtimestamp(folder.stat().st_mtime, UTC) < before:
                shutil.rmtree(folder, ignore_errors=True)
        return len(lost)

    def _listed(self, tenant: str) -> Iterator[tuple[str, datetime]]:
        """The keys of a tenant's files, each with the time that it was written."""
        from pyarrow.fs import FileSelector, FileType

        place, root = self._place
        for info in place.get_file_info(FileSelector(f"{root}/{tenant}", allow_not_found=True)):
            if info.type == FileType.File:
                yield f"{tenant}/{info.base_name}", info.mtime

    def exists(self, key: str) -> bool:
        """Whether a kept file is there."""
        from pyarrow.fs import FileType

        place, root = self._place
        return bool(place.get_file_info(f"{root}/{key}").type == FileType.File)


def safe_name(filename: str) -> str:
    """The last part of a name that somebody else chose, as a name for a file of ours."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", filename.replace("\\", "/").rpartition("/")[2]).lstrip(".")
    return name[-100:] or "payload"


def given_name(file: Path) -> str:
    """The name that a kept file came by."""
    return re.sub(r"^[0-9a-f]{32}-", "", file.name)
