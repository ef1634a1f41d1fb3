"""`KOKU_TRINO_URL`: what it may say, and what is refused before any server is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from koku_core.errors import SettingError
from koku_core.executors.trino.url import TrinoUrl


def of(text: str) -> TrinoUrl:
    return TrinoUrl.of(SecretStr(text))


def test_the_shortest_one() -> None:
    found = of("http://trino:8080")
    assert (found.server, found.user, found.catalog) == ("http://trino:8080", "koku", "lake")
    assert found.table("acme", 'o"dd') == '"lake"."acme"."o""dd"'
    assert found.arguments()["auth"] is None


def test_all_that_can_be_said(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    found = of(f"https://jane%40x:p%2Fw@trino.example/bills?ca={ca}&session.query_max_run_time=10m")
    assert (found.server, found.user, found.password, found.catalog) == (
        "https://trino.example:443",
        "jane@x",
        "p/w",
        "bills",
    )
    assert found.ca == ca
    arguments = found.arguments()
    assert arguments["session_properties"] == {"query_max_run_time": "10m"}
    assert type(arguments["auth"]).__name__ == "BasicAuthentication"
    assert "p/w" not in repr(found)


def test_a_token() -> None:
    found = of("https://[::1]:8443/lake?token=abc")
    assert found.server == "https://[::1]:8443"
    assert type(found.arguments()["auth"]).__name__ == "JWTAuthentication"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("trino:8080", "no URL of a Trino"),
        ("http://:8080", "no URL of a Trino"),
        ("http://trino:port", "no URL"),
        ("http://jane:secret@trino", "not https"),
        ("http://trino?token=secret", "not https"),
        ("https://jane:secret@trino?token=secret", "both a password and a token"),
        ("https://trino?ca=/not/there", "no such file"),
        ("https://trino?verify=secret", "option 'verify'"),
    ],
)
def test_what_cannot_be_is_refused_without_telling_secrets(text: str, why: str) -> None:
    with pytest.raises(SettingError, match=why) as raised:
        of(text)
    assert "secret" not in str(raised.value)


def test_one_that_is_missing() -> None:
    with pytest.raises(SettingError, match="KOKU_EXECUTOR=trino needs it"):
        TrinoUrl.of(None)


def test_the_page_shows_one_that_can_be_used() -> None:
    snippet = Path(__file__).parent.parent.parent / "docs" / "snippets" / "trino-settings.sh"
    said = subprocess.run(
        ["bash", "-ec", f'. "{snippet}"; echo "$KOKU_TRINO_URL"'], capture_output=True, text=True, check=True
    )
    assert of(said.stdout.strip()).session == {"query_max_run_time": "30m"}
