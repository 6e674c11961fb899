"""Mapped tables of imports and of those of their parts that are durable."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from andon.engines.database import ID_LENGTH, Base


class ImportRow(Base):
    """One import into one device. `upto` are the log's ends by partition when it was finished."""

    __tablename__ = "imports"
    __table_args__ = (Index(None, "organization_id", "updated_at"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("organizations.id"))
    device_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("devices.id"))
    source: Mapped[str] = mapped_column(String(200))
    file_name: Mapped[str] = mapped_column(String(255))
    units: Mapped[dict[str, str]] = mapped_column(JSON)
    keep: Mapped[bool]
    status: Mapped[str] = mapped_column(String(20))
    parts: Mapped[int]
    samples: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[int | None] = mapped_column(BigInteger)
    last_at: Mapped[int | None] = mapped_column(BigInteger)
    upto: Mapped[dict[str, int]] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class ImportPartRow(Base):
    """A part that the log has. `digest` tells a part that is sent again from another one of the same number."""

    __tablename__ = "import_parts"

    import_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("organizations.id"))
    digest: Mapped[str] = mapped_column(String(64))
    samples: Mapped[int]
