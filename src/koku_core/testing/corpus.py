"""Awkward input: what bills and labels hold when nobody looks. Needs no pytest."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

#: Names that break joined SQL, CSV, JSON, fixed widths and ASCII.
NAMES = (
    "plain", "it's", 'say "hi"', "semi; DROP TABLE tenant", "100%_sure", "back\\slash", "comma,inside", "café ☕", "名前", "👩‍👩‍👧",
    "UPPER", "{{ braces }}", "%s", "null", "n" * 64, " spaced ", "a/b?c=d&e[f]",
)  # fmt: skip
#: Label keys of the same kind; some are longer than an identifier of PostgreSQL may be.
LABEL_KEYS = ("app", "it's", 'q"uote', "ключ", "☕", "k" * 64, "with space", "dotted.io/name", "{{ key }}", "100%")
#: Amounts: credits, many decimals, nothing, much.
AMOUNTS = ("0.000000000000001", "-12.345678901234567", "1e-9", "0", "123456789012.25", "-0.1", "3.333333333333333")
#: The first and last days of months of every length, and of a leap year.
MONTH_ENDS = tuple(map(date.fromisoformat, (
    "2026-10-01", "2026-10-31", "2026-11-01", "2026-09-30", "2026-02-28", "2024-02-29", "2025-12-31", "2026-01-01",
)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill, as far as every provider has it.

    Attributes:
        day: its day.
        name: of what was used; no two lines have the same.
        amount: of usage or money, a decimal number.
        labels: of what was used.
    """

    day: date
    name: str
    amount: Decimal
    labels: dict[str, str] = field(default_factory=dict)


def lines(day: date) -> list[Line]:
    """A line for each awkward name, on one day; amounts, label keys and values take turns."""
    return [
        Line(day, name, Decimal(AMOUNTS[n % len(AMOUNTS)]), {LABEL_KEYS[n % len(LABEL_KEYS)]: name})
        for n, name in enumerate(NAMES)
    ]


def broken(payload: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """What may become of a file on its way: empty, cut off at several places, noise. Each with what is wrong with it."""
    content = payload.read_bytes()
    cuts = {"empty": b"", "cut off in the middle": content[: len(content) // 2], "without its last bytes": content[:-3]}
    for n, (what, part) in enumerate((cuts | {"noise": bytes(range(256)) * 16}).items()):
        yield what, _written(folder / f"{n}-{payload.name}", part)


def hostile(payload: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """The members of a gzip-compressed tar, with one more that must not be read. Each with what is wrong with it."""
    for n, (what, info, content) in enumerate(_members()):
        path = folder / f"{n}-{payload.name}"
        with tarfile.open(payload) as old, tarfile.open(path, "w:gz", compresslevel=1) as new:
            for member in old:
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
            new.addfile(info, io.BytesIO(content))
        yield what, path


def _members() -> Iterator[tuple[str, tarfile.TarInfo, bytes]]:
    for what, name in (
        ("a name that leads out", "../../etc/passwd"),
        ("an absolute name", "/etc/passwd"),
        ("a member nobody named", "x.csv"),
    ):
        yield what, _member(name, 1), b"x"
    for what, kind in (
        ("a symbolic link", tarfile.SYMTYPE),
        ("a hard link", tarfile.LNKTYPE),
        ("a device", tarfile.CHRTYPE),
    ):
        info = _member("y.csv", 0)
        info.type, info.linkname = kind, "/etc/passwd"
        yield what, info, b""
    yield "a bomb", _member("z.csv", 80 << 20), bytes(80 << 20)


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
