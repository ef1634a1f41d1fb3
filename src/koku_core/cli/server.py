"""The API, the administration calls and the job runner, run together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import uvicorn

from koku_core.api import create_admin_app, create_app
from koku_core.api.paths import BASE, UPLOAD_BASE
from koku_core.cli.output import note
from koku_core.errors import SettingError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from koku_core.api.identity import Identify
    from koku_core.koku import Koku

STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Address:
    """A host and port; port 0 is any free one."""

    host: str
    port: int

    def listen(self) -> socket.socket:
        """Take the port.

        Raises:
            SettingError: it cannot be had.
        """
        try:
            listening = socket.create_server(
                (self.host, self.port), family=socket.AF_INET6 if ":" in self.host else socket.AF_INET
            )
            # asyncio does so only for sockets of its own making; without it a small answer waits 40 ms for an acknowledgement
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return listening
        except OSError as error:
            raise SettingError(
                "--host/--port",
                f"{self.host}:{self.port} cannot be listened on ({error.strerror})",
                do="Choose another port.",
            ) from error


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a certificate and its key, in PEM."""

    certificate: Path
    key: Path

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None) -> Self | None:
        """What the command line says; None: no TLS.

        Raises:
            SettingError: the files cannot be used.
        """
        if certificate is None and key is None:
            return None
        if certificate is None:
            raise SettingError("--tls-cert", "is missing", do="A key needs a certificate.")
        made = cls(certificate, key or certificate)
        try:
            # an empty password: otherwise OpenSSL asks for the one of an encrypted key at the terminal
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key, password="")
        except (OSError, ssl.SSLError) as error:
            files = f"{made.certificate} and {made.key}"
            raise SettingError(
                "--tls-cert/--tls-key",
                f"{files} cannot be used ({error.strerror or error})",
                do="Both must be readable PEM files, the key without a password, and belong together.",
            ) from error
        return made


class Worker:
    """`koku worker` as a process of its own, so that slow jobs do not slow down answers; started again if it dies."""

    def __init__(self, tenant: str) -> None:
        self._command = [
            sys.executable,
            "-m",
            "koku_core.cli",
            "--tenant",
            tenant,
            "worker",
            "--parent",
            str(os.getpid()),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - our own
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # a job may be killed at any moment; it is begun again
            self._process.kill()
            self._process.wait()

    async def watch(self) -> None:
        """Start the worker again whenever it has ended."""
        while True:
            await asyncio.sleep(1)
            if self._process is not None and self._process.poll() is not None:
                note(f"The worker ended with status {self._process.returncode}; it is started again.")
                self.__enter__()


class _Server(uvicorn.Server):
    """One of two servers in one process: signals are handled for both together."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def run(
    koku: Koku,
    api: Address,
    admin: Address,
    *,
    jobs: bool = True,
    identify: Identify | None = None,
    tls: Tls | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests that are being answered are answered first.

    Args:
        koku: the library.
        api: where the API and the upload URL listen.
        admin: where the administration calls listen.
        jobs: whether to run a worker too.
        identify: who is asking; default: the identity header, or an account.
        tls: serve the API by https.

    Raises:
        SettingError: a port cannot be had.
    """
    with contextlib.ExitStack() as stack:
        listening = [stack.enter_context(address.listen()) for address in (api, admin)]
        apps = (create_app(koku, identify=identify), create_admin_app(koku))
        worker = stack.enter_context(Worker(koku.handle.name)) if jobs else None
        _announce(listening, tls)
        if identify is None:
            _warn(koku, api)
        configs = [_config(apps[0], tls), _config(apps[1])]
        asyncio.run(_serve([_Server(config) for config in configs], listening, worker))


def _config(app: ASGIApp, tls: Tls | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        server_header=False,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


def _announce(listening: list[socket.socket], tls: Tls | None) -> None:
    api, admin = _url(listening[0], "https" if tls else "http"), _url(listening[1])
    note(f"API:            {api}{BASE}")
    note(f"Uploads:        {api}{UPLOAD_BASE}upload")
    note(f"Administration: {admin}{BASE}")
    note("Stop with Ctrl-C.")


def _warn(koku: Koku, api: Address) -> None:
    """Say what it means that others reach the API."""
    if koku.services.settings.trust_identity_header and api.host not in ("127.0.0.1", "::1", "localhost"):
        note(
            "Whoever reaches the API is whom its header x-rh-identity says. Let only a gateway reach it that sets the header,"
        )
        note("or set KOKU_TRUST_IDENTITY_HEADER=false; then only accounts (`koku accounts`) are known.")


def _url(listening: socket.socket, scheme: str = "http") -> str:
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def _serve(servers: list[_Server], listening: list[socket.socket], worker: Worker | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, servers)
    watching = loop.create_task(worker.watch()) if worker else None
    await asyncio.gather(*(server.serve(sockets=[s]) for server, s in zip(servers, listening, strict=True)))
    if watching:
        watching.cancel()


def _stop(servers: list[_Server]) -> None:
    for server in servers:
        server.force_exit = server.should_exit  # the second signal does not wait for answers
        server.should_exit = True
