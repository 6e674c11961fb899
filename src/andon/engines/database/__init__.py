"""The relational store (SQLite by default) behind SQLAlchemy."""

from andon.engines.database.base import ID_LENGTH, Base
from andon.engines.database.database import Database

__all__ = ["ID_LENGTH", "Base", "Database"]
