"""The command `koku`: a thin layer over `koku_core.koku.Koku`, one module per group of commands."""

from __future__ import annotations

import signal
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

#: Which extra brings a module that a command needs.
_EXTRAS = {
    "typer": "cli",
    "rich": "cli",
    "click": "cli",
    "uvicorn": "api",
    "starlette": "api",
    "python_multipart": "api",
    "altair": "notebook",
    "vl_convert": "notebook",
    "trino": "trino",
    "numpy": "forecast",
    "statsmodels": "forecast",
}


def main() -> None:
    """Run the command line. An error is a message and exit status 1, wrong usage exit status 2; never a traceback."""
    signal.signal(signal.SIGTERM, _terminate)  # so that what is open is closed, the embedded server among it
    warnings.showwarning = _warn
    try:
        from koku_core.cli.app import app

        app()
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _fail(f"This needs {error.name}: pip install 'koku-core[{extra}]'", 2)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        message = _message(error)
        if message is None:
            raise  # a defect of ours: somebody will want to see where
        _fail(message, 1)


def _message(error: Exception) -> str | None:
    """What to tell a user of an error; None: it is not one that a user can do something about."""
    from psycopg import OperationalError

    from koku_core.errors import DatabaseUnavailable, KokuError

    if isinstance(error, KokuError):
        return error.message
    if isinstance(error, OperationalError):
        return DatabaseUnavailable(str(error).strip()).message
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return None


def _fail(message: str, status: int) -> NoReturn:
    print(f"koku: {message}", file=sys.stderr)
    sys.exit(status)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    print(f"koku: warning: {message}", file=sys.stderr)
