"""Where files lie: a local folder or an object store, told by one URL and the usual AWS environment variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from koku_core.errors import SettingError

if TYPE_CHECKING:
    import pyarrow.fs


def location(url: str) -> str:
    """A folder or URL as the URL that Iceberg knows it by: `file:///…` or `s3://bucket/prefix`.

    Raises:
        SettingError: it is neither a folder nor an S3 URL.
    """
    scheme = urlparse(url).scheme if "://" in url else ""
    if scheme in ("", "file"):
        return "file://" + str(Path(url.removeprefix("file://")).expanduser().absolute())
    if scheme not in ("s3", "s3a"):
        raise SettingError("KOKU_LAKE_URL", f"cannot be {url!r}", valid=("a folder", "s3://bucket/prefix"))
    return url.rstrip("/")


def s3_properties() -> dict[str, str]:
    """The settings of the S3 client in pyiceberg's words, from `AWS_…` variables; credentials not given are looked up by the client."""
    found = {
        "s3.endpoint": os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
        "s3.access-key-id": os.environ.get("AWS_ACCESS_KEY_ID"),
        "s3.secret-access-key": os.environ.get("AWS_SECRET_ACCESS_KEY"),
        "s3.session-token": os.environ.get("AWS_SESSION_TOKEN"),
        "s3.region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    }
    return {name: value for name, value in found.items() if value}


def filesystem(url: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """The file system of a location, and the path of the location on it."""
    from pyarrow.fs import LocalFileSystem, S3FileSystem

    parsed = urlparse(location(url))
    if parsed.scheme == "file":
        return LocalFileSystem(), parsed.path
    given = s3_properties()
    s3 = S3FileSystem(
        endpoint_override=given.get("s3.endpoint"),
        access_key=given.get("s3.access-key-id"),
        secret_key=given.get("s3.secret-access-key"),
        session_token=given.get("s3.session-token"),
        region=given["s3.region"],
    )
    return s3, f"{parsed.netloc}{parsed.path}"


def sync(path: Path) -> None:
    """Bring a file or folder to the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
