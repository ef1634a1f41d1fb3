"""`POST /auth/token`: gives an account a token for its secret (OAuth 2.0 client credentials, RFC 6749 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from koku_core.accounts import TOKEN_LIFE, Account
from koku_core.api.bodies import read_body
from koku_core.api.doorkeeper import Doorkeeper, basic
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError, NotIdentified
from koku_core.settings import Settings

GRANT = "client_credentials"


def resource(doorkeeper: Doorkeeper) -> Resource:
    """The token endpoint."""

    async def parse(request: Request, settings: Settings) -> str:
        form = await _form(request, settings)
        if form.get("grant_type") != GRANT:
            raise _refused("unsupported_grant_type", f"grant_type must be {GRANT}.")
        return await doorkeeper.issue(await _account(doorkeeper, request, form))

    return Resource(
        "token", {"POST": _answer}, "A token for an account.", public=True, slash="never", csv=False, parse=parse
    )


async def _form(request: Request, settings: Settings) -> Mapping[str, Any]:
    try:
        form = await read_body(request, settings)
    except HttpError as error:
        raise _refused(
            "invalid_request", "The body must be a form of client_id, client_secret and grant_type."
        ) from error
    return form if isinstance(form, Mapping) else {}


async def _account(doorkeeper: Doorkeeper, request: Request, form: Mapping[str, Any]) -> Account:
    """The client, which says who it is in the form or by Basic authorization."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        name, secret = basic(given) if scheme.lower() == "basic" else (form.get("client_id"), form.get("client_secret"))
    except NotIdentified as error:
        raise _refused("invalid_client", error.message, 401) from error
    if not name or not secret:
        raise _refused("invalid_request", "client_id and client_secret are required.")
    account = await doorkeeper.by_secret(str(name), str(secret))
    if account is None:
        raise _refused("invalid_client", "No account has this client_id and client_secret.", 401)
    return account


def _refused(error: str, why: str, status: int = 400) -> HttpError:
    return HttpError(status, {"error": error, "error_description": why})


def _answer(call: Call) -> Reply:
    body = {"access_token": call.body, "token_type": "Bearer", "expires_in": int(TOKEN_LIFE.total_seconds())}
    return Reply(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
