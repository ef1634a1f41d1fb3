"""Who is in which unit now, from the Organizations API; and what is kept of it, so that each day keeps its own.

What is kept is a list of states in the form of `organizations.json`, each since the day on which it was first seen. The first one counts
for all days before it as well, since nothing better is known of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from koku_aws.bucket import problems
from koku_aws.session import GLOBAL, Session
from koku_core.clock import month_end
from koku_core.errors import SourceBusy, SourceUnreadable

State = dict[str, Any]


def look(session: Session) -> tuple[State | None, str]:
    """The organization as it is now, and why it could not be read, if so; None: nothing is known of it, or not now.

    Without an organization that may be read it is the account's own alias.
    """
    if not session.offers("organizations"):
        return None, ""
    try:
        return _organization(session.client("organizations", GLOBAL)), ""
    except SourceBusy as error:
        return None, error.message
    except SourceUnreadable as error:
        return _alias(session), error.message


def _organization(client: Any) -> State:
    with problems("Organizations API"):
        names = {a["Id"]: a.get("Name") or a["Id"] for a in _all(client, "list_accounts", "Accounts")}
        roots = [_unit(client, root) for root in _all(client, "list_roots", "Roots")]
    return {"accounts": names, "root": roots[0] if roots else None}


def _unit(client: Any, unit: Mapping[str, Any]) -> dict[str, Any]:
    """A unit with its accounts and what is below it."""
    below = _all(client, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=unit["Id"])
    accounts = _all(client, "list_accounts_for_parent", "Accounts", ParentId=unit["Id"])
    return {
        "id": unit["Id"], "name": unit.get("Name") or unit["Id"], "accounts": sorted(a["Id"] for a in accounts),
        "children": [_unit(client, each) for each in sorted(below, key=lambda u: str(u["Id"]))],
    }  # fmt: skip


def _all(client: Any, call: str, name: str, **asked: str) -> list[dict[str, Any]]:
    return [item for page in client.get_paginator(call).paginate(**asked) for item in page[name]]


def _alias(session: Session) -> State | None:
    """The first alias of the account that is asked, which stands alone; None: it may not be read."""
    try:
        with problems("account alias"):
            account = session.client("sts").get_caller_identity()["Account"]
            aliases = session.client("iam", GLOBAL).list_account_aliases()["AccountAliases"]
    except (SourceUnreadable, SourceBusy):
        return None
    return {"accounts": {account: aliases[0]} if aliases else {}}


def kept(states: Sequence[State], found: State | None, today: date, oldest: date) -> list[State]:
    """The states that are known once `found` was seen; without those that ended before the oldest day that is of interest."""
    made = list(states)
    if found and not (made and _same(made[-1], found)):
        made = [s for s in made if _since(s) < today]
        if not (made and _same(made[-1], found)):
            made.append({"since": (today if made else date.min).isoformat(), **found})
    return [s for n, s in enumerate(made) if n + 1 == len(made) or _since(made[n + 1]) > oldest]


def of_month(states: Sequence[State], month: date) -> bytes | None:
    """What `organizations.json` of a month's bill says: the states that its days were in; None: nothing is known of them."""
    there = [s for s in kept(states, None, month, month) if _since(s) <= month_end(month)]
    return json.dumps(there, sort_keys=True).encode() if there else None


def _since(state: State) -> date:
    return date.fromisoformat(state["since"])


def _same(state: State, found: State) -> bool:
    return {n: v for n, v in state.items() if n != "since"} == found
