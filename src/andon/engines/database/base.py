"""The declarative base that every mapped table of Andon stands on."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

# Every constraint has a name on every engine, so that a later migration can find it.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

ID_LENGTH = 36  # a UUID as text


class Base(DeclarativeBase):
    """Base of all mapped tables. Portable types only: String, Text, Integer, BigInteger, Double, Boolean, JSON."""

    metadata = MetaData(naming_convention=NAMING)
