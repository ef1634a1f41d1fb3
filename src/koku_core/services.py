"""What the parts of the library are made from, in one place: constructed once by `Koku.open`, handed to whoever needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from koku_core.clock import Clock
from koku_core.database import System
from koku_core.settings import Settings

if TYPE_CHECKING:
    from koku_core.database.crypto import Vault
    from koku_core.executors.base import Executor
    from koku_core.intake.kept import KeptFiles
    from koku_core.lake import Lake
    from koku_core.plugins import Plugins


@dataclass(frozen=True, slots=True)
class Services:
    """The constructed parts of one `Koku`, shared by all its tenants."""

    settings: Settings
    clock: Clock
    system: System
    plugins: Plugins
    lake: Lake
    kept: KeptFiles
    executor: Executor
    vault: Vault
