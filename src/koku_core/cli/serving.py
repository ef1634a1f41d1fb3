"""`koku serve` and `koku worker`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from koku_core.cli.output import note
from koku_core.cli.session import opened

LogFormat = Annotated[str, typer.Option(envvar="KOKU_LOG_FORMAT", help="How to log: text or json.")]


def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Where the API listens; whoever reaches it is trusted to say who they are.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.")] = 8000,
    admin_host: Annotated[
        str, typer.Option(help="Where the administration calls listen; they ask nobody who they are.")
    ] = "127.0.0.1",
    admin_port: Annotated[int, typer.Option(help="0: any free one.")] = 5042,
    jobs: Annotated[bool, typer.Option("--jobs/--no-jobs", help="Run the job runner beside the API.")] = True,
    log_format: LogFormat = "text",
    tls_cert: Annotated[
        Path | None, typer.Option(help="The API's certificate, with its chain, in PEM: it is served by https.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="The certificate's key, in PEM; may be in the same file.")
    ] = None,
) -> None:
    """Serve the API, the upload URL and the job runner, until it is stopped."""
    from koku_core.cli.processes import logs_to_stderr
    from koku_core.cli.server import Address, Tls, run

    tls = Tls.of(tls_cert, tls_key)
    logs_to_stderr(log_format)
    with opened(context) as koku:
        run(koku, Address(host, port), Address(admin_host, admin_port), jobs=jobs, tls=tls)


def worker(
    context: typer.Context,
    parent: Annotated[
        int | None, typer.Option(hidden=True, help="End when this process is no longer our parent.")
    ] = None,
    log_format: LogFormat = "text",
) -> None:
    """Work off the jobs of all tenants, until it is stopped; as many as one likes may run."""
    from koku_core.cli.processes import logs_to_stderr, prepare_worker, warm_up

    logs_to_stderr(log_format)
    prepare_worker()
    from koku_core.jobs.handlers import HANDLERS
    from koku_core.jobs.runner import Runner

    stop = threading.Event()
    on_signals(stop.set)
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent, stop), daemon=True).start()
    with opened(context) as koku:
        if parent is None:
            note("Working; stop with Ctrl-C.")
        warm_up(koku)
        Runner(koku.services, HANDLERS).run(stop)


def on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` at the first SIGTERM or SIGINT; the second ends the process the usual way."""

    def handle(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _end_with(parent: int, stop: threading.Event) -> None:
    """A parent that was killed cannot tell us; but then somebody else is our parent."""
    import os

    while not stop.wait(0.5):
        if os.getppid() != parent:
            stop.set()
