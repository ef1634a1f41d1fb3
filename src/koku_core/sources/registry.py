"""The sources of one tenant: add, find, change, remove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic import BaseModel, SecretStr, ValidationError

from koku_core.database.server import Connection, one, rows
from koku_core.database.tenant import Tenant, bump
from koku_core.errors import InvalidInput, UnknownName
from koku_core.finding import find
from koku_core.jobs.months import summarize_all
from koku_core.jobs.schedule import hasten
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.sources.secrets import seal, shown, unseal

_COLUMNS = """uuid::text, id, name, provider, source_type, key, credentials, data_source, paused, created, updated,
              last_payload, last_polling, poll_minutes"""

_UPDATE = f"""
    UPDATE source SET name = coalesce(%(name)s, name), paused = coalesce(%(paused)s, paused), updated = now(),
        key = coalesce(%(key)s, key), credentials = coalesce(%(credentials)s, credentials),
        data_source = coalesce(%(data_source)s, data_source), poll_minutes = coalesce(%(poll_minutes)s, poll_minutes)
    WHERE uuid = %(uuid)s RETURNING {_COLUMNS}"""

_LONGEST_MIN = 44_640


class SourceRegistry:
    """The sources of one tenant, in the order that they were added."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def add(
        self,
        source_type: str,
        *,
        name: str,
        data_source: Mapping[str, Any] | None = None,
        paused: bool = False,
        poll_minutes: float | None = None,
        **credentials: Any,
    ) -> Source:
        """Register a source; makes the tenant if it is its first. Payloads that waited for it are ingested.

        Args:
            source_type: as in `source_type` of the API, or the provider's short name, in any case.
            name: what to call it.
            data_source: where its reports lie, for types that have it.
            paused: True: nothing is fetched or accepted yet.
            poll_minutes: how often it is asked for new reports; default: `KOKU_POLL_MINUTES`.
            **credentials: the fields of the type's credentials.

        Raises:
            UnknownName: no loaded plugin has this type.
            InvalidInput: a field is missing or wrong, or a source of the same key exists.
        """
        _check_interval(poll_minutes)
        plugin, kind = self._services.plugins.source_type(source_type)
        given = _validated(kind.credentials, credentials, f"{kind.name} credentials")
        place = _validated(kind.data_source, data_source or {}, f"{kind.name} data source") if kind.data_source else {}
        key = kind.identity(given, place)
        self._tenant.ensure()
        try:
            with self._tenant.transaction() as conn:
                row = one(
                    conn,
                    f"""INSERT INTO source (name, provider, source_type, key, credentials, data_source, paused, poll_minutes)
                        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}""",
                    (
                        name, plugin.name, kind.name, key, _sealed(given, self._services), _sealed(place, self._services), paused,
                        poll_minutes,
                    ),
                )  # fmt: skip
                assert row is not None  # noqa: S101 - RETURNING always gives a row
                self._welcome(conn, plugin.name, key, row["uuid"])
        except psycopg.errors.UniqueViolation as error:
            raise InvalidInput({"source": {"duplicate": f"a source with {kind.key} {key!r} exists already"}}) from error
        return _source(row)

    def check(
        self, source_type: str, name: str, credentials: Mapping[str, Any], data_source: Mapping[str, Any] | None = None
    ) -> None:
        """Look at a source as it would be, if its plugin can and the settings want it (`KOKU_CHECK_SOURCES`).

        Raises:
            InvalidInput: a field is missing or wrong.
            SourceRefused: it cannot be read.
        """
        plugin, kind = self._services.plugins.source_type(source_type)
        if not plugin.has("koku_check") or not self._services.settings.check_sources:
            return
        given = _validated(kind.credentials, credentials, f"{kind.name} credentials")
        place = _validated(kind.data_source, data_source or {}, f"{kind.name} data source") if kind.data_source else {}
        source = Source("", 0, name, plugin.name, kind.name, kind.identity(given, place), _clear(given), _clear(place))
        plugin.call("koku_check", source=source, settings=self._services.settings)

    def _welcome(self, conn: Connection, provider: str, key: str, uuid: str) -> None:
        """Seed the provider's built-in cost groups, and attach the payloads that came before the source."""
        seed_cost_groups(conn, self._services.plugins.provider(provider).provider.cost_groups)
        self._attach(conn, provider, key, uuid)
        bump(conn, "settings")

    def _attach(self, conn: Connection, provider: str, key: str, uuid: str) -> None:
        """Have the payloads ingested that waited for the source, or for its pause to end."""
        from koku_core.intake.uploads import adopt

        adopt(conn, self._tenant.name, provider, key, uuid)

    def __iter__(self) -> Iterator[Source]:
        return iter(self.list())

    def list(self) -> list[Source]:
        """All sources; none if the tenant does not exist."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return [_source(r) for r in rows(conn, f"SELECT {_COLUMNS} FROM source ORDER BY id")]

    def get(self, which: str | int | Source) -> Source:
        """A source by uuid, number or name.

        Raises:
            UnknownName: there is none, or several of that name.
        """
        if isinstance(which, Source):
            which = which.uuid
        return find("source", str(which), self.list(), lambda s: (s.uuid, str(s.id)), lambda s: s.name)

    def with_secrets(self, source: Source) -> Source:
        """The same source with its credentials in clear, for a download."""
        from dataclasses import replace

        with self._tenant.connection() as conn:
            row = one(conn, "SELECT credentials, data_source FROM source WHERE uuid = %s", (source.uuid,))
        if row is None:
            raise UnknownName("source", source.name)
        vault = self._services.vault
        return replace(
            source,
            credentials=unseal(row["credentials"], vault),
            data_source=unseal(row["data_source"], vault),
        )

    def update(
        self, source: Source, *, name: str | None = None, paused: bool | None = None,
        credentials: Mapping[str, Any] | None = None, data_source: Mapping[str, Any] | None = None, poll_minutes: float | None = None,
    ) -> Source:  # fmt: skip
        """Change a source. A new name reaches the published months by a job; one that is asked more often is asked earlier from now on."""
        _check_interval(poll_minutes)
        _, kind = self._services.plugins.source_type(source.source_type)
        new = None if credentials is None else _validated(kind.credentials, credentials, f"{kind.name} credentials")
        place = None
        if data_source and kind.data_source:
            place = _validated(kind.data_source, data_source, f"{kind.name} data source")
        moved = new is not None or place is not None
        key = kind.identity(new or source.credentials, place or source.data_source) if moved else None
        values = {
            "uuid": source.uuid, "name": name, "paused": paused, "key": key, "credentials": _sealed(new, self._services),
            "data_source": _sealed(place, self._services), "poll_minutes": poll_minutes,
        }  # fmt: skip
        try:
            with self._tenant.transaction() as conn:
                row = one(conn, _UPDATE, values)
                if row is None:
                    raise UnknownName("source", source.name)
                changed = _source(row)
                self._follow(conn, source, changed)
                if poll_minutes is not None:
                    hasten(conn, self._tenant.name, source.uuid, poll_minutes)
        except psycopg.errors.UniqueViolation as error:
            raise InvalidInput({"source": {"duplicate": f"a source with this {kind.key} exists already"}}) from error
        return changed

    def _follow(self, conn: Connection, before: Source, now: Source) -> None:
        """Do what follows from a change of a source."""
        if now.key != before.key:  # what came before is read again under the new key
            conn.execute("UPDATE report SET source_key = %s WHERE source_uuid = %s", (now.key, now.uuid))
        if now.name != before.name:
            summarize_all(conn, self._tenant.name, [now.uuid])
        if not now.paused and (before.paused or now.key != before.key):
            self._attach(conn, now.provider, now.key, now.uuid)
        bump(conn, "settings")

    def remove(self, source: Source, *, wait: bool = True) -> None:
        """Remove a source and all that came of it: rows, line items, kept files, jobs.

        Args:
            source: which.
            wait: whether line items and kept files are removed before this returns; else a job does it. Nobody sees the source, or
                figures of it, in either case.
        """
        from koku_core.sources.removal import remove, remove_by_job

        (remove if wait else remove_by_job)(self._services, self._tenant, source)


def seed_cost_groups(conn: Connection, groups: Mapping[str, tuple[str, ...]]) -> None:
    """Make a provider's built-in cost groups where they are missing."""
    for name, patterns in groups.items():
        conn.execute("INSERT INTO cost_group (name, built_in) VALUES (%s, true) ON CONFLICT DO NOTHING", (name,))
        for pattern in patterns:
            conn.execute(
                """INSERT INTO cost_group_pattern (pattern, cost_group_id, built_in)
                   SELECT %s, id, true FROM cost_group WHERE name = %s ON CONFLICT DO NOTHING""", (pattern, name),
            )  # fmt: skip


def _validated(model: type[BaseModel], given: Mapping[str, Any], what: str) -> dict[str, Any]:
    try:
        return model(**given).model_dump(mode="python")
    except ValidationError as error:
        wrong = {".".join(map(str, e["loc"])): e["msg"] for e in error.errors()}
        known = ", ".join(model.model_fields)
        raise InvalidInput(wrong, message=f"The {what} are not valid: {wrong}. Fields: {known}.") from error


def _clear(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with their secrets in clear, as a download sees them."""
    return {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items()}


def _sealed(values: Mapping[str, Any] | None, services: Services) -> Jsonb | None:
    return None if values is None else Jsonb(seal(values, services.vault))


def _source(row: Mapping[str, Any]) -> Source:
    return Source(**{**row, "credentials": shown(row["credentials"]), "data_source": shown(row["data_source"])})


def _check_interval(minutes: float | None) -> None:
    if minutes is not None and not 0 < minutes <= _LONGEST_MIN:
        text = f"must be more than 0 and at most {_LONGEST_MIN} (a month), but is {minutes:g}"
        raise InvalidInput({"poll_minutes": [text]}, message=f"poll_minutes {text}.")
