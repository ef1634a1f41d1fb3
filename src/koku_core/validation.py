"""Collects the problems of an input as a tree in the shape of the input, so that a client learns of all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from koku_core.errors import InvalidInput

REQUIRED = "This field is required."
NOT_NULL = "This field may not be null."
WHOLE = "non_field_errors"


class Problems:
    """The problems of one input: messages by the dotted path of the field that they are about."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {}

    def add(self, path: str, *messages: str) -> None:
        """Note messages about the field at `path` (`rates.0.unit`)."""
        node = self.tree
        *above, field = path.split(".")
        for step in above:
            below = node.setdefault(step, {})
            if isinstance(below, list):  # something is wrong with the field as a whole too
                below = node[step] = {WHOLE: below}
            node = below
        found = node.setdefault(field, [])
        target = found.setdefault(WHOLE, []) if isinstance(found, dict) else found
        target.extend(messages)

    def check(self) -> None:
        """Refuse the input if there are problems.

        Raises:
            InvalidInput: with the tree.
        """
        if self.tree:
            raise InvalidInput(self.tree)


def refuse(message: str, path: str = WHOLE) -> InvalidInput:
    """The error about one field, or about the whole input."""
    problems = Problems()
    problems.add(path, message)
    return InvalidInput(problems.tree)


def mapping(value: Any) -> Mapping[str, Any]:
    """The input, which must be a JSON object.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(value, Mapping):
        raise refuse(not_a_mapping(value))
    return value


def not_a_mapping(value: Any) -> str:
    """The message about a value that should be a JSON object."""
    return f"Invalid data. Expected a dictionary, but got {type(value).__name__}."


def not_a_list(value: Any) -> str:
    """The message about a value that should be a JSON list."""
    return f'Expected a list of items but got type "{type(value).__name__}".'


def text(
    values: Mapping[str, Any], name: str, problems: Problems, *, limit: int, path: str = "", required: bool = True, blank: bool = True
) -> str | None:  # fmt: skip
    """The text in a field, or None where it is missing or wrong (then a problem is noted, if it is one)."""
    path = path or name
    if name not in values:
        if required:
            problems.add(path, REQUIRED)
        return None
    value = values[name]
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        problems.add(path, NOT_NULL)
    elif not isinstance(value, str) or not storable(value):
        problems.add(path, "Not a valid string.")
    elif not value.strip() and not blank:
        problems.add(path, "This field may not be blank.")
    elif len(value.strip()) > limit:
        problems.add(path, f"Ensure this field has no more than {limit} characters.")
    else:
        return value.strip()
    return None


def storable(value: str) -> bool:
    """Whether a text can be kept: no NUL, no half of a character."""
    return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def uuid_text(value: Any) -> str | None:
    """A uuid in any of its forms as databases and answers write it; None: it is none."""
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def boolean(value: Any) -> bool | None:
    """A truth value as clients write it; None: it is none."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())


def decimal(value: Any, *, digits: int = 19, places: int = 10) -> Decimal:
    """A number of at most `digits` digits, `places` of them behind the point, exactly.

    Raises:
        ValueError: with the message for the client.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)) or len(str(value)) > 100:
        raise ValueError("A valid number is required.")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("A valid number is required.") from None
    if not number.is_finite():
        raise ValueError("A valid number is required.")
    _check_size(number, digits, places)
    return number


def _check_size(number: Decimal, digits: int, places: int) -> None:
    _, figures, exponent = number.as_tuple()
    behind = max(-int(exponent), 0)
    whole = max(len(figures) + int(exponent), 0) if any(figures) else 0
    if any(figures[max(len(figures) + places - behind, 0) :]):
        raise ValueError(f"Ensure that there are no more than {places} decimal places.")
    if whole > digits - places:
        raise ValueError(f"Ensure that there are no more than {digits - places} digits before the decimal point.")


def plain(number: Decimal) -> str:
    """A number as text without exponent and without idle zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
