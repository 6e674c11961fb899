"""The audit log: every change that a person or Andon itself made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from andon.identity.model import Principal
from andon.identity.tables import AuditRow
from andon.kit.clock import now_us
from andon.kit.ids import new_id

_MAX_TARGET = 255


def record(
    session: Session, principal: Principal, action: str, target: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Note that `principal` did `action` (`device.create`) to `target`; it is stored with the change itself.

    `detail` is JSON and must hold no secret.
    """
    session.add(
        AuditRow(
            id=new_id(),
            organization_id=principal.organisation_id,
            at=now_us(),
            actor=principal.username,
            action=action,
            target=target[:_MAX_TARGET],
            detail=dict(detail or {}),
        )
    )
