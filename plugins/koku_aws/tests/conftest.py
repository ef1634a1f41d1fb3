"""Fixtures for the tests of the AWS plugin: those that are published, and the recorded inputs."""

from __future__ import annotations

from plugins.koku_aws.tests.servers import store
from tests.conftest import dsn, object_store, server_dsn, settings, shared

__all__ = ["dsn", "object_store", "server_dsn", "settings", "shared", "store"]
