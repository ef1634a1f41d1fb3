"""SQL templates: values are bound, identifiers are quoted by one filter, and there is no other way to put text into SQL."""

from koku_core.sql.render import Rendered, Table, Templates, quote, templates

__all__ = ["Rendered", "Table", "Templates", "quote", "templates"]
