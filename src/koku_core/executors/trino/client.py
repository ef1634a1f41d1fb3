"""Statements for a Trino: run, fetched block by block, cancelled with their job; what goes wrong is an error of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from koku_core.cancellation import interruptible
from koku_core.errors import EngineRefused, EngineUnavailable, KokuError
from koku_core.executors.trino.url import TrinoUrl
from koku_core.sql import Rendered

if TYPE_CHECKING:
    import requests
    from trino.dbapi import Cursor

#: Rows of one block: little enough to be held, many enough to be quick.
BLOCK_ROWS = 5_000
#: Words about a connection that nobody will ever get as it is set up, what they mean, and what to do.
_NEVER = (
    ("error 401", "does not know {user} by what it was given", "Correct the user and the password or token in KOKU_TRINO_URL."),
    ("error 403", "does not let {user} do this", "Give the user the right to read the lake's catalog."),
    ("mismatch, certificate", "has a certificate of another name", "Name it in KOKU_TRINO_URL as its certificate does."),
    ("CERTIFICATE_VERIFY_FAILED", "has a certificate that is not trusted", "Name those that are in KOKU_TRINO_URL: ca=FILE."),
)  # fmt: skip

#: What to do about what a statement is not guilty of, by the server's kind of error.
_REMEDIES = {
    "EXTERNAL": "See that the object store runs, and that the server reaches it; `koku doctor` names files that are gone.",
    "INSUFFICIENT_RESOURCES": "Give the cluster more, or raise its limits; `session.NAME=VALUE` in KOKU_TRINO_URL sets ours.",
}

Block = list[list[Any]]


class Trino:
    """The server; used from several threads, with a connection for each statement."""

    def __init__(self, url: TrinoUrl) -> None:
        self.url = url

    @contextlib.contextmanager
    def query(self, statement: Rendered) -> Iterator[tuple[list[str], Iterator[Block]]]:
        """Run a statement.

        Args:
            statement: with its values.

        Yields:
            The names of its columns, and its rows in blocks; dates and decimals are texts. The server stops working on it when the
            block ends.

        Raises:
            EngineUnavailable: the same statement may succeed later.
            EngineRefused: it will not.
            Cancelled, Interrupted: the job that this runs in is not wanted any more, or not now.
        """
        import trino.dbapi

        text, values = statement.qmark()
        with self._translated(), self._session() as session:
            # the client would ask whether the server knows EXECUTE IMMEDIATE, and take one that is starting for an old one for an hour
            conn = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the client has no types there
                **self.url.arguments(),
                http_session=session,
                legacy_primitive_types=True,
                legacy_prepared_statements=False,
            )
            cursor = conn.cursor()
            with interruptible(lambda: _stop(cursor)):
                try:
                    cursor.execute(text, list(values))
                    yield [column[0] for column in cursor.description or ()], _blocks(cursor)
                finally:
                    _stop(cursor)

    def rows(self, statement: Rendered) -> Block:
        """All rows of a statement that gives few. Raises as `query` does."""
        with self.query(statement) as (_, blocks):
            return [row for block in blocks for row in block]

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Give what the client raises as errors of ours."""
        import requests
        import trino.exceptions

        try:
            yield
        except trino.exceptions.TrinoQueryError as error:
            raise self._of_query(error) from error
        except (trino.exceptions.Error, trino.exceptions.HttpError, requests.exceptions.RequestException) as error:
            raise self._of_connection(error) from error

    def _of_query(self, error: Any) -> KokuError:
        """What the server says of a statement; only what the statement itself is guilty of is final."""
        where = f"{self.url.server} says {error.error_name}"
        if error.error_type == "USER_ERROR":
            return EngineRefused("trino", f"{where}: {error.message}", query=error.query_id)
        return EngineUnavailable(
            "trino", f"{where}: {error.message}", do=_REMEDIES.get(error.error_type, ""), query=error.query_id
        )

    def _of_connection(self, error: Exception) -> KokuError:
        for words, why, do in _NEVER:
            if words in str(error):
                return EngineRefused("trino", f"{self.url.server} {why.format(user=self.url.user)} ({error})", do=do)
        return EngineUnavailable("trino", f"{self.url.server} does not answer: {error}")

    def _session(self) -> requests.Session:
        """A session that trusts the certificates of the URL, whatever variables of the environment say."""
        import requests

        class Session(requests.Session):
            def merge_environment_settings(self, *arguments: Any) -> Any:
                found = super().merge_environment_settings(*arguments)
                return {**found, "verify": ca} if ca else found

        ca = str(self.url.ca) if self.url.ca else ""
        return Session()


def _blocks(cursor: Cursor) -> Iterator[Block]:
    while block := cursor.fetchmany(BLOCK_ROWS):
        yield block


def _stop(cursor: Cursor) -> None:
    """Have the server work on a statement no more; it may have ended, and the server may be gone."""
    with contextlib.suppress(Exception):  # whatever it is, the error that brought us here is the one to tell
        cursor.cancel()  # type: ignore[no-untyped-call]  # the client has no types there
