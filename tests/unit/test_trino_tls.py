"""Secrets for a Trino go over TLS to whom the URL trusts, whatever the environment trusts. The server here only looks who asks."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from koku_core.errors import EngineRefused
from koku_core.executors.trino.client import Trino
from koku_core.executors.trino.url import TrinoUrl
from koku_core.sql import Rendered


def certificate(folder: Path, name: str) -> Path:
    """A certificate for loopback that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(encoding))
    return path


@dataclass
class Asked:
    """A server, and with what it was asked."""

    port: int
    certificate: Path
    authorizations: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Asked]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.authorizations.append(self.headers.get("Authorization"))
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    own = certificate(tmp_path, "own")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        asked = Asked(listening.server_port, own)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield asked
        listening.shutdown()
        thread.join()


def ask(server: Asked, options: str, user: str = "") -> str:
    url = TrinoUrl.of(SecretStr(f"https://{user}127.0.0.1:{server.port}/lake?{options}"))
    with pytest.raises(EngineRefused) as raised:
        Trino(url).rows(Rendered(("SELECT 1",), ()))
    return raised.value.message


def test_the_certificates_of_the_url_count_not_those_of_the_environment(
    server: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = certificate(tmp_path, "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert "error 401" in ask(server, f"token=abc&ca={server.certificate}")
    assert "error 401" in ask(server, f"ca={server.certificate}", "jane:secret@")
    assert server.authorizations == ["Bearer abc", "Basic amFuZTpzZWNyZXQ="]
    said = ask(server, f"token=secret&ca={other}")
    assert "CERTIFICATE_VERIFY_FAILED" in said
    assert "secret" not in said
    assert len(server.authorizations) == 2
