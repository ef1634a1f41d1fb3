"""A Trino of one node on loopback, for development and tests."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from koku_core.devtools.install import java_home, trino_home
from koku_core.devtools.network import HOST, fetched, free_ports
from koku_core.devtools.object_store import ObjectStore
from koku_core.devtools.shared import Command, Shared

_JVM = (
    "-server", "-Xmx1G", "-XX:+ExplicitGCInvokesConcurrent", "-XX:+ExitOnOutOfMemoryError",
    "-XX:-OmitStackTraceInFastThrow", "-XX:ReservedCodeCacheSize=256M", "-XX:PerMethodRecompilationCutoff=10000",
    "-XX:PerBytecodeRecompilationCutoff=10000", "-Djdk.attach.allowAttachSelf=true", "-Djdk.nio.maxCachedBufferSize=2000000",
    "-Dfile.encoding=UTF-8", "-XX:+EnableDynamicAgentLoading",
)  # fmt: skip

_LASTING = ("-XX:+UseG1GC",)
#: Half the time of processors until the first answers, on two of them; but code is never compiled to be fast.
_QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True)
class TrinoServer:
    """A Trino that runs.

    Attributes:
        url: its URL, without a catalog.
        process: whose program it is.
    """

    url: str
    process: Shared

    def add_catalog(self, name: str, dsn: str, lake_url: str, store: ObjectStore, **more: str) -> str:
        """Show a lake to the server.

        Args:
            name: what to call it.
            dsn: the database that keeps the lake's catalogue, which must have been opened once.
            lake_url: where the lake is.
            store: the object store that it lies on.
            more: further properties of the catalog.

        Returns:
            What `KOKU_TRINO_URL` must be.
        """
        properties = {**lake_properties(dsn, lake_url, store), **more}
        listed = ", ".join(f'"{key}" = {_text(value)}' for key, value in properties.items())
        self.execute(f"CREATE CATALOG {name} USING iceberg WITH ({listed})")
        return f"{self.url}/{name}"

    def drop_catalog(self, name: str) -> None:
        """Forget a lake."""
        self.execute(f"DROP CATALOG {name}")

    def execute(self, statement: str) -> list[list[Any]]:
        """Run a statement and fetch its rows."""
        from pydantic import SecretStr

        from koku_core.executors.trino.client import Trino
        from koku_core.executors.trino.url import TrinoUrl
        from koku_core.sql import Rendered

        return Trino(TrinoUrl.of(SecretStr(self.url))).rows(Rendered((statement,), ()))


@contextlib.contextmanager
def trino_server(folder: Path, *, quick: bool = False, **more: object) -> Iterator[TrinoServer]:
    """Have a Trino run.

    Args:
        folder: for its configuration and log; processes that name the same one share the server.
        quick: be up, and answer for the first time, sooner; then be slower with much data.
        more: further properties of the server; of the process that starts it they count.

    Raises:
        DevServerError: it cannot be installed, or does not start.
    """
    process, place = Shared(folder), folder / "port"

    def start() -> Command:
        place.write_text(str(free_ports(1)[0]))
        return _command(folder.absolute(), int(place.read_text()), _QUICK if quick else _LASTING, more)

    def ready() -> bool:
        said = fetched(f"http://{HOST}:{place.read_text()}/v1/info")
        return said is not None and json.loads(said).get("starting") is False

    with process.running(start, ready):
        yield TrinoServer(f"http://{HOST}:{place.read_text()}", process)


def _command(folder: Path, port: int, flags: Sequence[str], more: Mapping[str, object]) -> Command:
    home = trino_home()
    settings = {
        "coordinator": "true", "node-scheduler.include-coordinator": "true", "http-server.http.port": port,
        "discovery.uri": f"http://{HOST}:{port}", "node.bind-ip": HOST, "node.internal-address": HOST,
        "catalog.management": "dynamic", "catalog.store": "memory", **more,
    }  # fmt: skip
    _write(folder / "config.properties", settings)
    _write(folder / "log.properties", {"io.trino": "WARN"})
    given = {
        "node.environment": "koku", "node.id": "one", "node.data-dir": folder / "data", "log.levels-file": folder / "log.properties",
        "config": folder / "config.properties", "log.enable-console": "true", "java.io.tmpdir": folder / "tmp",
    }  # fmt: skip
    shutil.rmtree(folder / "tmp", ignore_errors=True)  # it is killed, and leaves what it unpacked
    (folder / "tmp").mkdir()
    properties = (f"-D{name}={value}" for name, value in given.items())
    java = java_home() / "bin" / "java"
    argv = (str(java), "-cp", f"{home}/lib/*", *_JVM, *flags, *properties, "io.trino.server.TrinoServer")
    return Command(argv, signal.SIGKILL, cwd=home)


def _write(path: Path, properties: Mapping[str, object]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


def lake_properties(dsn: str, lake_url: str, store: ObjectStore) -> dict[str, str]:
    """The properties of the catalog in Trino that shows the lake of a database."""
    from psycopg.conninfo import conninfo_to_dict

    from koku_core.lake.catalog import NAME

    given = conninfo_to_dict(dsn)
    host, port = str(given.get("host") or HOST), given.get("port") or 5432
    if host.startswith("/"):  # a socket, which Java cannot use
        host = HOST
    return {
        "iceberg.catalog.type": "jdbc",
        "iceberg.jdbc-catalog.catalog-name": NAME,
        "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
        "iceberg.jdbc-catalog.connection-url": f"jdbc:postgresql://{host}:{port}/{given.get('dbname') or ''}?currentSchema=koku",
        "iceberg.jdbc-catalog.connection-user": str(given.get("user") or ""),
        "iceberg.jdbc-catalog.connection-password": str(given.get("password") or ""),
        "iceberg.jdbc-catalog.default-warehouse-dir": lake_url,
        "iceberg.jdbc-catalog.schema-version": "V1",
        "fs.native-s3.enabled": "true",
        "fs.hadoop.enabled": "false",
        "s3.endpoint": store.endpoint,
        "s3.region": store.environment["AWS_REGION"],
        "s3.path-style-access": "true",
        "s3.aws-access-key": store.environment["AWS_ACCESS_KEY_ID"],
        "s3.aws-secret-key": store.environment["AWS_SECRET_ACCESS_KEY"],
    }


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
