"""Where bills lie: what a bucket and a folder have in common, and the folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from koku_core.errors import SourceUnreadable
from koku_core.lake.places import sync

_BLOCK = 1 << 20
#: Objects that are fetched at a time.
_AT_A_TIME = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: its key, what changes when its bytes do, and its size."""

    key: str
    etag: str
    size: int


class Place(Protocol):
    """Something that holds objects by keys."""

    @property
    def name(self) -> str:
        """What people call it."""

    def objects(self, ending: str) -> Iterator[Stored]:
        """All objects whose keys end so."""

    def find(self, key: str, beside: str) -> Stored:
        """An object that the manifest `beside` names, or, without one, somebody.

        Raises:
            SourceUnreadable: it is not there.
        """

    def fetch(self, stored: Stored, target: Path) -> None:
        """Write the bytes of an object to a file; they are those of its `etag`."""


def fetched(place: Place, objects: Sequence[Stored], folder: Path) -> list[Path]:
    """Fetch objects into a folder, some at a time; those of which an interrupted call has fetched all bytes are there already.

    Returns:
        The files, in the order of the objects; their names begin with the number of the object and end with the name that it has.
    """
    files = [_file(folder, number, stored) for number, stored in enumerate(objects)]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(partial(_fetch_once, place), objects, files))
    return files


def _file(folder: Path, number: int, stored: Stored) -> Path:
    """Where an object goes; an object of other bytes goes elsewhere."""
    state = hashlib.sha256(f"{stored.key}\0{stored.etag}".encode()).hexdigest()[:16]
    return folder / state / f"{number:04}-{stored.key.rpartition('/')[2]}"


def _fetch_once(place: Place, stored: Stored, file: Path) -> None:
    if file.is_file():
        return
    file.parent.mkdir(exist_ok=True)
    partly = file.with_suffix(".partly")
    place.fetch(stored, partly)
    sync(partly)
    partly.replace(file)


class Folder:
    """A folder of the layout of a bucket; what is not beneath `root` is not read, wherever links point to."""

    def __init__(self, folder: Path, root: Path) -> None:
        """Open a folder that is beneath `root`; both are free of links."""
        self._folder, self._root = folder, root

    @property
    def name(self) -> str:
        """Its path."""
        return f"folder {self._folder}"

    def objects(self, ending: str) -> Iterator[Stored]:
        """All files whose names end so, in alphabetical order; a link to a folder is followed, unless it leads in a circle."""
        seen: set[Path] = set()
        for at, folders, files in os.walk(self._folder, followlinks=True):
            real = Path(at).resolve()
            folders[:] = [] if real in seen or not self._open(Path(at)) else sorted(folders)
            seen.add(real)
            for name in sorted(files) if self._open(Path(at)) else ():
                if name.endswith(ending) and self._open(Path(at) / name):
                    yield self._stored(Path(at) / name)

    def find(self, key: str, beside: str) -> Stored:
        """The file of a key: as it stands there, else beside the manifest, whatever folders the key names."""
        near, base = (self._folder / beside).parent if beside else self._folder, key.rpartition("/")[2]
        tried = [near / base, *sorted(p / base for p in near.iterdir() if p.is_dir())]
        if not key.startswith("/") and ".." not in key.split("/"):
            tried.insert(0, self._folder / key)
        for path in tried:
            if path.is_file() and self._open(path):
                return self._stored(path)
        who = f"the manifest {beside} names {key}, which" if beside else key
        raise SourceUnreadable(self.name, f"{who} is not there", "Copy it there.")

    def fetch(self, stored: Stored, target: Path) -> None:
        """Copy a file."""
        shutil.copyfile(self._folder / stored.key, target)

    def small(self, name: str) -> bytes | None:
        """The bytes of a file right in the folder; None: there is none."""
        path = self._folder / name
        return path.read_bytes() if path.is_file() and self._open(path) else None

    def _open(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self._root)

    def _stored(self, path: Path) -> Stored:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise SourceUnreadable(
                self.name, f"{path.name} cannot be read ({error.strerror})", "Let us read it."
            ) from error
        return Stored(str(path.relative_to(self._folder)), digest.hexdigest(), path.stat().st_size)
