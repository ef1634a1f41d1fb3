"""`KOKU_TRINO_URL`: where a Trino is, who we are there, and which of its catalogs is the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from koku_core.errors import SettingError
from koku_core.sql import Table

if TYPE_CHECKING:
    from pydantic import SecretStr

_NAME = "KOKU_TRINO_URL"
_FORM = "https://USER:PASSWORD@HOST:PORT/CATALOG"
_SESSION = "session."
_OPTIONS = ("token", "ca", f"{_SESSION}NAME")
DEFAULT_USER, DEFAULT_CATALOG = "koku", "lake"


@dataclass(frozen=True, slots=True)
class TrinoUrl:
    """What the setting says.

    Attributes:
        scheme, host, port: where the server is.
        user, password, token: who we are; a password or a token needs https.
        catalog: what the server calls the lake.
        ca: a file with the certificates to trust, in PEM; None: those of the system.
        session: session properties, such as `query_max_run_time`.
    """

    scheme: str
    host: str
    port: int
    user: str = DEFAULT_USER
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    catalog: str = DEFAULT_CATALOG
    ca: Path | None = None
    session: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, setting: SecretStr | None) -> Self:
        """Read the setting.

        Raises:
            SettingError: it is missing, or cannot be a Trino's URL.
        """
        if setting is None:
            raise SettingError(_NAME, "is not set, and KOKU_EXECUTOR=trino needs it", do=f"Set it to {_FORM}.")
        try:
            parts = urlsplit(setting.get_secret_value())
            port = parts.port
        except ValueError as error:
            raise SettingError(_NAME, f"is no URL ({error})", do=f"Write it as {_FORM}.") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(_NAME, "is no URL of a Trino", valid=(_FORM, "http://HOST:PORT/CATALOG"))
        options = _options(parts)
        made = cls(
            parts.scheme, parts.hostname, port or {"http": 8080, "https": 443}[parts.scheme],
            unquote(parts.username or "") or DEFAULT_USER, unquote(parts.password) if parts.password else None, options.get("token"),
            unquote(parts.path.strip("/")) or DEFAULT_CATALOG, Path(options["ca"]) if "ca" in options else None,
            {name.removeprefix(_SESSION): value for name, value in options.items() if name.startswith(_SESSION)},
        )  # fmt: skip
        made._check()
        return made

    def _check(self) -> None:
        if self.scheme == "http" and (self.password or self.token):
            raise SettingError(
                _NAME, "holds a password or token, but is not https", do="Secrets are sent over TLS alone."
            )
        if self.password and self.token:
            raise SettingError(_NAME, "holds both a password and a token", do="Give one of them.")
        if self.ca and not self.ca.is_file():
            raise SettingError(_NAME, f"names the certificates {self.ca}, and there is no such file")

    @property
    def server(self) -> str:
        """The server's address, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def table(self, schema: str, name: str) -> str:
        """The quoted name of a table of the lake."""
        return f"{Table(self.catalog).__html__()}.{Table(name, schema).__html__()}"

    def arguments(self) -> dict[str, Any]:
        """What the client's `connect` is called with."""
        import trino.auth

        auth: trino.auth.Authentication | None = None
        if self.token:
            auth = trino.auth.JWTAuthentication(self.token)
        elif self.password:
            auth = trino.auth.BasicAuthentication(self.user, self.password)
        return {
            "host": self.host, "port": self.port, "http_scheme": self.scheme, "user": self.user, "auth": auth, "catalog": self.catalog,
            "session_properties": dict(self.session), "source": "koku",
        }  # fmt: skip


def _options(parts: SplitResult) -> dict[str, str]:
    """What follows the question mark.

    Raises:
        SettingError: something that is not known.
    """
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS and not name.startswith(_SESSION):
            raise SettingError(_NAME, f"has an option {name!r} that is not known", valid=_OPTIONS)
    return options
