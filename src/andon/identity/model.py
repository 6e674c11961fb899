"""Who may do what: roles, their permissions, and the principal that a verified token stands for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_GUEST = {"dashboards:read"}
_VIEWER = _GUEST | {"data:read", "devices:read", "alerts:read"}
_OPERATOR = _VIEWER | {"devices:write", "data:write", "alerts:manage", "system:read"}
_ADMIN = _OPERATOR | {"system:write", "users:manage", "devices:manage", "schemas:manage"}

ROLES: Mapping[str, frozenset[str]] = {
    "admin": frozenset(_ADMIN),
    "operator": frozenset(_OPERATOR),
    "viewer": frozenset(_VIEWER),
    "guest": frozenset(_GUEST),
}
PERMISSIONS: frozenset[str] = ROLES["admin"]  # an administrator has every permission that there is

_USERNAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,49}")


def canonical_username(username: str) -> str | None:
    """The user name as it is stored (without case); None when nobody can have such a name."""
    name = username.strip().lower()
    return name if _USERNAME.fullmatch(name) else None


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody, or something, that acts within one organisation."""

    user_id: str
    username: str
    role: str
    permissions: frozenset[str]
    organisation_id: str
    session_id: str = ""  # the sign-in that the token belongs to; signing out ends it
    expires_at: int = field(default=0, compare=False)  # µs UTC at which the token ends; 0 never

    def may(self, permission: str) -> bool:
        """Whether this principal has `permission`."""
        return permission in self.permissions


def system_principal(organisation_id: str, name: str = "system") -> Principal:
    """Andon itself, for changes that no user asked for (first start, births of devices)."""
    return Principal("", name, "admin", PERMISSIONS, organisation_id)
