"""One server and its data folder: made once, started, found again after a crash, stopped."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from koku_core.embedded.account import Account
from koku_core.embedded.binaries import SHARED_PLACE, Binaries, choose
from koku_core.embedded.configuration import configuration
from koku_core.embedded.errors import EmbeddedServerError
from koku_core.embedded.postmaster import Postmaster

USER = "koku"
START_TIMEOUT_S = 300  # a large server that was killed replays its log first
STOP_TIMEOUT_S = 60
#: The longest path of a unix socket that every system takes.
SOCKET_PATH_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Cluster:
    """The server of one folder. Every method but `dsn` must be called under the folder's lock.

    Attributes:
        folder: holds the password, and the data or a link to them.
        durable: whether what is committed survives a crash of the machine; False only for throw-away servers.
        programs: a folder of PostgreSQL programs to use and no other.
    """

    folder: Path
    durable: bool = True
    programs: Path | None = None

    @property
    def data(self) -> Path:
        """The data folder, links resolved."""
        return (self.folder / "data").resolve()

    def dsn(self) -> str:
        """How to connect: through the socket, with the password of this folder.

        Raises:
            EmbeddedServerError: it does not run.
        """
        running = Postmaster.of(self.data)
        if running is None:
            raise EmbeddedServerError(f"of {self.folder} does not run")
        return f"postgresql://{USER}:{self._password()}@/postgres?host={quote(running.socket_folder, safe='/')}&port={running.port}"

    def ensure_running(self) -> None:
        """Make the data folder if there is none, and start the server unless it runs already.

        Raises:
            EmbeddedServerError: it cannot; the message holds what the server said.
        """
        account = Account.choose(self.data)
        if not self._exists():
            self._make(account)
            account = Account.choose(self.data)
        self._password()  # a server that nobody can connect to is not worth starting
        for last in (False, False, True):
            if self._settled() is None:
                self._start(account)
            problem = self._problem()
            if not problem:
                return
            if last:
                raise EmbeddedServerError(f"of {self.folder} runs but cannot be used", log=problem)
            time.sleep(0.2)  # it may have been dying while we looked

    def stop(self) -> None:
        """Stop the server, breaking off what its clients do; nothing happens if it does not run."""
        running = Postmaster.of(self.data)
        if running is not None:
            account = Account.choose(self.data)
            ended = account.run(
                [
                    self._binaries(account).folder / "pg_ctl",
                    "-D",
                    self.data,
                    "-m",
                    "fast",
                    "-w",
                    "-t",
                    str(STOP_TIMEOUT_S),
                    "stop",
                ],
                STOP_TIMEOUT_S + 10,
            )
            if ended.returncode and Postmaster.of(self.data) is not None:
                raise EmbeddedServerError(f"of {self.folder} does not stop", log=ended.stdout)
            if Path(running.socket_folder) != self.data:
                shutil.rmtree(running.socket_folder, ignore_errors=True)
        if not self.durable and self.data.parent != self.folder:
            shutil.rmtree(self.data.parent, ignore_errors=True)
            (self.folder / "data").unlink()

    def _exists(self) -> bool:
        link = self.folder / "data"
        if link.is_symlink() and not link.exists():
            if not self.durable:
                link.unlink()
                return False
            raise EmbeddedServerError(
                f"of {self.folder} has lost its data: they lay in {link.readlink()}, which is gone",
                do=f"Restore that folder, or remove {self.folder} and ingest again.",
            )
        return link.is_dir()

    def _make(self, account: Account) -> None:
        """Run initdb in a folder of another name, and give it its name when it is whole."""
        place = self._place(account)
        fresh = place / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)  # of a start that was killed
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        password = place / "password.new"
        password.touch(mode=0o600)
        password.write_text(self._password())
        account.own(password)
        try:
            self._initdb(account, fresh, password)
        finally:
            password.unlink()
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'koku.conf'\n")
        fresh.rename(place / "data")
        if place != self.folder:
            (self.folder / "data").symlink_to(place / "data")

    def _initdb(self, account: Account, data: Path, password: Path) -> None:
        # Bytes decide the order of text, so that answers are ordered alike everywhere; letters are Unicode's.
        letters = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        ended = account.run(
            [self._binaries(account).folder / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", password,
             "-E", "UTF8", "--locale=C", f"--lc-ctype={letters}", *([] if self.durable else ["--no-sync"])]
        )  # fmt: skip
        if ended.returncode:
            shutil.rmtree(data, ignore_errors=True)
            raise EmbeddedServerError(f"cannot be set up in {data}", log=ended.stdout)

    def _place(self, account: Account) -> Path:
        """Where the data go: our folder, unless the server's user cannot get there (root's home is closed to it)."""
        if account.uid is not None:
            self.folder.chmod(0o711)
        if account.reaches(self.folder):
            return self.folder
        name = f"postgres-{secrets.token_hex(4)}"
        place = SHARED_PLACE / name if self.durable else Path(tempfile.mkdtemp(prefix="koku-", dir=_temporary()))
        try:
            place.mkdir(mode=0o711, parents=True, exist_ok=True)
            place.chmod(0o711)
            (place / "belongs-to").write_text(f"{self.folder}\n")  # so that people can tell what may go
        except OSError as error:
            raise EmbeddedServerError(
                f"runs as uid {account.uid}, which may not enter {self.folder}, and nothing can be made in {SHARED_PLACE} ({error})",
                do="Set KOKU_DATA_DIR to a folder outside of closed folders such as /root.",
            ) from error
        return place

    def _settled(self) -> Postmaster | None:
        """The running server once it takes connections; None if it does not run. What a dead one left is cleared away."""
        end = time.monotonic() + START_TIMEOUT_S
        while (running := Postmaster.of(self.data)) is not None:
            if running.ready:
                return running
            if time.monotonic() > end:
                raise EmbeddedServerError(f"of {self.folder} is neither up nor down", log=self._log())
            time.sleep(0.05)
        for left in [self.data / "postmaster.pid", *self.data.glob(".s.PGSQL.*")]:
            left.unlink(missing_ok=True)
        return None

    def _start(self, account: Account) -> None:
        pg_ctl = self._binaries(account).folder / "pg_ctl"
        end = time.monotonic() + STOP_TIMEOUT_S
        while True:
            self._configure(account)
            ended = account.run(
                [pg_ctl, "-D", self.data, "-l", self.data / "server.log", "-w", "-t", str(START_TIMEOUT_S), "start"],
                START_TIMEOUT_S + 10,
            )
            if ended.returncode == 0:
                return
            said = self._log()
            # Somebody took the port meanwhile, or children of a server that was killed have not noticed yet.
            passing = any(words in said for words in ("could not bind", "still in use"))
            if not passing or time.monotonic() > end:
                raise EmbeddedServerError(f"of {self.folder} does not start", log=said or ended.stdout)
            time.sleep(0.2)

    def _configure(self, account: Account) -> None:
        with contextlib.suppress(FileNotFoundError):  # the log of the run before may say why it ended
            (self.data / "server.log").replace(self.data / "server.log.before")
        conf = self.data / "koku.conf"
        conf.write_text(
            configuration(port=_free_port(), socket_folder=self._socket_folder(account), durable=self.durable)
        )
        account.own(conf)

    def _socket_folder(self, account: Account) -> Path:
        if len(os.fsencode(self.data / ".s.PGSQL.65535")) <= SOCKET_PATH_LIMIT:
            return self.data
        short = Path(tempfile.mkdtemp(prefix="koku-", dir=_temporary()))
        account.own(short)
        return short

    def _binaries(self, account: Account) -> Binaries:
        version = self.data / "PG_VERSION"
        return choose(account, self.programs, int(version.read_text()) if version.is_file() else None)

    def _password(self) -> str:
        path = self.folder / "password"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text()
        if (self.folder / "data").exists():
            raise EmbeddedServerError(
                f"of {self.folder} has lost its password: {path} is gone",
                do=f"Restore it, or remove {self.folder} and ingest again.",
            )
        fresh = path.with_name("password.part")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(16))
        fresh.rename(path)
        return path.read_text()

    def _problem(self) -> str:
        """Why one cannot connect; empty if one can."""
        import psycopg

        try:
            psycopg.connect(self.dsn(), connect_timeout=30).close()
        except (psycopg.OperationalError, EmbeddedServerError) as error:
            return str(error)
        return ""

    def _log(self) -> str:
        try:
            return "\n".join((self.data / "server.log").read_text(errors="replace").splitlines()[-20:])
        except OSError:
            return ""


def _temporary() -> str:
    """A short folder that everybody can reach, whatever TMPDIR says."""
    return "/tmp"  # noqa: S108 - mkdtemp makes a private folder in it


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
