"""Queries on users and refresh tokens; those on organisations are in organisations.py."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from andon.identity.tables import RefreshTokenRow, UserRow, VerificationKeyRow
from andon.kit.clock import US_PER_DAY

KEY_LIFE_US = 30 * US_PER_DAY
"""A key that its process has not published again for so long signs nothing any more that is still good."""


def user_count(session: Session, organisation_id: str) -> int:
    """Users of an organisation, also those that may not sign in."""
    query = select(func.count()).select_from(UserRow).where(UserRow.organization_id == organisation_id)
    return session.scalar(query) or 0


def users(session: Session, organisation_id: str) -> Sequence[UserRow]:
    """Users of an organisation, by name."""
    query = select(UserRow).where(UserRow.organization_id == organisation_id).order_by(UserRow.username)
    return session.scalars(query).all()


def user(session: Session, organisation_id: str, username: str) -> UserRow | None:
    """The user of that name in an organisation."""
    query = select(UserRow).where(UserRow.organization_id == organisation_id, UserRow.username == username)
    return session.scalar(query)


def user_by_id(session: Session, organisation_id: str, user_id: str) -> UserRow | None:
    """The user of that id in an organisation."""
    query = select(UserRow).where(UserRow.organization_id == organisation_id, UserRow.id == user_id)
    return session.scalar(query)


# every organisation: whoever signs in says a user name only; it tells us the organisation
def user_to_sign_in(session: Session, username: str) -> UserRow | None:
    """The user of that name, in whichever organisation."""
    return session.scalar(select(UserRow).where(UserRow.username == username))


# every organisation: user names and addresses are unique across all of them
def taken(session: Session, username: str, email: str | None) -> str | None:
    """`username` or `email` when another user has it already."""
    if session.scalar(select(UserRow.id).where(UserRow.username == username)):
        return "username"
    if email is not None and session.scalar(select(UserRow.id).where(UserRow.email == email)):
        return "email"
    return None


# every organisation: the token itself is the proof, and it tells us the organisation
def refresh_token(session: Session, token_hash: str) -> RefreshTokenRow | None:
    """The refresh token of that hash."""
    return session.scalar(select(RefreshTokenRow).where(RefreshTokenRow.token_hash == token_hash))


def revoke_family(session: Session, organisation_id: str, family: str, at: int) -> None:
    """End a sign-in: none of its refresh tokens is good any more."""
    session.execute(
        update(RefreshTokenRow)
        .where(
            RefreshTokenRow.organization_id == organisation_id,
            RefreshTokenRow.family == family,
            RefreshTokenRow.revoked_at.is_(None),
        )
        .values(revoked_at=at)
    )


def families_of(session: Session, organisation_id: str, user_id: str) -> Sequence[str]:
    """The sign-ins of a user that have not been ended."""
    query = (
        select(RefreshTokenRow.family)
        .distinct()
        .where(
            RefreshTokenRow.organization_id == organisation_id,
            RefreshTokenRow.user_id == user_id,
            RefreshTokenRow.revoked_at.is_(None),
        )
    )
    return session.scalars(query).all()


# every organisation: read once at start, to refuse access tokens of sign-ins that ended just before
def families_revoked_since(session: Session, since: int) -> Sequence[tuple[str, int]]:
    """(family, µs UTC) of the sign-ins ended at or after `since`."""
    query = (
        select(RefreshTokenRow.family, func.max(RefreshTokenRow.revoked_at))
        .where(RefreshTokenRow.revoked_at >= since)
        .group_by(RefreshTokenRow.family)
    )
    return [(family, at) for family, at in session.execute(query) if at is not None]


# every organisation: housekeeping
def delete_expired_tokens(session: Session, now: int) -> None:
    """Forget refresh tokens whose time is over."""
    session.execute(delete(RefreshTokenRow).where(RefreshTokenRow.expires_at < now))


# every organisation: all share the keys
def publish_key(session: Session, key_id: str, pem: str, at: int) -> None:
    """Keep a public key for the processes that verify; those that nobody has published for long go."""
    session.merge(VerificationKeyRow(key_id=key_id, pem=pem, seen_at=at))
    session.execute(delete(VerificationKeyRow).where(VerificationKeyRow.seen_at < at - KEY_LIFE_US))


# every organisation: all share the keys
def published_keys(session: Session) -> dict[str, str]:
    """Key id → public key as PEM, of every process that signs."""
    return {row.key_id: row.pem for row in session.scalars(select(VerificationKeyRow))}
