"""Logging in to a real Trino, over TLS: it knows who has a token, and refuses everybody else.

What checks passwords comes with the whole distribution of Trino alone (800 MB), so passwords are only refused here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from koku_core.devtools.network import HOST, free_ports
from koku_core.devtools.trino_server import trino_server
from koku_core.errors import EngineRefused
from koku_core.executors.trino.client import Trino
from koku_core.executors.trino.url import TrinoUrl
from koku_core.sql import Rendered
from tests.unit.test_trino_tls import certificate


@dataclass(frozen=True, slots=True)
class Guarded:
    """A Trino that asks who one is.

    Attributes:
        place: where it listens with TLS.
        certificate: its own.
        key: what tokens are signed with.
    """

    place: str
    certificate: Path
    key: bytes

    def token(self, user: str, key: bytes | None = None) -> str:
        """A token that says who somebody is."""
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": user})]
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        signature = hmac.digest(key or self.key, signed, hashlib.sha256)
        return b".".join((signed, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()

    def ask(self, options: str, user: str = "", host: str = HOST) -> object:
        """What a question gets."""
        place = self.place.replace(HOST, host)
        url = TrinoUrl.of(SecretStr(f"https://{user}{place}/lake?{options}"))
        return Trino(url).rows(Rendered(("SELECT current_user",), ()))

    def refusal(self, options: str, user: str = "", host: str = HOST) -> str:
        """Why a question is refused, for good."""
        with pytest.raises(EngineRefused) as raised:
            self.ask(options, user, host)
        return raised.value.message


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    (port,), key, own = free_ports(1), secrets.token_bytes(32), certificate(folder, "own")
    (folder / "key").write_bytes(base64.b64encode(key))
    more = {
        "http-server.https.enabled": "true", "http-server.https.port": port, "http-server.https.keystore.path": own,
        "http-server.authentication.type": "JWT", "http-server.authentication.jwt.key-file": folder / "key",
        "internal-communication.shared-secret": secrets.token_hex(32),
    }  # fmt: skip
    with trino_server(folder / "trino", quick=True, **more):
        yield Guarded(f"{HOST}:{port}", own, key)


def test_who_has_a_token_gets_in_and_nobody_else(
    guarded: Guarded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    trusted = f"ca={guarded.certificate}"
    assert guarded.ask(f"{trusted}&token={guarded.token('koku')}") == [["koku"]]
    forged = guarded.token("koku", b"another key of thirty-two bytes!")
    said = guarded.refusal(f"{trusted}&token={forged}")
    assert "does not know koku by what it was given" in said
    assert "Correct the user and the password or token in KOKU_TRINO_URL." in said
    assert "does not know jane" in guarded.refusal(trusted, "jane:pa55word@")
    assert "does not know koku" in guarded.refusal(trusted)
    told = guarded.refusal(f"{trusted}&token={guarded.token('jane')}")
    assert "jane cannot impersonate user koku" in told
    other = certificate(tmp_path, "other")
    assert "ca=FILE" in guarded.refusal(f"ca={other}&token={forged}")
    assert "certificate of another name" in guarded.refusal(f"{trusted}&token={forged}", host="localhost")
    for secret in ("pa55word", base64.b64encode(b"jane:pa55word").decode(), forged, guarded.token("koku")):
        assert secret not in caplog.text + said + told
