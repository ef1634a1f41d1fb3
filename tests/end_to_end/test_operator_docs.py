"""What the pages for operators and for those who move over tell to do, done: accounts, `koku serve` with TLS, requests, and the move."""

from __future__ import annotations

import base64
import importlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette

from koku_core import Koku
from koku_core.api import create_app
from tests.end_to_end.conftest import Api, cluster, header, identity, model
from tests.end_to_end.test_docs import DOCS, place, run
from tests.end_to_end.test_serve import Served

__all__ = ["place"]
pytestmark = pytest.mark.slow
SNIPPETS = DOCS / "snippets"


def certify(folder: Path) -> None:
    """A certificate of localhost that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "koku.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "koku.key").write_bytes(private)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """The page's server, on ports that are free."""
    command = (SNIPPETS / "operator-serve.sh").read_text().replace("--port 8443", "--port 0 --admin-port 0")
    assert "--port 0" in command
    process = subprocess.Popen(
        ["bash", "-ec", command.replace("koku serve", "exec koku serve")], cwd=folder, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield Served(process)
    finally:
        process.kill()
        process.communicate()


def test_the_page_for_operators(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("curl"), "the page uses curl"
    certify(place)
    assert "prod-cluster" in run("bash", "-e", SNIPPETS / "operator-account.sh")
    secret = (place / "client_secret").read_text().strip()
    assert len(secret) >= 40
    with served(place) as server:
        assert server.api.startswith("https://")
        monkeypatch.setenv("KOKU_URL", f"https://localhost:{server.api.split(':')[2].split('/')[0]}")
        said = run("bash", "-e", "-o", "pipefail", SNIPPETS / "operator-try.sh")
        answers = [json.loads(part) for part in said.replace("}{", "}\n{").splitlines()]
        assert answers[0] == {"meta": {"count": 1}, "data": [{"id": "1", "name": "openshift"}]}
        assert set(answers[1]) == {"request_id", "upload"}
        for path in urls_of_the_resource():
            assert status(os.environ["KOKU_URL"] + path, place) in (401, 405), f"{path} is there"
        assert status(os.environ["KOKU_URL"] + "/api/sources/v1.0/sources", place, **header(identity())) == 401, (
            "the header is not trusted"
        )
        assert status(os.environ["KOKU_URL"] + "/api/cost-management/v1/status/", place) == 200
    with Koku.open(tenant="acme") as koku, koku.handle.connection() as conn:
        assert conn.execute("SELECT count(*) FROM report").fetchone() == (1,), "the payload waits for its source"


def urls_of_the_resource() -> list[str]:
    """The URLs that the page has the cluster's administrator write down, without the server."""
    yaml = importlib.import_module("yaml")  # which has no types
    secret, resource = yaml.safe_load_all((SNIPPETS / "operator.yaml").read_text())
    spec = resource["spec"]
    assert spec["authentication"]["secret_name"] == secret["metadata"]["name"]
    assert spec["authentication"]["token_url"].startswith(spec["api_url"] + "/")
    token = spec["authentication"]["token_url"].removeprefix(spec["api_url"])
    return [token, spec["source"]["sources_path"] + "sources", spec["upload"]["ingress_path"]]


def status(url: str, folder: Path, **headers: str) -> int:
    context = ssl.create_default_context(cafile=folder / "koku.crt")
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=context) as answer:  # noqa: S310 - our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def koku(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "koku_core.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **more)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["--tls-cert", "none.pem"], "cannot be used (No such file or directory)"),
        (["--tls-key", "koku.key"], "A key needs a certificate"),
        (["--tls-cert", "koku.crt"], "cannot be used"),
        (["--tls-cert", "koku.crt", "--tls-key", "other.key"], "cannot be used"),
    ],
)
def test_files_that_cannot_be_used_are_a_message(place: Path, files: list[str], said: str) -> None:
    certify(place)
    (place / "koku.key").rename(place / "other.key")
    (place / "koku.crt").rename(place / "first.crt")
    certify(place)
    done = koku("serve", "--port", "0", "--admin-port", "0", *files)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert said in done.stderr


def test_the_accounts_commands(place: Path) -> None:
    secret = koku("accounts", "add", "robot", "--role", "reader", "--json").stdout
    made = json.loads(secret)
    assert (made["client_id"], len(made["client_secret"]) >= 40) == ("robot", True)
    assert [a["role"] for a in json.loads(koku("accounts", "list", "--json").stdout)] == ["reader"]
    assert len(koku("accounts", "token", "robot", "--days", "30").stdout.strip()) >= 40
    (place / "pull-secret").write_text("b3BlbnNoaWZ0LXJlbGVhc2UtZGV2K3NvbWVib2R5OnNlY3JldA==\n")
    assert koku("accounts", "token", "robot", "--from", "pull-secret").stdout == ""
    assert koku("accounts", "add", "second", "--from", "-", input="chosen-by-somebody-else\n").returncode == 0
    for wrong, said in [
        (("add", "robot"), "exists already"), (("add", "third", "--role", "god"), "is not one of"), (("remove", "x"), "no account 'x'"),
        (("token", "x"), "no account 'x'"), (("add", "third", "--from", "nowhere"), "cannot be read"),
    ]:  # fmt: skip
        done = koku("accounts", *wrong)
        assert done.returncode in (1, 2)
        assert said in done.stderr.replace("\n", " "), done.stderr
    assert koku("accounts", "remove", "robot").returncode == 0
    assert [a["name"] for a in json.loads(koku("accounts", "list", "--json").stdout)] == ["second"]
    with Koku.open() as opened, opened.services.system.connection() as conn:
        assert conn.execute("SELECT count(*) FROM account_token").fetchone() == (0,)


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def test_the_page_for_those_who_move_over(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stated(org: str) -> str:
        return base64.b64encode(json.dumps(identity(org)).encode()).decode()

    with Koku.open() as opened:
        app = create_app(opened)
        old, new = Api(app), Api(app, header(identity("2")))
        source = cluster(old)
        cluster(old, "second", "second")
        old.make("cost-models/", model(source_uuids=[source["uuid"]], markup={"value": 10, "unit": "percent"}))
        with listening(app) as url:
            for name, value in {
                "OLD_URL": url,
                "NEW_URL": url,
                "OLD_IDENTITY": stated("1234567"),
                "NEW_IDENTITY": stated("2"),
            }.items():
                monkeypatch.setenv(name, value)
            assert run(sys.executable, SNIPPETS / "move.py") == "2 sources\n"
        assert [s["name"] for s in new.data("sources/")] == ["prod", "second"]
        (there,), (here,) = old.data("cost-models/"), new.data("cost-models/")
        same = ("name", "description", "source_type", "currency", "markup", "distribution_info")
        assert [there[k] for k in same] == [here[k] for k in same]
        assert [s["name"] for s in here["sources"]] == ["prod"]
        assert [r["tiered_rates"] for r in here["rates"]] == [r["tiered_rates"] for r in there["rates"]]
