"""A proxy between boto3 and a server: it notes what is asked, and answers as a server in trouble would."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_SLOW = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass
class Proxy:
    """Where it leads to, what goes wrong on the way, and what has been asked.

    Attributes:
        target: the server's URL.
        login: access key and secret that requests are signed with anew; without them they go on as they are.
        busy, broken: parts of paths, and how many requests for them are still answered by 503, or break off in the middle of the body.
        before: parts of paths, and what happens before a GET of them goes on.
        asked: the requests: verb and path, with what follows the path, or the body.
    """

    target: str
    login: tuple[str, str] | None = None
    busy: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def happens(self, troubles: dict[str, int], path: str) -> bool:
        """Whether one of the troubles is due."""
        part = next((p for p, left in troubles.items() if p in path and left), None)
        if part is not None:
            troubles[part] -= 1
        return part is not None

    def gets(self, part: str) -> int:
        """How often something was fetched."""
        return sum(a.startswith("GET ") and part in a for a in self.asked)


@contextmanager
def proxy(target: str, login: tuple[str, str] | None = None) -> Iterator[Proxy]:
    """A running proxy."""
    made = Proxy(target, login)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.asked.append(f"{self.command} {self.path} {body[:2000].decode('utf-8', 'replace')}")
            for part, act in made.before.items():
                if part in self.path and self.command == "GET":
                    act()
            if made.happens(made.busy, self.path):
                return self.reply(503, _SLOW, {"Content-Type": "application/xml"})
            status, headers, data = _forwarded(made, self.command, self.path, dict(self.headers), body)
            if self.command == "GET" and made.happens(made.broken, self.path):
                return self.reply(status, data, headers, cut=len(data) // 2)
            return self.reply(status, data, headers)

        def reply(self, status: int, data: bytes, headers: dict[str, str], cut: int | None = None) -> None:
            self.send_response_only(status)
            kept = {
                n: v
                for n, v in headers.items()
                if n.lower() not in ("transfer-encoding", "connection", "content-length")
            }
            length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(data))
            for name, value in {**kept, "Content-Length": length}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data if cut is None else data[:cut])
            self.close_connection = cut is not None

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one  # noqa: N815 - the names that the server calls

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _forwarded(
    made: Proxy, verb: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    at = urlsplit(made.target)
    if made.login:
        headers = _signed(made.target, made.login, verb, path, headers, body)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
    try:
        connection.request(verb, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def _signed(
    target: str, login: tuple[str, str], verb: str, path: str, headers: dict[str, str], body: bytes
) -> dict[str, str]:
    """The headers with another signature, since a role that the one server gave is not known to the other."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    dropped = (
        "authorization",
        "x-amz-security-token",
        "x-amz-date",
        "host",
        "x-amz-content-sha256",
        "user-agent",
        "amz-sdk-invocation-id",
    )
    kept = {n: v for n, v in headers.items() if n.lower() not in dropped and not n.lower().startswith("amz-sdk")}
    request = AWSRequest(verb, target + path, kept, body)
    S3SigV4Auth(Credentials(*login), "s3", "us-east-1").add_auth(request)
    return {**dict(request.headers.items()), "Host": urlsplit(target).netloc}
