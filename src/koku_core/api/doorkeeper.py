"""Who is asking, by an account: `Authorization: Basic` with its name and secret, or `Bearer` with one of its tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.requests import Request

from koku_core.access import Access, Identity
from koku_core.accounts import ROLES, Account, Accounts
from koku_core.api.errors import NotIdentified
from koku_core.api.identity import HEADER, Identify, access_of, header_identity
from koku_core.plugins import Plugins
from koku_core.services import Services

#: A refusal waits this long after the first failure, twice as long after the next, up to the longest, for which the operator has
#: the patience (5 s).
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0
#: Failures are forgotten after this time.
MEMORY_S = 300
_MOST_NAMES = 1000
V = TypeVar("V")


class Doorkeeper:
    """Checks secrets and tokens. A refusal comes later and later, so that guessing is slow; who is right never waits for who is wrong."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self._hashing = anyio.CapacityLimiter(2)  # hashing takes memory and a processor each
        self._reading = anyio.CapacityLimiter(4)
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[str, tuple[bytes, bytes]] = OrderedDict()
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def by_secret(self, name: str, secret: str) -> Account | None:
        """The account of this name and secret; None, after a while, if there is none."""
        account, sealed = await anyio.to_thread.run_sync(self.accounts.stored, name, limiter=self._reading)
        # what was right once need not be hashed again while the same hash is stored; only a digest with a key of this process is kept
        shown = hmac.digest(self._key, secret.encode("utf-8", "surrogateescape"), hashlib.sha256)
        known, of_hash = self._right.get(name, (b"", b""))
        if account and of_hash == sealed.hash and hmac.compare_digest(known, shown):
            return account
        if await anyio.to_thread.run_sync(sealed.matches, secret, limiter=self._hashing) and account:
            _put(self._right, name, (shown, sealed.hash))
            return account
        await self._wait(name)
        return None

    async def by_token(self, token: str) -> Account | None:
        """The account of a token; None, after a while, if it is nobody's."""
        account = await anyio.to_thread.run_sync(self.accounts.of_token, token, limiter=self._reading)
        if account is None:
            await self._wait("")
        return account

    async def issue(self, account: Account) -> str:
        """A new token of an account."""
        return await anyio.to_thread.run_sync(partial(self.accounts.issue, account.name), limiter=self._reading)

    async def _wait(self, name: str) -> None:
        now = time.monotonic()
        failures, last = self._wrong.get(name, (0, now))
        failures = 0 if now - last > MEMORY_S else failures
        _put(self._wrong, name, (failures + 1, now))
        await anyio.sleep(min(FIRST_WAIT_S * 2 ** min(failures, 10), LONGEST_WAIT_S))


def _put(kept: OrderedDict[str, V], name: str, value: V) -> None:
    """Remember something, and forget the oldest."""
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > _MOST_NAMES:
        kept.popitem(last=False)


def default_identity(services: Services, doorkeeper: Doorkeeper) -> Identify:
    """The header `x-rh-identity` if it is trusted, else an account."""
    from_header = header_identity(services.plugins)
    trusted = services.settings.trust_identity_header

    async def identify(request: Request) -> Identity:
        if trusted and HEADER in request.headers:
            return from_header(request)
        return _identity(await _account(request, doorkeeper, trusted), services.plugins)

    return identify


async def _account(request: Request, doorkeeper: Doorkeeper, trusted: bool) -> Account:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        account = await doorkeeper.by_secret(*basic(given))
    elif scheme.lower() == "bearer":
        account = await doorkeeper.by_token(given.strip())
    else:
        raise NotIdentified("there is no Authorization" + (f" and no {HEADER}" if trusted else ""))
    if account is None:
        raise NotIdentified("nobody has this secret or token")
    return account


def basic(given: str) -> tuple[str, str]:
    """Name and secret of a Basic authorization.

    Raises:
        NotIdentified: it is none.
    """
    try:
        name, colon, secret = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise NotIdentified("Basic authorization must be base64 of NAME:SECRET") from error
    if not colon:
        raise NotIdentified("Basic authorization must be base64 of NAME:SECRET")
    return name, secret


def _identity(account: Account, plugins: Plugins) -> Identity:
    stated = ROLES.get(account.role, {})
    access = Access(admin=True) if stated is None else access_of(stated, plugins)
    return Identity(account.tenant, account.name, access)
