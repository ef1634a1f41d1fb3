"""PostgreSQL: the pool, the shared `System` handle and the `Tenant` handles; there is no other way to a connection."""

from koku_core.database.server import Server
from koku_core.database.system import System
from koku_core.database.tenant import Tenant

__all__ = ["Server", "System", "Tenant"]
