"""Fixtures for the tests of the AWS plugin: those that are published, and the recorded inputs."""

from __future__ import annotations

from tests.conftest import dsn, server_dsn, settings, shared

__all__ = ["dsn", "server_dsn", "settings", "shared"]
