"""Secrets inside the JSON of credentials: sealed before they are stored, left out when a source is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from koku_core.database.crypto import Vault

_SEALED = "sealed"


def seal(values: Mapping[str, Any], vault: Vault) -> dict[str, Any]:
    """The values as JSON, with every `SecretStr` replaced by `{"sealed": …}`."""
    return {name: _seal(value, vault) for name, value in values.items()}


def _seal(value: Any, vault: Vault) -> Any:
    if isinstance(value, SecretStr):
        return {_SEALED: vault.seal(value.get_secret_value())}
    return seal(value, vault) if isinstance(value, Mapping) else value


def unseal(values: Mapping[str, Any], vault: Vault) -> dict[str, Any]:
    """The stored values with their secrets in clear."""
    return {name: _unseal(value, vault) for name, value in values.items()}


def _unseal(value: Any, vault: Vault) -> Any:
    if isinstance(value, Mapping):
        return vault.unseal(value[_SEALED]) if value.keys() == {_SEALED} else unseal(value, vault)
    return value


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The stored values without their secrets."""
    return {
        name: shown(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if not (isinstance(value, Mapping) and value.keys() == {_SEALED})
    }
