"""Restricts a question to what its asker may see. The restriction is required beside everything else, on every path."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from koku_core.access import Access
from koku_core.declare.reports import Key
from koku_core.errors import AccessDenied
from koku_core.reports.parameters import ALL, Match

#: For each restricted key the values that may be seen.
Restrictions = Mapping[Key, tuple[str, ...]]


def restrict(
    access: Access, keys: Iterable[Key], asked: Iterable[Match], below: Mapping[str, Collection[str]] | None = None
) -> Restrictions:
    """What rows must be, whatever else is asked.

    A resource without any list restricts nothing unless it is the first that the keys name, since a list of wholes is what opens
    their parts; and unless another one that has a list is enough. Values of a resource that could open the report, but has no list, must
    not be named.

    Args:
        access: of the asker.
        keys: of the report.
        asked: what filters and groups name.
        below: for keys further values that may be named beside those of the list, since they lie within them.

    Raises:
        AccessDenied: a plain filter or group names a value that the asker may not see, or nothing may be seen at all.
    """
    restricted = [(key, access.restriction(key.access)) for key in keys if key.access]
    enough = any(values for key, values in restricted if key.opens)
    found: dict[Key, tuple[str, ...]] = {}
    for position, (key, values) in enumerate(restricted):
        if values is None:
            continue
        if not values and (position or enough):
            if key.opens or not position:
                _check_plain(key, (), asked)
            continue
        if not values:
            raise AccessDenied(key.access)
        _check_plain(key, {*values, *(below or {}).get(key.name, ())}, asked)
        found[key] = values
    return found


def _check_plain(key: Key, values: Collection[str], asked: Iterable[Match]) -> None:
    for match in asked:
        plain = match.key == key and not match.name.operator
        if plain and any(v not in values for v in match.values if v != ALL):
            raise AccessDenied(key.access)
