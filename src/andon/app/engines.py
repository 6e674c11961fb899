"""Opens what a plant stands on: the one place that picks the adapter of each engine from the settings."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from pydantic import SecretStr

from andon.app.settings import Settings
from andon.engines.broker.config import BrokerConfig
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.database import Database
from andon.engines.livestate.memory import MemoryLiveState
from andon.engines.livestate.port import LiveState
from andon.engines.livestate.redis_link import RedisLink
from andon.engines.livestate.redis_publisher import RedisPublisher
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.historian.stores.local import LocalStore
from andon.kit.clock import US_PER_HOUR


@dataclass(slots=True)
class Engines:
    """The engines of one process, opened."""

    database: Database
    log: EmbeddedLog
    history: LocalStore
    livestate: LiveState
    broker: EmbeddedBroker

    async def close(self) -> None:
        """Close them; nothing uses them any more."""
        await self.history.close()
        await self.log.close()
        await asyncio.to_thread(self.database.close)


async def open_engines(settings: Settings) -> Engines:
    """Open all of them, the tables brought up to date. StartError says what cannot be had; then none stays open."""
    async with contextlib.AsyncExitStack() as undo:
        database = open_database(settings)
        undo.callback(database.close)
        log = open_log(settings)
        undo.push_async_callback(log.close)
        history = open_history(settings)
        undo.push_async_callback(history.close)
        engines = Engines(database, log, history, open_livestate(settings), open_broker(settings))
        undo.pop_all()
        return engines


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


def secret(setting: SecretStr | None) -> str | None:
    """What a setting hides from prints and logs."""
    return setting.get_secret_value() if setting is not None else None


def open_log(settings: Settings) -> EmbeddedLog:
    """The log."""
    limits = LogLimits(
        retain_bytes=settings.log_max_bytes,
        retain_us=round(settings.log_max_age_hours * US_PER_HOUR),
        min_free_bytes=settings.min_free_bytes,
    )
    return EmbeddedLog.open(settings.data_dir / "log.db", limits)


def open_history(settings: Settings) -> LocalStore:
    """The historian's store."""
    return LocalStore.open(settings.data_dir / "history.db")


def open_livestate(settings: Settings) -> LiveState:
    """Live state, empty: `warm_up` fills it. With Redis, other processes can follow it: see `live_on_redis`."""
    url = secret(settings.redis_url)
    return MemoryLiveState() if url is None else RedisPublisher(RedisLink(url))


def open_broker(settings: Settings) -> EmbeddedBroker:
    """The MQTT broker; nothing runs yet."""
    config = BrokerConfig(
        data_dir=settings.data_dir,
        host=settings.host,
        port=settings.mqtt_port,
        max_payload_bytes=settings.broker_max_payload_bytes,
    )
    return EmbeddedBroker(config)
