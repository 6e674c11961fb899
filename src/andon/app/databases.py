"""Opens the relational store: SQLite in the data folder, or PostgreSQL."""

from __future__ import annotations

from andon.app.settings import Settings, secret
from andon.engines.database import Database


def open_database(settings: Settings) -> Database:
    """The relational store, with its tables brought up to date."""
    database = connect_database(settings)
    try:
        database.migrate()
    except BaseException:
        database.close()
        raise
    return database


def connect_database(settings: Settings) -> Database:
    """The relational store as it is: SQLite in the data folder, or PostgreSQL."""
    return Database.open(
        secret(settings.database_url),
        settings.data_dir,
        replica_url=secret(settings.database_replica_url),
        pool_size=settings.database_pool_size,
    )
