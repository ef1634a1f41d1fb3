"""Every error that the library raises, built from facts.

One root, `KokuError`. What a retry may cure is `Transient`, what only a person can change is `Terminal`. A message says what
happened, where (source, report, file, row), which values are valid, and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class KokuError(Exception):
    """The root: keeps the facts that it was made from in `facts`, so that callers need not parse its text."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.facts))

    def __str__(self) -> str:
        return self.message


def _rebuild(kind: type[KokuError], message: str, facts: dict[str, Any]) -> KokuError:
    error = kind.__new__(kind)
    KokuError.__init__(error, message, **facts)
    return error


class Transient:
    """Mixin: the same call may succeed later; the job runner retries it with back-off."""


class Terminal:
    """Mixin: the same call will fail again until somebody changes something; it is never retried."""


class SettingError(Terminal, KokuError):
    """A setting is missing or cannot be used."""

    def __init__(self, name: str, why: str, *, valid: Iterable[str] = (), do: str = "") -> None:
        known = f" Valid values: {', '.join(valid)}." if valid else ""
        super().__init__(f"Setting {name}: {why}.{known}{' ' + do if do else ''}", setting=name, why=why)


class PluginError(Terminal, KokuError):
    """A plugin cannot be used, or two of them claim the same name."""

    def __init__(self, what: str, **facts: Any) -> None:
        super().__init__(what, **facts)


class UnknownName(Terminal, KokuError):
    """A name that is not known here; the message lists those that are."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()) -> None:
        listed = ", ".join(sorted(known)) or "none"
        super().__init__(f"There is no {kind} {name!r}. Known: {listed}.", kind=kind, name=name)


class InvalidInput(Terminal, KokuError):
    """What a user gave breaks a rule; `errors` is a tree of messages in the shape of the input."""

    def __init__(self, errors: Any, *, message: str = "") -> None:
        super().__init__(message or f"Invalid input: {errors}", errors=errors)
        self.errors = errors


class PayloadRefused(Terminal, KokuError):
    """A payload that must not be read: hostile, broken, or too large. Nothing of it is stored in the lake."""

    def __init__(self, payload: str, why: str, *, member: str = "", do: str = "") -> None:
        where = f"{payload}, member {member!r}" if member else payload
        super().__init__(f"Payload {where}: {why}.{' ' + do if do else ''}", payload=payload, why=why, member=member)


class PayloadTooLarge(PayloadRefused):
    """A payload larger than is accepted; nothing of it is kept."""

    def __init__(self, payload: str, limit: int) -> None:
        KokuError.__init__(self, f"Payload {payload} is larger than {limit} bytes.", payload=payload, limit=limit)
        self.limit = limit


class UnreadableCell(Terminal, KokuError):
    """A cell of a report file that is not what its column must hold."""

    def __init__(self, file: str, row: int, column: str, value: str, expected: str) -> None:
        super().__init__(
            f"File {file}, row {row}, column {column}: {value!r} is not {expected}. Correct the file and send it again.",
            file=file, row=row, column=column, value=value, expected=expected,
        )  # fmt: skip


class SourceUnreadable(Terminal, KokuError):
    """A source cannot be read as it is set up; `place` is where it lies: a bucket, a folder, an account."""

    def __init__(self, place: str, why: str, do: str) -> None:
        super().__init__(f"{place}: {why}. {do}", place=place, why=why)


class SourceRefused(Terminal, KokuError):
    """A source that is added or changed does not work; `field` is what the API tells as the source of the error."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why, field=field, why=why)
        self.field = field


class SourceBusy(Transient, KokuError):
    """A source cannot be read now, and may be later."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}. It is tried again by itself.", place=place, why=why)


class DatabaseUnavailable(Transient, KokuError):
    """The database cannot be reached or broke the connection."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The database is not available: {why}. Check KOKU_DATABASE_URL and that it runs.", why=why)


class LakeError(Transient, KokuError):
    """The lake cannot be read or written at the moment."""

    def __init__(self, what: str, **facts: Any) -> None:
        super().__init__(what, **facts)


class EngineUnavailable(Transient, KokuError):
    """An engine does not answer, or cannot do its work now; the same may succeed later."""

    def __init__(self, engine: str, why: str, *, do: str = "", **facts: Any) -> None:
        remedy = do or "See that it runs; `koku doctor` asks it."
        said = f"The executor {engine}: {why}. A job is tried again some times by itself. {remedy}"
        super().__init__(said, engine=engine, why=why, **facts)


class EngineRefused(Terminal, KokuError):
    """An engine does not take what it was given, whenever it is asked."""

    def __init__(self, engine: str, why: str, *, do: str = "", **facts: Any) -> None:
        remedy = do or "`koku doctor` says whether the engine is set up right; if it is, the template is at fault."
        super().__init__(f"The executor {engine}: {why}. {remedy}", engine=engine, why=why, **facts)


class Cancelled(Terminal, KokuError):
    """A job was cancelled by somebody while it ran."""

    def __init__(self, job: int) -> None:
        super().__init__(f"Job {job} was cancelled.", job=job)


class Interrupted(Transient, KokuError):
    """A worker was asked to end while it worked on a job; the next one does it."""

    def __init__(self, job: int) -> None:
        super().__init__(f"The worker of job {job} was asked to end. The job goes back to the queue.", job=job)


class QueryTooLarge(Terminal, KokuError):
    """A question whose answer breaks the time or the row limit."""

    def __init__(self, why: str, limit: str) -> None:
        super().__init__(
            f"The question is too large: {why} (limit {limit}). Ask for fewer days or groups.",
            why=why,
            limit=limit,
        )


class AccessDenied(Terminal, KokuError):
    """The asker may not see or change what was asked for."""

    def __init__(self, resource: str, operation: str = "read") -> None:
        super().__init__(
            f"You may not {operation} this: it needs access to {resource}.", resource=resource, operation=operation
        )
