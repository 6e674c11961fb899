"""Opens the relational store: SQLite in the data folder, or PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from andon.app.settings import Settings, secret
from andon.engines.database import Database
from andon.kit.errors import StartError, UnavailableError

logger = logging.getLogger(__name__)

_AGAIN_S: Final = 0.5


async def open_database(settings: Settings) -> Database:
    """The relational store, with its tables brought up to date.

    A server that does not answer yet is waited for, `database_start_s` long: after a power cut all start at once.
    StartError when it does not answer in time, or waiting does not help.
    """
    deadline = time.monotonic() + settings.database_start_s
    said = False
    while True:
        try:
            return await asyncio.to_thread(_migrated, settings)
        except UnavailableError as error:
            if time.monotonic() > deadline:
                raise StartError(error.message, field=error.field, cure=error.cure) from error
            if not said:
                logger.warning("waiting for the database", extra={"error": error.message})
            said = True
        await asyncio.sleep(_AGAIN_S)


def connect_database(settings: Settings) -> Database:
    """The relational store as it is. StartError or UnavailableError when it cannot be had."""
    return Database.open(
        secret(settings.database_url),
        settings.data_dir,
        replica_url=secret(settings.database_replica_url),
        pool_size=settings.database_pool_size,
    )


def _migrated(settings: Settings) -> Database:
    database = connect_database(settings)
    try:
        database.migrate()
    except BaseException:
        database.close()
        raise
    return database
