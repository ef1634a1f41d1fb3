"""`filter[key]=value` and `order_by` of lists of settings, and the bodies that name things by uuid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from koku_core.errors import InvalidInput
from koku_core.reports.fields import UNSUPPORTED
from koku_core.validation import Problems, mapping, not_a_list, uuid_text


def bracketed(params: Iterable[tuple[str, str]], name: str, known: Iterable[str]) -> dict[str, list[str]]:
    """The values of `name[key]=value`, by key; several are repeated or separated by commas.

    Raises:
        InvalidInput: a key is not known.
    """
    found: dict[str, list[str]] = {}
    for written, value in params:
        if written.startswith(f"{name}[") and written.endswith("]"):
            parts = [part.strip() for part in value.split(",")]
            found.setdefault(written[len(name) + 1 : -1], []).extend(part for part in parts if part)
    unknown = {key: [UNSUPPORTED] for key in found if key not in set(known)}
    if unknown:
        raise InvalidInput(unknown)
    return found


def contains(text: str, parts: Iterable[str]) -> bool:
    """Whether a text holds one of the parts, in any case; True if there are none."""
    listed = [part.casefold() for part in parts]
    return not listed or any(part in text.casefold() for part in listed)


def not_a_choice(value: str) -> InvalidInput:
    """The error about a value that is not among those that there are."""
    return InvalidInput([f"Select a valid choice. {value} is not one of the available choices."])


def one_of(value: str, given: Mapping[str, list[str]], name: str, there: Iterable[str]) -> bool:
    """Whether `value` is what a filter names, which must be something that is there.

    Raises:
        InvalidInput: the filter names something else.
    """
    choices = set(there)
    for wanted in given.get(name, []):
        if wanted not in choices:
            raise not_a_choice(wanted)
    return not given.get(name) or value in given[name]


def id_list(body: Any) -> list[str]:
    """The uuids of a body `{"ids": [...]}`.

    Raises:
        InvalidInput: it names none, or something else.
    """
    given, problems = mapping(body).get("ids") or [], Problems()
    if not isinstance(given, list):
        problems.add("id_list", not_a_list(given))
    elif not given:
        problems.add("id_list", "This list may not be empty.")
    else:
        for place in (n for n, uuid in enumerate(given) if uuid_text(uuid) is None):
            problems.add(f"id_list.{place}", "invalid uuid supplied.")
    problems.check()
    return [found for uuid in given if (found := uuid_text(uuid))]
