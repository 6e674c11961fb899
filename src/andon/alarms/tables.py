"""Mapped tables of alarms, their comments, and how far this consumer has come."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from andon.engines.database import ID_LENGTH, Base


class AlertRow(Base):
    """One alarm from raise to end. `status` and `state` say the same to the seeds and to ISA-18.2."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(None, "organization_id", "status"),
        Index(None, "organization_id", "triggered_at"),
        Index(None, "device_id", "status"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("organizations.id"))
    device_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("devices.id"))
    tag_id: Mapped[int | None]
    alert_type: Mapped[str] = mapped_column(String(50))
    type: Mapped[str] = mapped_column(String(255))
    message: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(String(20))
    value: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float | None] = mapped_column(Double)
    unit: Mapped[str] = mapped_column(String(50))
    state: Mapped[str] = mapped_column(String(30))
    status: Mapped[str] = mapped_column(String(20))
    triggered_at: Mapped[int] = mapped_column(BigInteger)
    acknowledged_at: Mapped[int | None] = mapped_column(BigInteger)
    acknowledged_by: Mapped[str | None] = mapped_column(String(100))
    resolved_at: Mapped[int | None] = mapped_column(BigInteger)
    resolved_by: Mapped[str | None] = mapped_column(String(100))
    escalated_at: Mapped[int | None] = mapped_column(BigInteger)
    last_value: Mapped[float | None] = mapped_column(Double)
    last_value_at: Mapped[int | None] = mapped_column(BigInteger)


class AlertCommentRow(Base):
    """What somebody noted at an alarm."""

    __tablename__ = "alert_comments"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
