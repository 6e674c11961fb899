"""Opens what a plant stands on: the one place that picks the adapter of each engine from the settings."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from pydantic import SecretStr

from andon.app.history_store import open_history
from andon.app.log import open_log
from andon.app.settings import Settings
from andon.app.topology import Topology
from andon.engines.broker.address import BrokerAddress
from andon.engines.broker.config import BrokerConfig
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.broker.outside import OutsideBroker
from andon.engines.database import Database
from andon.engines.livestate.memory import MemoryLiveState
from andon.engines.livestate.port import LiveState
from andon.engines.livestate.redis_follower import RedisFollower
from andon.engines.livestate.redis_link import RedisLink
from andon.engines.livestate.redis_publisher import RedisPublisher
from andon.engines.log.port import Log
from andon.historian.port import HistoryStore

# For roles that publish and subscribe nothing.
_NO_BROKER = BrokerAddress("", 0, "", "")


@dataclass(slots=True)
class Engines:
    """The engines of one process, opened. `store` is None where the history is in another process's files."""

    database: Database
    log: Log
    store: HistoryStore | None
    livestate: LiveState
    broker: EmbeddedBroker | OutsideBroker

    @property
    def history(self) -> HistoryStore:
        """The historian's store. RuntimeError in a process that does not reach it: it must not have asked."""
        if self.store is None:
            raise RuntimeError("this process does not reach the history")
        return self.store

    async def close(self) -> None:
        """Close them; nothing uses them any more."""
        if self.store is not None:
            await self.store.close()
        await self.log.close()
        await asyncio.to_thread(self.database.close)


async def open_engines(settings: Settings, topology: Topology) -> Engines:
    """Open what the roles of this process use, the tables brought up to date.

    StartError says what cannot be had; then none stays open.
    """
    async with contextlib.AsyncExitStack() as undo:
        database = open_database(settings)
        undo.callback(database.close)
        log = await open_log(settings)
        undo.push_async_callback(log.close)
        maintains = "historian" in topology.roles
        store = await open_history(settings, maintains=maintains) if topology.reaches_history(settings) else None
        if store is not None:
            undo.push_async_callback(store.close)
        livestate, broker = open_livestate(settings, topology), open_broker(settings, topology)
        engines = Engines(database, log, store, livestate, broker)
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


def open_livestate(settings: Settings, topology: Topology) -> LiveState:
    """Live state, empty: `warm_up` fills it, or what the role processing publishes in another process."""
    url = secret(settings.redis_url)
    if url is None:
        return MemoryLiveState()
    return RedisPublisher(RedisLink(url)) if "processing" in topology.roles else RedisFollower(RedisLink(url))


def open_broker(settings: Settings, topology: Topology) -> EmbeddedBroker | OutsideBroker:
    """The MQTT broker; nothing runs yet."""
    url = secret(settings.mqtt_url)
    if url is not None:
        return OutsideBroker(BrokerAddress.parse(url))
    return embedded_broker(settings) if "broker" in topology.roles else OutsideBroker(_NO_BROKER)


def embedded_broker(settings: Settings) -> EmbeddedBroker:
    """Andon's own broker."""
    config = BrokerConfig(
        data_dir=settings.data_dir,
        host=settings.host,
        port=settings.mqtt_port,
        max_payload_bytes=settings.broker_max_payload_bytes,
        threads=settings.broker_threads,
    )
    return EmbeddedBroker(config)
