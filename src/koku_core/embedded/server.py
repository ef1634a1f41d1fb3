"""The embedded server as its users see it: there while somebody uses it, whoever that is."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from koku_core.embedded.cluster import Cluster
from koku_core.embedded.errors import EmbeddedServerError


class EmbeddedServer:
    """A PostgreSQL of our own in a folder; a context manager. Processes that name the same folder share one server.

    The first user starts it, the last one to leave stops it. Who uses it is known from shared file locks, which the kernel lets go of
    when a process dies: a user that is killed counts no more, and the server that it leaves behind serves the next one.

    It listens on a unix socket and on 127.0.0.1, and wants a generated password, which lies in the folder and only its owner can read.
    As root it runs as the user `postgres` or `nobody`; if that user cannot enter the folder (below /root), the data lie beneath
    /var/lib/koku, and `data` in the folder links there.
    """

    def __init__(self, folder: Path, *, durable: bool = True, programs: Path | None = None) -> None:
        """Name the server; nothing is touched yet.

        Args:
            folder: where it lives; made if need be.
            durable: False trades the safety of what was committed for speed, for tests.
            programs: the folder of the PostgreSQL programs; default: the wheel's, Debian's, or those on the PATH.
        """
        self.folder = Path(folder).absolute()
        self._cluster = Cluster(self.folder, durable, programs)
        self._users: IO[bytes] | None = None
        self._owner = 0
        self._dsn = ""

    @property
    def dsn(self) -> str:
        """How to connect, as a URL; it holds the password.

        Raises:
            EmbeddedServerError: the server was not started here, or is stopped.
        """
        if not self._dsn:
            raise EmbeddedServerError(
                f"of {self.folder} was not started here", do="Use `with EmbeddedServer(folder) as server:`."
            )
        return self._dsn

    def start(self) -> None:
        """Start the server, or join those who use it; once per object.

        Raises:
            EmbeddedServerError: it cannot.
        """
        if self._users is not None:
            return
        with self._lock():
            self._users, self._owner = self._open("users"), os.getpid()
            try:
                _flock(self._users, exclusive=False, wait=True)
                self._cluster.ensure_running()
                self._dsn = self._cluster.dsn()
            except BaseException:  # also an interrupt: who does not use it must not hold it
                with contextlib.suppress(EmbeddedServerError):  # the error that brought us here is the one to tell
                    self._leave()
                raise
        atexit.register(self.stop)

    def stop(self) -> None:
        """Leave the server, and stop it if nobody else uses it. Does nothing in a process that was forked from its user."""
        if self._users is None or self._owner != os.getpid():
            return
        atexit.unregister(self.stop)
        with self._lock():
            self._leave()

    def _leave(self) -> None:
        if self._users is not None:
            self._users.close()
        self._users, self._dsn = None, ""
        with self._open("users") as users:
            if _flock(users, exclusive=True, wait=False):
                self._cluster.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Only one process at a time looks at, starts or stops the server."""
        with self._open("lock") as lock:
            _flock(lock, exclusive=True, wait=True)
            yield

    def _open(self, name: str) -> IO[bytes]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return (self.folder / name).open("ab")
        except OSError as error:
            raise EmbeddedServerError(
                f"cannot live in {self.folder} ({error})",
                do="Set KOKU_DATA_DIR to a folder of your own, or KOKU_DATABASE_URL to a server.",
            ) from error


def _flock(file: IO[bytes], *, exclusive: bool, wait: bool) -> bool:
    """Take a lock that ends with the file's last descriptor; False if somebody else holds it and we do not wait."""
    try:
        import fcntl
    except ImportError:
        raise EmbeddedServerError(
            "does not run on this system", do="Set KOKU_DATABASE_URL to a PostgreSQL >= 15."
        ) from None
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
