"""Turns whatever went wrong into an answer: bad input is a 4xx that says what to do, the rest is logged and says nothing of our insides."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from koku_core.api import wire
from koku_core.api.errors import FORBIDDEN_PAGE, HttpError, NoAccess, NotIdentified, envelope, forbidden
from koku_core.errors import (
    AccessDenied,
    DatabaseUnavailable,
    InvalidInput,
    KokuError,
    LakeError,
    QueryTooLarge,
    UnknownName,
)

log = logging.getLogger("koku.api")


def failure(error: Exception, request: Request, request_id: str, *, bare: bool, csv: bool) -> Response:
    """The answer to a request that failed.

    Args:
        error: why.
        request: which.
        request_id: for the log, and for the client to quote.
        bare: invalid input is answered by the tree of messages itself.
        csv: CSV was wanted, so the body is empty.
    """
    if isinstance(error, NotIdentified):
        return HTMLResponse("", 401, {"WWW-Authenticate": "Bearer"})
    if isinstance(error, NoAccess):
        return HTMLResponse(FORBIDDEN_PAGE, 403)
    if isinstance(error, AccessDenied):
        error = forbidden()
    status, body = _answer(error, bare)
    if isinstance(error, HttpError) and error.page is not None:
        return HTMLResponse(error.page, status)
    if status >= 500:
        what = f"request {request_id}, {request.method} {request.url.path}"
        log.error("%s: %s", what, error, exc_info=None if isinstance(error, KokuError) else error)
        body = body or envelope({"detail": f"Internal error. Quote request {request_id}."}, status)
    if csv or body is None:
        return Response(b"", status, media_type="text/csv" if csv else None)
    return Response(wire.dumps(body), status, media_type="application/json")


def _answer(error: Exception, bare: bool) -> tuple[int, Any]:
    """Status and body; a body of None stands for nothing that the client should read."""
    if isinstance(error, HttpError):
        return error.status, error.body
    if isinstance(error, InvalidInput):
        return 400, error.errors if bare else envelope(error.errors)
    if isinstance(error, QueryTooLarge):
        return 400, {"error": [error.message]} if bare else envelope([error.message])
    if isinstance(error, UnknownName):
        return 404, envelope({"detail": "Not found."}, 404)
    return _unavailable(error)


def _unavailable(error: Exception) -> tuple[int, Any]:
    """What is behind us does not answer; or we have a defect."""
    if isinstance(error, (DatabaseUnavailable, psycopg.OperationalError)):
        log.error("the database is not available: %s", error)
        return 424, {
            "errors": [
                {"detail": "Database unavailable. Error: see the log.", "status": 424, "title": "Failed Dependency"}
            ]
        }
    if isinstance(error, LakeError):
        return 503, envelope({"detail": "The lake cannot be reached at the moment. Try again later."}, 503)
    return 500, None
