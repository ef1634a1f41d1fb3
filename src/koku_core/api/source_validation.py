"""Checks what a request says of a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from koku_core.declare.providers import SourceType
from koku_core.errors import InvalidInput, UnknownName
from koku_core.plugins import Plugins
from koku_core.sources.model import Source
from koku_core.validation import NOT_NULL, Problems, boolean, mapping, not_a_mapping, refuse, text

NAME_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Registration:
    """A source as somebody wants it."""

    name: str
    kind: SourceType
    credentials: Mapping[str, Any]
    data_source: Mapping[str, Any]
    paused: bool


def registration(given: Any, plugins: Plugins) -> Registration:
    """What a request to make a source asks for.

    Raises:
        InvalidInput: the first thing that is wrong.
    """
    body, problems = mapping(given), Problems()
    name = text(body, "name", problems, limit=NAME_LIMIT, blank=False)
    paused = _paused(body, problems)
    problems.check()
    kind = _kind(body, plugins)
    return Registration(name or "", kind, _credentials(body, kind), _data_source(body, kind), bool(paused))


def changes(given: Any, source: Source, plugins: Plugins) -> dict[str, Any]:
    """What a request to change a source asks for: arguments of `SourceRegistry.update`.

    Raises:
        InvalidInput: the first thing that is wrong.
    """
    body, problems = mapping(given), Problems()
    made: dict[str, Any] = {"name": text(body, "name", problems, limit=NAME_LIMIT, required=False, blank=False)}
    made["paused"] = _paused(body, problems)
    problems.check()
    if (body.get("source_type") or body.get("source_type_id")) and _kind(body, plugins).name != source.source_type:
        raise refuse("The source_type of a source cannot be changed.", "source_type")
    _, kind = plugins.source_type(source.source_type)
    if body.get("authentication") or body.get("source_ref"):
        made["credentials"] = _credentials(body, kind)
    if body.get("billing_source") and kind.data_source:
        made["data_source"] = _data_source(body, kind)
    return made


def _paused(body: Mapping[str, Any], problems: Problems) -> bool | None:
    if "paused" not in body:
        return None
    paused = boolean(body["paused"])
    if paused is None:
        problems.add("paused", NOT_NULL if body["paused"] is None else "Must be a valid boolean.")
    return paused


def _kind(body: Mapping[str, Any], plugins: Plugins) -> SourceType:
    name, number = body.get("source_type"), body.get("source_type_id")
    if name:
        try:
            return plugins.source_type(str(name))[1]
        except UnknownName as error:
            raise refuse(f"Invalid source_type, {name}, provided.", "source_type.source_type") from error
    if not number:
        raise refuse("Either source_type or source_type_id is required", "source_type")
    found: list[SourceType] = [t for p in plugins for t in p.provider.source_types if t.type_id == str(number)]
    if not found:
        raise refuse(f"Invalid source_type_id: {number}", "source_type_id")
    return found[0]


def _below(body: Mapping[str, Any], above: str, name: str) -> Mapping[str, Any]:
    """The object `name` in the object `above`; empty if either is not there."""
    outer = body.get(above) or {}
    inner = outer.get(name) or {} if isinstance(outer, Mapping) else outer
    if not isinstance(inner, Mapping):
        raise refuse(not_a_mapping(inner), above)
    return inner


def _credentials(body: Mapping[str, Any], kind: SourceType) -> Mapping[str, Any]:
    """The credentials; `source_ref` is short for the one field that identifies what is billed."""
    given = dict(_below(body, "authentication", "credentials"))
    if not given and body.get("source_ref"):
        given[kind.key] = body["source_ref"]
    if not given:
        raise InvalidInput(["Missing credentials"])
    _check_blank(given, kind)
    if given.get(kind.key) == "":
        raise refuse(f"Provider resource name is a required parameter for {kind.name}.", f"authentication.{kind.key}")
    _check_required(given, kind.credentials, "authentication.credentials")
    if kind.key not in given:
        given[kind.key] = _key(given, kind)
    if not isinstance(given[kind.key], str):
        raise refuse("Not a valid string.", f"authentication.credentials.{kind.key}")
    return {name: value for name, value in given.items() if name in kind.credentials.model_fields}


def _data_source(body: Mapping[str, Any], kind: SourceType) -> Mapping[str, Any]:
    if kind.data_source is None:
        return {}
    given = _below(body, "billing_source", "data_source")
    if not given:
        raise InvalidInput(["Missing data_source"])
    _check_blank(given, kind)
    _check_required(given, kind.data_source, "billing_source.data_source", "provider.data_source")
    return given


def _check_blank(given: Mapping[str, Any], kind: SourceType) -> None:
    for name, (where, words) in kind.blank.items():
        if given.get(name) == "":
            raise refuse(words, where)


def _key(given: Mapping[str, Any], kind: SourceType) -> Any:
    """What identifies what is billed, where it follows from other credentials."""
    try:
        return getattr(kind.credentials(**given), kind.key)
    except ValidationError as error:
        where = f"authentication.credentials.{kind.key}"
        raise refuse(
            f"One or more required fields is invalid/missing. Required fields are ['{kind.key}']", where
        ) from error


def _check_required(given: Mapping[str, Any], model: Any, path: str, at: str = "") -> None:
    """Refuse missing fields, each at its own name below `path`, or all at one."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    missing = [name for name in required if given.get(name) in (None, "")]
    if missing:
        problems = Problems()
        for name in missing:
            problems.add(
                f"{path}.{at or name}",
                f"One or more required fields is invalid/missing. Required fields are {required}",
            )
        problems.check()
