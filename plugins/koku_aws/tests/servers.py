"""A bucket on a real S3 server, and a server of accounts and roles, as the tests of downloads use them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.test_object_store import KEYS, free_port, wait_for

LOGIN = (KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
GOOD: dict[str, Any] = {"access_key_id": LOGIN[0], "secret_access_key": LOGIN[1]}


def s3(endpoint: str) -> Any:
    """A client that may do anything on the S3 server."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=LOGIN[0], aws_secret_access_key=LOGIN[1]
    )


def put(client: Any, bucket: str, folder: Path) -> None:
    """Put the files of a folder into a bucket, with the folder's layout."""
    for path in folder.rglob("*"):
        if path.is_file():
            client.put_object(Bucket=bucket, Key=str(path.relative_to(folder)), Body=path.read_bytes())


def made_bucket(client: Any, tmp_path: Path) -> str:
    """A new bucket, named after a test's folder."""
    name = f"bills-{tmp_path.name.replace('_', '-')}"[-50:].strip("-").lower()
    client.create_bucket(Bucket=name)
    return name


@contextmanager
def moto() -> Iterator[str]:
    """A server of STS, IAM and Organizations."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/moto-api/")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
