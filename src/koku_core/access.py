"""What somebody may see and change. A restriction is always ANDed to a question, on every path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = ("*",)


@dataclass(frozen=True, slots=True)
class Access:
    """The access of one caller: everything (`admin`), or lists of values by resource (`openshift.cluster`) and operation.

    Attributes:
        admin: sees and changes everything of the tenant.
        lists: `{resource: {"read": values, "write": values}}`; `("*",)` is every value; a missing resource is none.
    """

    admin: bool = False
    lists: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def values(self, resource: str, operation: str = "read") -> tuple[str, ...]:
        """The values of a resource that may be read or written; `("*",)` for all."""
        return ALL if self.admin else tuple(self.lists.get(resource, {}).get(operation, ()))

    def restriction(self, resource: str) -> tuple[str, ...] | None:
        """The values that reading is limited to; None: no limit."""
        values = self.values(resource)
        return None if "*" in values else values

    def key(self) -> str:
        """A text that is the same for the same access, for ETags."""
        if self.admin:
            return "admin"
        return repr(sorted((r, o, tuple(sorted(v))) for r, ops in self.lists.items() for o, v in ops.items()))


EVERYTHING = Access(admin=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking: of which tenant, by which name, with which access."""

    tenant: str
    username: str
    access: Access
    account_number: str | None = None
