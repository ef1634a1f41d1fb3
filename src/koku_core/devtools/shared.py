"""A program that several processes use together: the first starts it, and it ends with the last, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from koku_core.devtools import keeper
from koku_core.devtools.errors import DevServerError


@dataclass(frozen=True, slots=True)
class Command:
    """How a program is started.

    Attributes:
        argv: the program and its arguments.
        signal: what stops it.
        environment: variables beside those of the starting process.
        cwd: the folder that it runs in.
    """

    argv: tuple[str, ...]
    signal: int
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")


class Shared:
    """One program in a folder of its own, for all processes that name the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @contextlib.contextmanager
    def running(
        self, start: Callable[[], Command], ready: Callable[[], bool], *, timeout_s: float = 300
    ) -> Iterator[None]:
        """Have the program run while the block does.

        Args:
            start: how to start it; called by the first user alone, under the folder's lock.
            ready: whether it answers; asked until it does.
            timeout_s: how long it may take.

        Raises:
            DevServerError: it ended, or does not answer in time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked("lock"):
            users = (self.folder / "users").open("ab")
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that is just stopping the program
            try:
                if not self.alive():
                    self._start(start())
                self._wait(ready, timeout_s)
            except BaseException:  # also an interrupt: who does not use it must not hold it
                users.close()
                raise
        try:
            yield
        finally:
            users.close()
            self._settle()

    def alive(self) -> bool:
        """Whether somebody keeps it running."""
        with (self.folder / "keeper").open("ab") as probe:
            return not _taken(probe)

    def pid(self) -> int:
        """Which process it is."""
        return int((self.folder / "pid").read_text())

    def log(self) -> str:
        """The last lines that it wrote."""
        try:
            return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-20:])
        except OSError:
            return ""

    def _start(self, command: Command) -> None:
        (self.folder / "pid").unlink(missing_ok=True)
        told = {
            "argv": command.argv,
            "environment": dict(command.environment),
            "cwd": str(command.cwd),
            "signal": command.signal,
        }
        path = self.folder / "command.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(told))
        with Path(os.devnull).open("r+b") as nothing:  # not by subprocess, which wants to see its end
            silent = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), number) for number in range(3)]
            argv = [sys.executable, keeper.__file__, str(self.folder)]
            os.posix_spawn(sys.executable, argv, os.environ, file_actions=silent)
        self._wait((self.folder / "pid").exists, 30, alive=False)

    def _wait(self, ready: Callable[[], bool], timeout_s: float, *, alive: bool = True) -> None:
        end = time.monotonic() + timeout_s
        while not ready():
            if alive and not self.alive():
                raise DevServerError(f"The server of {self.folder} ended while it started", log=self.log())
            if time.monotonic() > end:
                raise DevServerError(
                    f"The server of {self.folder} does not answer after {timeout_s:.0f} s", log=self.log()
                )
            time.sleep(0.1)

    def _settle(self) -> None:
        """If we were the last user, wait until the keeper has stopped the program."""
        with (self.folder / "users").open("ab") as users:
            while self.alive():
                if _taken(users):
                    fcntl.flock(users, fcntl.LOCK_UN)  # nobody uses it: the keeper will get the lock in a moment
                elif _taken(users, shared=True):
                    return  # others do
                time.sleep(0.05)

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with (self.folder / name).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _taken(file: IO[bytes], *, shared: bool = False) -> bool:
    """Take a lock if it can be had at once."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
