"""The user that the server runs as. PostgreSQL refuses root, so root hands it to `postgres` or `nobody`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from koku_core.embedded.errors import EmbeddedServerError

#: Who runs the server when we are root, first choice first.
SERVANTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server's programs: ourselves (`uid` None), or the user of this uid and gid on behalf of root."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls, data: Path) -> Account:
        """The owner of the data folder if it is there; else ourselves, or a servant if we are root.

        Raises:
            EmbeddedServerError: we are root, and there is no user to hand the server to.
        """
        if os.geteuid() != 0:
            return cls()
        if data.exists() and data.stat().st_uid != 0:
            return cls(data.stat().st_uid, data.stat().st_gid)
        import pwd

        for name in SERVANTS:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise EmbeddedServerError(
            f"does not run as root, and there is no user {' or '.join(SERVANTS)} to run it",
            do="Add one with `useradd --system postgres`, run koku as another user, or set KOKU_DATABASE_URL.",
        )

    def run(self, command: Sequence[str | Path], timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, and collect what it says.

        Raises:
            EmbeddedServerError: it cannot be run, or does not end.
        """
        user = {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": ()}
        try:
            return subprocess.run(  # type: ignore[call-overload, no-any-return]  # noqa: S603 - our own programs, no shell
                [str(part) for part in command], cwd="/", env=_environment(), stdin=subprocess.DEVNULL, timeout=timeout_s,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, start_new_session=True, **user,
            )  # fmt: skip
        except PermissionError as error:
            raise EmbeddedServerError(
                f"cannot be run as uid {self.uid} from here ({error})",
                do="Run koku as an ordinary user, or set KOKU_DATABASE_URL.",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise EmbeddedServerError(
                f"did not answer: {Path(command[0]).name} took longer than {timeout_s:.0f} s"
            ) from error

    def reaches(self, path: Path) -> bool:
        """Whether this user may enter the folder, or run the file."""
        if self.uid is None:
            return os.access(path, os.X_OK)
        return self.run(["/bin/sh", "-c", 'test -x "$1"', "sh", path]).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def _environment() -> dict[str, str]:
    """No PG… variable of the caller may change which server is meant, and messages come in English."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
