"""Opens what a plant stands on: the one place that picks the adapter of each engine from the settings."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from andon.app.brokers import open_broker
from andon.app.databases import open_database
from andon.app.history_store import open_history
from andon.app.log import open_log
from andon.app.settings import Settings, secret
from andon.app.topology import Topology
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
        database = await open_database(settings)
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


def open_livestate(settings: Settings, topology: Topology) -> LiveState:
    """Live state, empty: `warm_up` fills it, or what the role processing publishes in another process."""
    url = secret(settings.redis_url)
    if url is None:
        return MemoryLiveState()
    return RedisPublisher(RedisLink(url)) if "processing" in topology.roles else RedisFollower(RedisLink(url))
