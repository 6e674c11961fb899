"""Mapped tables of organisations, users, their sessions, and the audit log."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from andon.engines.database import ID_LENGTH, Base

ORGANISATION = "organizations.id"


class OrganisationRow(Base):
    """A tenant; every other row belongs to one."""

    __tablename__ = "organizations"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    domain: Mapped[str | None] = mapped_column(String(255), unique=True)
    timezone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class UserRow(Base):
    """A local user."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey(ORGANISATION), index=True)
    username: Mapped[str] = mapped_column(String(50), unique=True)
    email: Mapped[str | None] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20))
    is_active: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class RefreshTokenRow(Base):
    """One refresh token, by its hash. `family` is the sign-in that it descends from."""

    __tablename__ = "refresh_tokens"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey(ORGANISATION))
    user_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    family: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    used_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)


class VerificationKeyRow(Base):
    """The public half of a key that a process signs access tokens with, for the processes that only check them."""

    __tablename__ = "verification_keys"

    key_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    pem: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[int] = mapped_column(BigInteger)


class AuditRow(Base):
    """Who did what to what, and when."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "organization_id", "at"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey(ORGANISATION))
    at: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(100))
    target: Mapped[str] = mapped_column(String(255))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
