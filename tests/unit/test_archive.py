"""Archives that somebody wrote to do harm, or that broke on the way."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from koku_core.errors import PayloadRefused
from koku_core.intake.archive import Limits, members


def member(
    name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    return info, data


def packed(*parts: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, data in parts:
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue())


def contents(tmp_path: Path, data: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    path = tmp_path / "upload.tar.gz"
    path.write_bytes(data)
    return {m.name: m.stream.read() for m in members(path, limits or Limits())}


def test_files_are_read_and_folders_skipped_whatever_their_name(tmp_path: Path) -> None:
    data = packed(
        member("/", kind=tarfile.DIRTYPE), member("../up", kind=tarfile.DIRTYPE), member("./a.csv", b"1"),
        member("sub/b.csv", b"2"), member("._a.csv", b"mac"), member("empty", b""),
    )  # fmt: skip
    assert contents(tmp_path, data) == {"a.csv": b"1", "sub/b.csv": b"2", "empty": b""}


def test_long_names_and_several_gzip_parts_are_read(tmp_path: Path) -> None:
    name = "n" * 200
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        plain = gzip.decompress(packed(member(name, b"1"), form=form))
        parts = gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + b"\0" * 512
        assert contents(tmp_path, parts) == {name: b"1"}


@pytest.mark.parametrize(
    "bad",
    [
        member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("hard", kind=tarfile.LNKTYPE, link="a.csv"),
        member("device", kind=tarfile.CHRTYPE),
        member("block", kind=tarfile.BLKTYPE),
        member("pipe", kind=tarfile.FIFOTYPE),
        member("/etc/passwd"),
        member("../a.csv"),
        member("a/../../b.csv"),
        member("a\\..\\b.csv"),
        member("C:/a.csv"),
        member("a.csv"),
    ],
    ids=lambda m: m[0].name,
)
def test_members_that_lead_out_are_refused_by_name(tmp_path: Path, bad: tuple[tarfile.TarInfo, bytes]) -> None:
    with pytest.raises(PayloadRefused) as caught:
        contents(tmp_path, packed(member("a.csv"), bad))
    assert caught.value.facts["member"] == bad[0].name
    assert caught.value.facts["payload"] == "upload.tar.gz"


def test_limits_hold_while_it_unpacks(tmp_path: Path) -> None:
    with pytest.raises(PayloadRefused, match="more than 3 members"):
        contents(tmp_path, packed(*(member(f"d{i}", kind=tarfile.DIRTYPE) for i in range(4))), Limits(members=3))
    with pytest.raises(PayloadRefused, match="more than 100000 bytes"):
        contents(tmp_path, packed(member("big", random.Random(1).randbytes(200_000))), Limits(unpacked_bytes=100_000))


def test_a_bomb_is_refused_early(tmp_path: Path) -> None:
    squeeze = zlib.compressobj(9, wbits=31)
    header = tarfile.TarInfo("bomb")
    header.size = 1 << 40
    bomb = (
        squeeze.compress(header.tobuf())
        + b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(200))
        + squeeze.flush()
    )
    assert len(bomb) < 300_000
    with pytest.raises(PayloadRefused, match="times its size"):
        contents(tmp_path, bomb, Limits(unpacked_bytes=1 << 50))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"not gzip at all" * 100,
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:40] + bytes([data[40] ^ 255]) + data[41:],
        lambda data: gzip.compress(b"no tar " * 1000),
        lambda data: gzip.compress(gzip.decompress(data)[:1000]),
        lambda data: data + b"junk behind",
    ],
    ids=["empty", "not gzip", "half", "one byte short", "damaged", "not tar", "tar cut off", "junk behind"],
)
def test_broken_archives_are_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    good = packed(member("a.csv", random.Random(2).randbytes(5000)))
    with pytest.raises(PayloadRefused):
        contents(tmp_path, spoil(good))


def test_any_damage_is_a_refusal_or_the_same_bytes(tmp_path: Path) -> None:
    """No byte that is changed on the way leads to another exception, or to other contents than the sender's."""
    source = random.Random(3)
    good = packed(member("a.csv", source.randbytes(300)), member("b.csv", b"a,b\n" * 50))
    expected = contents(tmp_path, good)
    for _ in range(400):
        data = bytearray(good)
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        try:
            found = contents(tmp_path, bytes(data))
        except PayloadRefused:
            continue
        assert found == expected
