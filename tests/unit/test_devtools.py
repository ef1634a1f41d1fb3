"""Programs that processes share, and what is told to Trino of a lake."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from koku_core.devtools.errors import DevServerError
from koku_core.devtools.install import cache_folder
from koku_core.devtools.object_store import ObjectStore
from koku_core.devtools.shared import Command, Shared
from koku_core.devtools.trino_server import lake_properties

ROOT = Path(__file__).parent.parent.parent
SLEEP = Command((sys.executable, "-c", "import time; time.sleep(600)"), signal.SIGTERM)
USER = """
import sys, time
from pathlib import Path
from tests.unit.test_devtools import SLEEP, Shared
with Shared(Path(sys.argv[1])).running(lambda: SLEEP, lambda: True):
    print("in", flush=True)
    time.sleep(600)
"""


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def there(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):  # then it is not there
        os.kill(pid, 0)
        return True
    return False


def never() -> Command:
    raise AssertionError("it runs already")


def test_the_first_user_starts_it_and_it_ends_with_the_last(tmp_path: Path) -> None:
    first, second = Shared(tmp_path), Shared(tmp_path)
    with first.running(lambda: SLEEP, lambda: True):
        pid = first.pid()
        with second.running(never, lambda: True):
            assert second.pid() == pid
        assert there(pid)
    assert not there(pid)
    with first.running(lambda: SLEEP, lambda: True):  # and it can be started again
        assert first.pid() != pid


def test_it_ends_when_its_user_is_killed(tmp_path: Path) -> None:
    user = subprocess.Popen([sys.executable, "-c", USER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert user.stdout is not None
    assert user.stdout.readline() == "in\n"
    pid = Shared(tmp_path).pid()
    user.kill()
    user.communicate()
    until(lambda: not there(pid))


def test_one_that_ends_while_it_starts_is_told_with_what_it_said(tmp_path: Path) -> None:
    broken = Command(
        (sys.executable, "-c", "import time; print('no such port', flush=True); time.sleep(0.3)"), signal.SIGTERM
    )
    with pytest.raises(DevServerError, match="no such port"), Shared(tmp_path).running(lambda: broken, lambda: False):
        raise AssertionError("it was ready")


def test_the_page_shows_what_the_tests_tell_trino(tmp_path: Path) -> None:
    keys = {"AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    told = lake_properties(
        "postgresql://koku@db/x", "s3://bucket/lake", ObjectStore("http://s3", keys, Shared(tmp_path))
    )
    snippet = (ROOT / "docs" / "snippets" / "trino-catalog.properties").read_text()
    shown = dict(line.split("=", 1) for line in snippet.splitlines())
    assert shown.pop("connector.name") == "iceberg"
    assert shown.keys() == told.keys()
    fixed = {k: v for k, v in shown.items() if "ENV" not in v and "example" not in v and k not in ("s3.region",)}
    assert {k: told[k] for k in fixed} == fixed
    assert told["iceberg.jdbc-catalog.connection-url"] == "jdbc:postgresql://db:5432/x?currentSchema=koku"


def test_a_socket_becomes_loopback(tmp_path: Path) -> None:
    keys = {"AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    store = ObjectStore("http://s3", keys, Shared(tmp_path))
    told = lake_properties("postgresql://koku:p@/postgres?host=/run/pg&port=6543", "s3://b", store)
    assert told["iceberg.jdbc-catalog.connection-url"] == "jdbc:postgresql://127.0.0.1:6543/postgres?currentSchema=koku"


def test_the_cache_is_where_users_expect_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "koku"
