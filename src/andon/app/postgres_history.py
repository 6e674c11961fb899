"""History on PostgreSQL, opened from the settings."""

from __future__ import annotations

from andon.app.settings import Settings
from andon.engines.log.port import SENSORS_DATA
from andon.historian.port import HistoryStore
from andon.kit.errors import StartError


def open_postgres_history(settings: Settings, maintains: bool) -> HistoryStore:
    """The tables beside those of the registry. StartError when they, or the driver, cannot be had."""
    if settings.database_url is None:
        raise StartError(
            "history on PostgreSQL needs the database's address",
            field="database_url",
            cure="set ANDON_DATABASE_URL, such as postgresql://andon:password@host/andon, or ANDON_HISTORIAN=embedded",
        )
    try:
        # Only now: who keeps history elsewhere need not have the driver.
        from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise StartError(
            "PostgreSQL needs the driver psycopg, which is not installed",
            field="historian",
            cure="pip install 'andon[postgres]'",
        ) from error
    replica = settings.database_replica_url
    return PostgresStore.open(
        settings.database_url.get_secret_value(),
        replica_url=replica.get_secret_value() if replica is not None else None,
        stream=SENSORS_DATA,
        limits=PostgresLimits(
            connections=settings.history_pool_size,
            late_window_s=settings.late_window_s,
            statistics_samples=settings.statistics_samples,
        ),
        maintenance=maintains,
    )
