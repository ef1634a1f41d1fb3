"""Accounts: who reaches the API without a gateway in front of it, such as an operator in a cluster or a script.

A secret is stored only as a salted scrypt hash. A token is 256 random bits, or a text that is as hard to guess, so its plain
digest is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from koku_core.database.server import one, rows
from koku_core.database.system import System
from koku_core.database.tenant import Tenant
from koku_core.errors import InvalidInput, UnknownName

#: What an account may do, as the access lists of an identity; None: everything of its tenant.
ROLES: Mapping[str, Mapping[str, Any] | None] = {
    "operator": {"sources": {"read": ["*"]}, "operator": {"write": ["*"]}},
    "reader": {"*": {"read": ["*"]}},
    "admin": None,
}
#: How long a token works that the token endpoint gives out.
TOKEN_LIFE = timedelta(hours=1)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_SECRET_LENGTH = (16, 1024)
_TOKEN_LENGTH = (32, 8192)


@dataclass(frozen=True, slots=True)
class Account:
    """One account.

    Attributes:
        name: its user name, and its `client_id` at the token endpoint.
        tenant: whose data it reaches.
        role: one of `ROLES`.
        created: when.
    """

    name: str
    tenant: str
    role: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored of a secret."""

    salt: bytes
    hash: bytes

    @classmethod
    def of(cls, secret: str) -> Sealed:
        """Hash a secret with a salt of its own."""
        salt = secrets.token_bytes(16)
        return cls(salt, _scrypt(salt, secret))

    def matches(self, secret: str) -> bool:
        """Whether it is that secret; takes as long for a wrong one (some 50 ms)."""
        return hmac.compare_digest(self.hash, _scrypt(self.salt, secret))


class Accounts:
    """The accounts of all tenants."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._nobody = Sealed(secrets.token_bytes(16), secrets.token_bytes(32))

    def add(self, tenant: Tenant, name: str, *, role: str = "operator", secret: str | None = None) -> str:
        """Make an account; makes the tenant if it is its first.

        Args:
            tenant: whose data it reaches.
            name: unique among all tenants: letters, digits, `.`, `_`, `@`, `-`.
            role: `operator` (uploads, and adds its source), `reader` (reads everything) or `admin`.
            secret: at least 16 characters; default: 256 random bits.

        Returns:
            The secret, which cannot be had again.

        Raises:
            InvalidInput: the name, role or secret cannot be used, or the name is taken.
        """
        _check_new(name, role)
        chosen = secrets.token_urlsafe(32) if secret is None else _checked("secret", secret, _SECRET_LENGTH)
        sealed = Sealed.of(chosen)
        tenant.ensure()
        try:
            with self._system.transaction() as conn:
                conn.execute(
                    "INSERT INTO account (name, tenant, role, salt, hash) VALUES (%s, %s, %s, %s, %s)",
                    (name, tenant.name, role, sealed.salt, sealed.hash),
                )
        except psycopg.errors.UniqueViolation as error:
            raise InvalidInput({"name": f"an account {name!r} exists already; choose another name"}) from error
        return chosen

    def list(self, tenant: Tenant) -> list[Account]:
        """The accounts of a tenant, by name."""
        with self._system.connection() as conn:
            query = "SELECT name, tenant, role, created FROM account WHERE tenant = %s ORDER BY name"
            return [Account(**row) for row in rows(conn, query, (tenant.name,))]

    def remove(self, tenant: Tenant, name: str) -> None:
        """Remove an account; its secret and its tokens work no longer.

        Raises:
            UnknownName: the tenant has none of that name.
        """
        with self._system.transaction() as conn:
            done = conn.execute("DELETE FROM account WHERE tenant = %s AND name = %s", (tenant.name, name))
        if not done.rowcount:
            raise UnknownName("account", name, (a.name for a in self.list(tenant)))

    def stored(self, name: str) -> tuple[Account | None, Sealed]:
        """An account and what is stored of its secret. Of nobody's there is something too, so that checking it takes as long."""
        if "\x00" in name:
            return None, self._nobody
        with self._system.connection() as conn:
            row = one(conn, "SELECT * FROM account WHERE name = %s", (name,))
        if row is None:
            return None, self._nobody
        sealed = Sealed(bytes(row.pop("salt")), bytes(row.pop("hash")))
        return Account(**row), sealed

    def issue(self, name: str, life: timedelta | None = TOKEN_LIFE, *, token: str | None = None) -> str:
        """Make a token of an account, by which it is known until the token expires.

        Args:
            name: of the account.
            life: how long it works; None: until the account is removed.
            token: a text that the account's owner has already, at least 32 characters; default: 256 random bits.

        Raises:
            InvalidInput: the token cannot be used.
            UnknownName: there is no such account.
        """
        chosen = secrets.token_urlsafe(32) if token is None else _checked("token", token, _TOKEN_LENGTH)
        try:
            with self._system.transaction() as conn:
                conn.execute("DELETE FROM account_token WHERE expires < now()")
                conn.execute(
                    "INSERT INTO account_token (digest, account, expires) VALUES (%s, %s, now() + %s)",
                    (_digest(chosen), name, life),
                )
        except psycopg.errors.ForeignKeyViolation as error:
            raise UnknownName("account", name) from error
        except psycopg.errors.UniqueViolation as error:
            raise InvalidInput({"token": "this token is in use already; choose another one"}) from error
        return chosen

    def of_token(self, token: str) -> Account | None:
        """Whose token it is; None: nobody's, or it has expired."""
        with self._system.connection() as conn:
            row = one(
                conn,
                """SELECT a.name, a.tenant, a.role, a.created FROM account_token t JOIN account a ON a.name = t.account
                   WHERE t.digest = %s AND (t.expires IS NULL OR t.expires > now())""",
                (_digest(token),),
            )
        return Account(**row) if row else None


def _scrypt(salt: bytes, secret: str) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**14, r=8, p=1).derive(secret.encode("utf-8", "surrogateescape"))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _check_new(name: str, role: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput({"name": f"{name!r}: use at most 100 letters, digits, '.', '_', '@' and '-'"})
    if role not in ROLES:
        raise InvalidInput({"role": f"{role!r} is not one of {', '.join(ROLES)}"})


def _checked(what: str, given: str, length: tuple[int, int]) -> str:
    """A secret that somebody chose; the message does not repeat it."""
    least, most = length
    if not least <= len(given) <= most or not given.isascii() or not given.isprintable():
        raise InvalidInput({what: f"must be {least} to {most} printable ASCII characters"})
    return given
