"""Finds what a user names: by what tells it apart, or by its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from koku_core.errors import UnknownName

T = TypeVar("T")


def find(kind: str, which: str, among: Iterable[T], ids: Callable[[T], Collection[str]], name: Callable[[T], str]) -> T:
    """The one of some things that has an id, or else a name.

    Args:
        kind: what they are, for the error (`source`).
        which: an id or a name; an id goes first.
        among: the things.
        ids: what tells a thing apart from all others.
        name: what people call it; several may have the same.

    Raises:
        UnknownName: there is none, or several of that name.
    """
    things = list(among)
    found = [t for t in things if which in ids(t)] or [t for t in things if name(t) == which]
    if len(found) != 1:
        raise UnknownName(f"single {kind}" if found else kind, which, {name(t) for t in things})
    return found[0]
