"""A source as the library hands it around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """One account, subscription, billing project or cluster of one tenant.

    Attributes:
        uuid: its identity everywhere in the library.
        id: its number in the sources API.
        name: what its owner calls it.
        provider: the plugin's name.
        source_type: one of the plugin's source types.
        key: what is billed (the cluster id); no two sources of a tenant and provider share it.
        credentials: without secrets, unless it was read for a download.
        data_source: where its reports lie.
        paused: True: nothing is fetched or accepted for now.
        poll_minutes: how often it is asked for new reports; None: as often as `KOKU_POLL_MINUTES` says.
    """

    uuid: str
    id: int
    name: str
    provider: str
    source_type: str
    key: str
    credentials: Mapping[str, Any] = field(default_factory=dict)
    data_source: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    created: datetime | None = None
    updated: datetime | None = None
    last_payload: datetime | None = None
    last_polling: datetime | None = None
    poll_minutes: float | None = None
