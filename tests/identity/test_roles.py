"""Who may do what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from andon.identity.guard import requires
from andon.identity.model import PERMISSIONS, ROLES, system_principal
from support.databases import on_both as database_url  # noqa: F401 (the same tests on SQLite and PostgreSQL)

README = Path(__file__).parents[2] / "src" / "andon" / "identity" / "README.md"

SEED = {  # the roles as the plant's requirements print them
    "admin": {"system:read", "system:write", "users:manage", "devices:manage", "schemas:manage"},
    "operator": {"devices:read", "devices:write", "data:read", "alerts:manage"},
    "viewer": {"data:read", "dashboards:read"},
    "guest": {"dashboards:read"},
}


@pytest.mark.parametrize("role", SEED)
def test_each_role_has_at_least_what_is_required_of_it(role: str) -> None:
    assert ROLES[role] >= SEED[role]


def test_roles_grow_from_guest_to_admin() -> None:
    assert ROLES["guest"] < ROLES["viewer"] < ROLES["operator"] < ROLES["admin"] == PERMISSIONS


def test_viewers_change_nothing() -> None:
    assert all(permission.endswith(":read") for permission in ROLES["viewer"])


def test_a_guard_with_a_misspelt_permission_does_not_start() -> None:
    with pytest.raises(ValueError, match="device:read"):
        requires("device:read")


def test_andon_itself_may_do_everything_in_one_organisation() -> None:
    assert system_principal("org-1").permissions == PERMISSIONS
    assert system_principal("org-1").organisation_id == "org-1"


def test_the_readme_has_the_table_of_permissions() -> None:
    rows = re.findall(r"^\| `([a-z]+:[a-z]+)` \|(.*)\|$", README.read_text(), re.MULTILINE)
    documented = {permission: [cell.strip() == "yes" for cell in cells.split("|")[:4]] for permission, cells in rows}
    roles = ("guest", "viewer", "operator", "admin")
    assert documented == {each: [each in ROLES[role] for role in roles] for each in PERMISSIONS}
