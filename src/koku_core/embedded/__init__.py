"""The PostgreSQL that koku runs itself when it is given none.

`binaries` finds the programs, `account` runs them as a user who may (PostgreSQL refuses root), `cluster` makes, starts and stops one
server, `server` shares it between processes.
"""

from koku_core.embedded.errors import EmbeddedServerError
from koku_core.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "EmbeddedServerError"]
