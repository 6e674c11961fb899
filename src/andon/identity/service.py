"""Organisations and users, and through `Sessions` their sign-in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from andon.identity import organisations, repository
from andon.identity.audit import record
from andon.identity.model import ROLES, Principal, canonical_username, system_principal
from andon.identity.passwords import generate_password
from andon.identity.sessions import IdentitySettings, Organisation, Sessions, SignedIn, organisation_of
from andon.identity.tables import UserRow
from andon.kit.clock import now_us
from andon.kit.errors import ConflictError, InvalidError, NotFoundError
from andon.kit.ids import new_id

__all__ = ["IdentityService", "IdentitySettings", "Organisation", "SignedIn", "User"]

ADMIN = "admin"
_EMAIL = re.compile(r"[^@\s\x00-\x1f\ud800-\udfff]+@[^@\s\x00-\x1f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class User:
    """A local user, without secrets. Times are µs UTC."""

    id: str
    organisation_id: str
    username: str
    email: str | None
    role: str
    is_active: bool
    created_at: int


class IdentityService(Sessions):
    """Who there is and who is signed in. Thread-safe; everything but `verify` blocks, so keep it off the loop."""

    def ensure_default_organisation(self, timezone: str = "UTC") -> Organisation:
        """The default organisation; made at the first start. StartError when there is no such time zone."""
        with self._database.session() as session:
            return organisation_of(organisations.ensure_default(session, timezone))

    def organisation(self, organisation_id: str) -> Organisation:
        """The organisation of that id. NotFoundError when there is none."""
        with self._database.reading() as session:
            row = organisations.get(session, organisation_id)
        if row is None:
            raise NotFoundError("there is no such organisation", field="organisation")
        return organisation_of(row)

    def ensure_admin(self, password: str | None) -> str | None:
        """Make the user `admin` when the default organisation has no users yet.

        Uses `password`, or generates one, which is returned: show it once. None when nothing was generated.
        """
        with self._database.reading() as session:
            organisation = organisations.first(session)
            if organisation is not None and repository.user_count(session, organisation.id):
                return None
        organisation_id = self.ensure_default_organisation().id if organisation is None else organisation.id
        generated = None if password else generate_password()
        try:
            self.create_user(system_principal(organisation_id), ADMIN, password or generated or "", ADMIN)
        except ConflictError:
            return None  # another process made it in this moment
        return generated

    def create_user(self, actor: Principal, username: str, password: str, role: str, email: str | None = None) -> User:
        """Add a user to the actor's organisation. InvalidError or ConflictError name the field at fault."""
        name = _check_username(username)
        _check_role(role)
        _check_email(email)
        password_hash = self._passwords.hash(password)
        now = now_us()
        row = UserRow(
            id=new_id(),
            organization_id=actor.organisation_id,
            username=name,
            email=email,
            password_hash=password_hash,
            role=role,
            is_active=True,
            created_at=now,
            updated_at=now,
        )
        with self._database.session() as session:
            field_taken = repository.taken(session, name, email)
            if field_taken:
                raise ConflictError(f"this {field_taken} is taken", field=field_taken, cure="choose another")
            session.add(row)
            record(session, actor, "user.create", name, {"role": role})
        return _user(row)

    def users(self, organisation_id: str) -> list[User]:
        """All users of an organisation, by name."""
        with self._database.reading() as session:
            return [_user(row) for row in repository.users(session, organisation_id)]

    def set_password(self, actor: Principal, username: str, password: str) -> None:
        """Give a user of the actor's organisation another password; ends all of the user's sign-ins."""
        self._change_user(actor, username, {"password_hash": self._passwords.hash(password)})

    def update_user(
        self,
        actor: Principal,
        username: str,
        *,
        role: str | None = None,
        is_active: bool | None = None,
        password: str | None = None,
    ) -> User:
        """Change role, access or password of a user; ends all of the user's sign-ins, so that it holds at once.

        ConflictError when the actor would change its own role or access, and so could lock everybody out.
        """
        changes: dict[str, str | bool] = {}
        if role is not None:
            changes["role"] = _check_role(role)
        if is_active is not None:
            changes["is_active"] = is_active
        if changes and canonical_username(username) == actor.username:
            raise ConflictError(
                "nobody changes their own role or access", field="username", cure="let another administrator do it"
            )
        if password is not None:
            changes["password_hash"] = self._passwords.hash(password)
        return self._change_user(actor, username, changes)

    def _change_user(self, actor: Principal, username: str, changes: Mapping[str, str | bool]) -> User:
        now = now_us()
        with self._database.session() as session:
            name = canonical_username(username)
            row = repository.user(session, actor.organisation_id, name) if name else None
            if row is None:
                raise NotFoundError(f"there is no user {username[:50]!r}", field="username")
            for name, value in changes.items():
                setattr(row, name, value)
            row.updated_at = now
            families = repository.families_of(session, actor.organisation_id, row.id)
            for family in families:
                repository.revoke_family(session, actor.organisation_id, family, now)
            record(session, actor, "user.update", row.username, _without_secrets(changes))
        self._refuse(families, now)
        return _user(row)


def _user(row: UserRow) -> User:
    return User(row.id, row.organization_id, row.username, row.email, row.role, row.is_active, row.created_at)


def _check_username(username: str) -> str:
    name = canonical_username(username)
    if name is None:
        raise InvalidError(
            "a user name has 1 to 50 letters, digits or any of _ . @ - and begins with a letter or digit",
            field="username",
            cure="choose another, such as anna.kovac",
        )
    return name


def _check_role(role: str) -> str:
    if role not in ROLES:
        raise InvalidError(f"there is no role {role[:50]!r}", field="role", cure=f"use one of {', '.join(ROLES)}")
    return role


def _without_secrets(changes: Mapping[str, str | bool]) -> dict[str, str | bool]:
    return {name: True if name == "password_hash" else value for name, value in changes.items()}


def _check_email(email: str | None) -> None:
    if email is not None and (len(email) > 100 or not _EMAIL.fullmatch(email)):
        raise InvalidError("this is no e-mail address", field="email", cure="correct it, or leave it out")
