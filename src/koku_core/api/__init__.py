"""The REST API: two small Starlette apps over the library, which any ASGI service can mount."""

from koku_core.api.admin import create_admin_app
from koku_core.api.app import create_app
from koku_core.api.errors import NoAccess, NotIdentified

__all__ = ["NoAccess", "NotIdentified", "create_admin_app", "create_app"]
