"""How far somebody has come, stored with what was made of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from andon.engines.database.base import Base


class ConsumerPositionRow(Base):
    """How far a consumer has come in a stream."""

    __tablename__ = "consumer_positions"

    consumer: Mapped[str] = mapped_column(String(100), primary_key=True)
    stream: Mapped[str] = mapped_column(String(100), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
