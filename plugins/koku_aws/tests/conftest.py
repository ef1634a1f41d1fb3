"""Fixtures for the tests of the AWS plugin: those that are published, and the recorded inputs."""

from __future__ import annotations

from plugins.koku_aws.tests.servers import bucket, koku, storage, store
from tests.conftest import dsn, object_store, server_dsn, settings, shared

__all__ = ["bucket", "dsn", "koku", "object_store", "server_dsn", "settings", "shared", "storage", "store"]
