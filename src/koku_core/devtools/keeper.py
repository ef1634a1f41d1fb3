"""Runs a program until nobody uses it any more; started as a process of its own, by its file's name.

Whoever uses the program holds a shared lock on the file `users` of its folder. The kernel lets go of it when its process ends, however
it ends; then the keeper gets the lock for itself, and stops the program. It imports nothing of koku, to be small.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

#: How long a program may take to stop when it is asked to.
GRACE_S = 10


def main(folder: Path) -> None:
    """Run what `folder/command.json` says, with its output in `folder/log`, until the file `users` is locked by nobody."""
    os.setsid()  # what a terminal tells its processes is not for us
    command = json.loads((folder / "command.json").read_text())
    with (folder / "keeper").open("ab") as ours, (folder / "users").open("ab") as users:
        fcntl.flock(ours, fcntl.LOCK_EX)
        with (folder / "log").open("wb") as log:
            program = subprocess.Popen(  # noqa: S603 - written by the process that started us
                command["argv"], env={**os.environ, **command["environment"]}, cwd=command["cwd"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        (folder / "pid").write_text(str(program.pid))
        threading.Thread(target=_end_with, args=(program, folder), daemon=True).start()
        fcntl.flock(users, fcntl.LOCK_EX)
        _stop(program, command["signal"])


def _end_with(program: subprocess.Popen[bytes], folder: Path) -> None:
    """A program that ended by itself needs no keeper, and its users may start it again."""
    program.wait()
    (folder / "pid").unlink(missing_ok=True)
    os._exit(0)


def _stop(program: subprocess.Popen[bytes], number: int) -> None:
    program.send_signal(number)
    try:
        program.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
