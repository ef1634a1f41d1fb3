"""The API, the administration calls and the job runner, run together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
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


def run(koku: Koku, api: Address, admin: Address, *, jobs: bool = True, identify: Identify | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests that are being answered are answered first.

    Args:
        koku: the library.
        api: where the API and the upload URL listen.
        admin: where the administration calls listen.
        jobs: whether to run a worker too.
        identify: who is asking; default: the identity header.

    Raises:
        SettingError: a port cannot be had.
    """
    with contextlib.ExitStack() as stack:
        listening = [stack.enter_context(address.listen()) for address in (api, admin)]
        apps = (create_app(koku, identify=identify), create_admin_app(koku))
        worker = stack.enter_context(Worker(koku.handle.name)) if jobs else None
        _announce(listening)
        asyncio.run(_serve([_Server(_config(app)) for app in apps], listening, worker))


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app, lifespan="off", log_level="warning", timeout_graceful_shutdown=STOP_TIMEOUT_S, server_header=False
    )


def _announce(listening: list[socket.socket]) -> None:
    api, admin = (_url(s) for s in listening)
    note(f"API:            {api}{BASE}")
    note(f"Uploads:        {api}{UPLOAD_BASE}upload")
    note(f"Administration: {admin}{BASE}")
    note("Stop with Ctrl-C.")


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
