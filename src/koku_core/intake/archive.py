"""Reads archives that may be hostile: member by member, while they unpack, within limits; nothing is written to disk."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from koku_core.errors import PayloadRefused

if TYPE_CHECKING:
    from koku_core.settings import Settings

_BLOCK = 256 * 1024
#: No honest report packs better than this; looked at once an archive has unpacked to something worth worrying about.
_RATIO, _RATIO_FROM = 400, 64 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may be.

    Attributes:
        members: most members, folders included.
        unpacked_bytes: most bytes that all of it may unpack to.
        manifest_bytes: most bytes of a manifest.
    """

    members: int = 2000
    unpacked_bytes: int = 4 << 30
    manifest_bytes: int = 10 << 20

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that the settings name."""
        return cls(members=settings.member_limit, unpacked_bytes=settings.unpacked_limit_mib << 20)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive; `stream` can be read until the next member is asked for."""

    name: str
    size: int
    stream: BinaryIO

    def read(self, most: int, payload: Path) -> bytes:
        """All of it.

        Raises:
            PayloadRefused: it is larger than `most` bytes.
        """
        if self.size > most:
            raise PayloadRefused(payload.name, f"has {self.size} bytes, at most {most} are allowed", member=self.name)
        return self.stream.read()


def members(payload: Path, limits: Limits) -> Iterator[Member]:
    """The files of a gzip-compressed tar, in the order they lie in it. Folders are skipped, whatever their name.

    Raises:
        PayloadRefused: it is not such an archive, is cut off, breaks a limit, or a member is a link, a device or named so that it would
            leave a folder that it is unpacked to.
    """
    with payload.open("rb") as packed, _opened(payload, unpacked := _Unpacked(payload, packed, limits)) as archive:
        seen: set[str] = set()
        for count, info in enumerate(_infos(payload, archive), start=1):
            if count > limits.members:
                raise PayloadRefused(payload.name, f"has more than {limits.members} members")
            if info.isdir():
                continue
            name = _safe_name(payload, info)
            if name in seen:
                raise PayloadRefused(payload.name, "is there twice", member=name)
            seen.add(name)
            if not PurePosixPath(name).name.startswith("._"):  # what macOS puts beside a file
                stream = archive.extractfile(info)
                assert stream is not None  # noqa: S101 - it is a regular file
                yield Member(name, info.size, cast(BinaryIO, _Guarded(payload, name, cast(BinaryIO, stream))))
        while unpacked.read(_BLOCK):  # to the check sum at the end
            pass


def _opened(payload: Path, unpacked: _Unpacked) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=unpacked, mode="r|", bufsize=_BLOCK)
    except (tarfile.TarError, EOFError) as error:
        raise PayloadRefused(payload.name, f"is not a gzip-compressed tar ({error})") from error


def _infos(payload: Path, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    try:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # a stream never goes back, so nothing need be remembered
            yield info
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
        raise PayloadRefused(payload.name, f"is not a readable tar ({error})") from error


def _safe_name(payload: Path, info: tarfile.TarInfo) -> str:
    if not info.isreg() or info.sparse is not None:
        raise PayloadRefused(payload.name, "is a link, a device or a sparse file", member=info.name)
    name = info.name.removeprefix("./")
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or ":" in path.parts[0]:
        raise PayloadRefused(payload.name, "has a name that leads out of the archive", member=info.name)
    return name


class _Guarded(io.RawIOBase):
    """A member's stream that tells a cut-off archive from the end of the member."""

    def __init__(self, payload: Path, name: str, stream: BinaryIO) -> None:
        self._payload, self._name, self._stream = payload, name, stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except (tarfile.TarError, EOFError) as error:
            raise PayloadRefused(self._payload.name, f"is cut off ({error})", member=self._name) from error

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def readall(self) -> bytes:
        return self.read(-1)


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a gzip file, within limits."""

    def __init__(self, payload: Path, packed: BinaryIO, limits: Limits) -> None:
        self._payload, self._packed, self._most = payload, packed, limits.unpacked_bytes
        self._gzip = zlib.decompressobj(wbits=31)
        self._in = self._out = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; none only at the end."""
        while True:
            data = self._gzip.unconsumed_tail or self._next_block()
            if not data and not self._gzip.eof:
                raise PayloadRefused(self._payload.name, "is cut off: the compressed data ends too early")
            if not data:
                return b""
            found = self._decompress(data, size if size > 0 else _BLOCK)
            if found:
                return self._counted(found)

    def _next_block(self) -> bytes:
        data = self._gzip.unused_data or self._packed.read(_BLOCK)
        if self._gzip.eof and data:
            if not data.strip(b"\0"):
                return b""  # padding behind the last part
            self._gzip = zlib.decompressobj(wbits=31)
        self._in += len(data)
        return data

    def _decompress(self, data: bytes, size: int) -> bytes:
        try:
            return self._gzip.decompress(data, size)
        except zlib.error as error:
            raise PayloadRefused(self._payload.name, f"is not gzip-compressed, or damaged ({error})") from error

    def _counted(self, found: bytes) -> bytes:
        self._out += len(found)
        if self._out > self._most:
            raise PayloadRefused(self._payload.name, f"unpacks to more than {self._most} bytes")
        if self._out > _RATIO_FROM and self._out > _RATIO * self._in:
            raise PayloadRefused(self._payload.name, f"unpacks to more than {_RATIO} times its size")
        return found
