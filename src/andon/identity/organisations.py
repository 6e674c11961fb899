"""Organisations, for the domains that scope their rows to one."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from andon.identity.tables import OrganisationRow
from andon.kit.clock import now_us
from andon.kit.errors import StartError
from andon.kit.ids import new_id

DEFAULT_NAME = "Default organisation"


def first(session: Session) -> OrganisationRow | None:
    """The oldest organisation, which is the default one."""
    return session.scalar(select(OrganisationRow).order_by(OrganisationRow.created_at, OrganisationRow.id).limit(1))


def get(session: Session, organisation_id: str) -> OrganisationRow | None:
    """The organisation of that id."""
    return session.get(OrganisationRow, organisation_id)


def every(session: Session) -> Sequence[OrganisationRow]:
    """All organisations."""
    return session.scalars(select(OrganisationRow)).all()


def ensure_default(session: Session, timezone: str = "UTC") -> OrganisationRow:
    """The default organisation, made in that time zone when there is none. StartError when there is no such zone."""
    check_timezone(timezone)
    row = first(session)
    if row is None:
        now = now_us()
        row = OrganisationRow(id=new_id(), name=DEFAULT_NAME, timezone=timezone, created_at=now, updated_at=now)
        session.add(row)
        session.flush()
    return row


def check_timezone(timezone: str) -> None:
    """StartError unless `timezone` is the IANA name of a zone that this machine knows."""
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise StartError(
            f"there is no time zone {timezone!r}", field="timezone", cure="use an IANA name such as Europe/Zagreb"
        ) from error
