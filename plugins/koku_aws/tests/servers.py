"""A bucket on a real S3 server, and a server of accounts and roles, as the tests of downloads use them."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import koku_aws
from koku_aws import sample
from koku_core import Koku
from koku_core.devtools.network import fetched, free_ports
from koku_core.devtools.object_store import ObjectStore
from koku_core.plugins import Plugins
from koku_core.settings import Settings


@dataclass(frozen=True)
class Store:
    """The S3 server: where it is, and access key and secret of whoever may do anything there."""

    url: str
    login: tuple[str, str]

    @property
    def good(self) -> dict[str, Any]:
        """Credentials of a source that may read it."""
        return {"access_key_id": self.login[0], "secret_access_key": self.login[1]}

    @cached_property
    def client(self) -> Any:
        """A client."""
        import boto3

        keys = {"aws_access_key_id": self.login[0], "aws_secret_access_key": self.login[1]}
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)


@pytest.fixture
def store(object_store: ObjectStore) -> Store:
    """The S3 server."""
    keys = object_store.environment
    return Store(object_store.endpoint, (keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]))


@pytest.fixture
def storage(store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the S3 server, which sources are read from too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
    return store.client


@pytest.fixture
def bucket(store: Store, tmp_path: Path) -> str:
    """A bucket with the sample's bills, which lie in the folder `bucket` as well."""
    name = made_bucket(store.client)
    sample.sample(tmp_path, date(2026, 11, 22))
    put(store.client, name, tmp_path / "bucket")
    return name


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    """The library with this plugin alone."""
    with Koku.open(settings=settings, plugins=Plugins((), extra={"aws": koku_aws})) as opened:
        yield opened


def put(client: Any, bucket: str, folder: Path) -> None:
    """Put the files of a folder into a bucket, with the folder's layout."""
    for path in folder.rglob("*"):
        if path.is_file():
            client.put_object(Bucket=bucket, Key=str(path.relative_to(folder)), Body=path.read_bytes())


def made_bucket(client: Any) -> str:
    """A new bucket."""
    name = f"bills-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name)
    return name


@contextmanager
def moto() -> Iterator[str]:
    """A server of STS, IAM and Organizations."""
    (port,) = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            end = time.monotonic() + 60
            while fetched(f"http://127.0.0.1:{port}/moto-api/") is None:
                assert time.monotonic() < end, "moto does not answer"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
