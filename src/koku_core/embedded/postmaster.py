"""What `postmaster.pid` says of a running server, believed only if that process is still a PostgreSQL of this data folder."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server.

    Attributes:
        ready: it takes connections; else it starts or stops.
    """

    pid: int
    port: int
    socket_folder: str
    ready: bool

    @classmethod
    def of(cls, data: Path) -> Postmaster | None:
        """The server that runs on a data folder, or None."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        if not _is_postgres(pid, data):
            return None
        lines += [""] * (8 - len(lines))  # it is written line by line while the server starts
        return cls(pid, int(lines[3] or 0), lines[4], lines[7].strip() == "ready")


def _is_postgres(pid: int, data: Path) -> bool:
    """Whether the process lives and is this server: after a reboot the pid may be anybody's."""
    command = _command_line(pid)
    return "postgres" in command and str(data) in command


def _command_line(pid: int) -> str:
    proc = Path("/proc") / str(pid)
    if Path("/proc/self/cmdline").exists():
        try:
            if "Z" in (proc / "stat").read_text().rpartition(")")[2].split()[:1]:
                return ""  # dead, but nobody has collected it
            return (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607 - a number is all that is passed on
    return listed.stdout
