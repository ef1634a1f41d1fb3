"""The embedded PostgreSQL: shared, orphaned, killed, as root and as an ordinary user, on every set of programs that is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from koku_core.database import Server, System
from koku_core.embedded import EmbeddedServer, EmbeddedServerError
from koku_core.embedded.account import Account
from koku_core.embedded.binaries import Binaries, candidates, choose
from koku_core.embedded.postmaster import Postmaster

PROGRAMS = [c for c in candidates() if c.major >= 15]
AS_ROOT = os.geteuid() == 0

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="no PostgreSQL programs are installed")


@pytest.fixture
def folder(open_folder: Path) -> Path:
    """A folder for a server, not made yet."""
    return open_folder / "postgres"


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as conn:
        row = conn.execute(query).fetchone()
    assert row
    return row[0]


def postmaster(folder: Path) -> Postmaster | None:
    return Postmaster.of((folder / "data").resolve())


@pytest.mark.parametrize("programs", PROGRAMS, ids=lambda b: f"{'wheel' if b.from_wheel else 'system'}-{b.major}")
def test_every_set_of_programs_serves_the_core(folder: Path, programs: Binaries) -> None:
    with EmbeddedServer(folder, durable=False, programs=programs.folder) as server:
        assert str(ask(server.dsn, "SHOW server_version")).startswith(str(programs.major))
        assert ask(server.dsn, "SELECT lower('ÄÖ') || (SELECT min(x) FROM unnest(ARRAY['b', 'B', 'a']) x)") == "äöB"
        pool = Server(server.dsn, pool_size=2)
        pool.open()
        try:
            system = System(pool)
            system.migrate()
            system.tenant("org1").ensure()
            assert [t.name for t in system.tenants()] == ["org1"]
        finally:
            pool.close()


def test_data_stay_and_the_server_stops_with_its_user(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False) as server:
        with psycopg.connect(server.dsn) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert postmaster(folder) is not None
    assert postmaster(folder) is None
    with EmbeddedServer(folder, durable=False) as server:
        assert ask(server.dsn, "SELECT answer FROM kept") == 42
    with pytest.raises(EmbeddedServerError, match="was not started here"):
        _ = server.dsn


def test_the_password_is_needed_and_private(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False) as server:
        assert (folder / "password").stat().st_mode & 0o777 == 0o600
        running = postmaster(folder)
        assert running is not None
        wrong = f"postgresql://koku:guess@127.0.0.1:{running.port}/postgres"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        assert ask(wrong.replace("guess", (folder / "password").read_text()), "SELECT 1") == 1
        assert ask(server.dsn, "SHOW jit") == "off"


def test_the_last_of_two_users_stops_it(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False) as first:
        with EmbeddedServer(folder, durable=False) as second:
            assert second.dsn == first.dsn
        assert ask(first.dsn, "SELECT 1") == 1
    assert postmaster(folder) is None


USER = """
import sys; from pathlib import Path
from koku_core.embedded import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1]), durable=False) as server:
    print(server.dsn, flush=True)
    sys.stdin.readline()
"""


def start_user(folder: Path, script: str = USER, *more: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder), *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=60)


def test_two_processes_that_begin_at_once_share_one_server(folder: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    dsns = [p.stdout.readline().strip() for p in processes if p.stdout]
    assert dsns[0] == dsns[1] != ""
    end(processes[0])
    assert ask(dsns[1], "SELECT 1") == 1
    end(processes[1])
    assert [p.returncode for p in processes] == [0, 0]
    assert postmaster(folder) is None


def test_a_killed_owner_leaves_a_server_that_the_next_one_takes_over_and_stops(folder: Path) -> None:
    owner, dsn = start_user(folder)
    with psycopg.connect(dsn) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    orphan = postmaster(folder)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    with EmbeddedServer(folder, durable=False) as server:
        assert postmaster(folder) == orphan
        assert ask(server.dsn, "SELECT answer FROM kept") == 42
    assert postmaster(folder) is None


def test_a_server_that_was_killed_is_started_again(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False) as server:
        running = postmaster(folder)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        with EmbeddedServer(folder, durable=False) as again:
            assert ask(again.dsn, "SELECT 1") == 1
            assert postmaster(folder) != running
        assert server.folder == again.folder


def test_a_stale_pid_file_with_the_pid_of_somebody_else_is_not_believed(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False):
        lines = ((folder / "data").resolve() / "postmaster.pid").read_text().splitlines()
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        stale = (folder / "data").resolve() / "postmaster.pid"
        stale.write_text("\n".join([str(sleeper.pid), *lines[1:], ""]))
        with EmbeddedServer(folder, durable=False) as server:
            assert ask(server.dsn, "SELECT 1") == 1
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_setup_that_was_killed_half_way_is_begun_anew(folder: Path) -> None:
    (folder / "data.new").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("18")
    with EmbeddedServer(folder, durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == 1
    assert not (folder / "data.new").exists()


def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.parent.mkdir(parents=True)
    deep.parent.chmod(0o755)
    folder.chmod(0o755)
    with EmbeddedServer(deep, durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        running = postmaster(deep)
        assert running is not None
        assert not running.socket_folder.startswith(str(deep))
    assert not Path(running.socket_folder).exists()


def test_a_folder_whose_name_needs_quoting(folder: Path) -> None:
    strange = folder / "it's a & folder? 100%"
    folder.mkdir(mode=0o755)
    with EmbeddedServer(strange, durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == 1


def test_data_of_a_version_without_programs_say_so(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False):
        pass
    ((folder / "data").resolve() / "PG_VERSION").write_text("99\n")
    with pytest.raises(EmbeddedServerError, match="needs the programs of PostgreSQL 99"):
        EmbeddedServer(folder, durable=False).start()


def test_a_wrong_programs_setting_says_so(folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="KOKU_POSTGRES_BIN must name"):
        EmbeddedServer(folder, durable=False, programs=folder).start()


def test_a_lost_password_says_so(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False):
        pass
    (folder / "password").unlink()
    server = EmbeddedServer(folder, durable=False)
    with pytest.raises(EmbeddedServerError, match="lost its password"):
        server.start()
    assert postmaster(folder) is None, "who could not use it has stopped it again"


def test_what_postgres_says_when_it_does_not_start_is_in_the_error(folder: Path) -> None:
    with EmbeddedServer(folder, durable=False):
        pass
    with ((folder / "data").resolve() / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        EmbeddedServer(folder, durable=False).start()


@pytest.mark.skipif(not AS_ROOT, reason="only root has a closed folder that its servant cannot enter")
def test_root_with_a_closed_home(folder: Path) -> None:
    home = folder / "root"
    home.mkdir(parents=True)
    home.chmod(0o700)
    with EmbeddedServer(home / "postgres", durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        outside = (home / "postgres" / "data").resolve()
        assert outside.stat().st_uid != 0
    assert home.stat().st_mode & 0o777 == 0o700
    assert not outside.exists(), "a throw-away server leaves nothing behind"
    with EmbeddedServer(home / "postgres", durable=False) as server:
        assert ask(server.dsn, "SELECT 1") == 1


@pytest.mark.skipif(not AS_ROOT, reason="only root runs a server of somebody else")
def test_root_with_a_closed_environment_copies_the_programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = next((c for c in PROGRAMS if c.from_wheel), None)
    if wheel is None:
        pytest.skip("the wheel is not installed")
    package = wheel.folder.parent.parent
    closed = folder / "closed"
    closed.mkdir(parents=True, mode=0o700)
    shutil.copytree(wheel.folder.parent, closed / package.name / wheel.folder.parent.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, closed / libraries.name)
    folder.chmod(0o755)
    monkeypatch.setattr("koku_core.embedded.binaries.SHARED_PLACE", folder / "shared")
    nobody = pwd.getpwnam("nobody")
    found = choose(
        Account(nobody.pw_uid, nobody.pw_gid), closed / package.name / wheel.folder.parent.name / "bin", None
    )
    assert found.folder.is_relative_to(folder / "shared")
    with EmbeddedServer(folder / "postgres", durable=False, programs=found.folder) as server:
        assert ask(server.dsn, "SELECT 1") == 1


AS_NOBODY = """
import fcntl, os, pwd, sys; from pathlib import Path
import psycopg
from koku_core.embedded import EmbeddedServer
nobody = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(nobody.pw_gid); os.setuid(nobody.pw_uid)
with EmbeddedServer(Path(sys.argv[1]), durable=False, programs=Path(sys.argv[2])) as server:
    with psycopg.connect(server.dsn) as conn:
        print(os.geteuid(), conn.execute("SELECT 1").fetchone()[0], flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(not AS_ROOT, reason="the other tests run as an ordinary user then")
def test_an_ordinary_user(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    programs = choose(Account(nobody.pw_uid, nobody.pw_gid), None, None).folder
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    process, said = start_user(folder, AS_NOBODY, str(programs))
    assert said == f"{nobody.pw_uid} 1"
    running = postmaster(folder)
    assert running is not None
    assert Path(f"/proc/{running.pid}").stat().st_uid == nobody.pw_uid
    end(process)
    assert process.returncode == 0
    assert postmaster(folder) is None
