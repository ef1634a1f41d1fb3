"""Ports and addresses of servers on loopback."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def free_port(wanted: int | None) -> int:
    """The port that is wanted, if nobody listens on it, or another one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError:
            return free_ports(1)[0]
        return int(probe.getsockname()[1])


def fetched(url: str) -> bytes | None:
    """What a server of ours says at a URL; None: nothing yet. A refusal is an answer too."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - http, on loopback
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        with error:
            return error.read()
    except OSError:
        return None
