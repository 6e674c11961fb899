"""The mapped table of what people decided about how long history is kept."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from andon.engines.database import ID_LENGTH, Base


class RetentionPolicyRow(Base):
    """Days that each tier is kept, null for ever: of an organisation, of one of its devices, or of a tag."""

    __tablename__ = "retention_policies"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("organizations.id"), index=True)
    device_id: Mapped[str | None] = mapped_column(String(ID_LENGTH), ForeignKey("devices.id", ondelete="CASCADE"))
    tag_id: Mapped[int | None] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"))
    raw_days: Mapped[float | None] = mapped_column(Double)
    minute_days: Mapped[float | None] = mapped_column(Double)
    hour_days: Mapped[float | None] = mapped_column(Double)
    updated_at: Mapped[int] = mapped_column(BigInteger)
