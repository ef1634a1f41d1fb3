"""Encrypts secrets before they reach the database."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from koku_core.errors import SettingError


class Vault:
    """Encrypts and decrypts texts with one key: `KOKU_SECRET_KEY`, or one made and kept in the data folder."""

    def __init__(self, key: SecretStr | None, data_dir: Path) -> None:
        self._fernet = Fernet(_usable(key.get_secret_value()) if key else _kept(data_dir))

    def seal(self, text: str) -> str:
        """Encrypt."""
        return self._fernet.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Decrypt.

        Raises:
            SettingError: it was sealed with another key.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SettingError(
                "KOKU_SECRET_KEY", "is not the key that the stored credentials were encrypted with"
            ) from error


def _usable(key: str) -> bytes:
    try:
        Fernet(key)
    except ValueError as error:
        raise SettingError(
            "KOKU_SECRET_KEY",
            "must be 32 bytes in URL-safe base64",
            do="Make one with `openssl rand -base64 32 | tr +/ -_`.",
        ) from error
    return key.encode()


def _kept(data_dir: Path) -> bytes:
    path = data_dir / "secret.key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    return path.read_bytes()
