"""The one table of roles: what each needs, and how it runs. `andon up` starts all of them in this order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from andon.app.among_others import among_others, learning_of_sessions
from andon.app.history_store import beside_history
from andon.app.leading import Work, led
from andon.app.live_on_redis import publishing
from andon.app.outward import publishing_over_mqtt
from andon.app.plant import Plant
from andon.app.warm_up import warm_up
from andon.engines.database.lease import Lease
from andon.engines.livestate.redis_follower import RedisFollower
from andon.engines.log.consumer import Consumer
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
COMPLETE_TIMEOUT_S = 5.0

Run = Callable[[Plant], AbstractAsyncContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Role:
    """`run` is entered to start the role and left to stop it; `needs` are started before and stopped after it.

    `lease`: the lease for what only one process at a time may do, or None; others stand by.
    """

    run: Run
    needs: tuple[str, ...] = ()
    lease: Callable[[Plant], Lease | None] = lambda _plant: None


@asynccontextmanager
async def _broker(plant: Plant) -> AsyncIterator[Work]:
    await plant.broker.start()
    try:
        yield None
    finally:
        await plant.broker.stop()


@asynccontextmanager
async def _historian(plant: Plant) -> AsyncIterator[Work]:
    beside = beside_history(plant.settings, plant.engines.history, plant.directory)
    async with beside, _following(plant, "historian", await plant.historian.follow(plant.log)) as work:
        keeping = asyncio.create_task(plant.housekeeper.run(), name="retention")
        await plant.uploads.start()
        try:
            yield work
        finally:
            await plant.uploads.stop()
            await end_tasks(keeping)


@asynccontextmanager
async def _processing(plant: Plant) -> AsyncIterator[Work]:
    consumer = await warm_up(plant)
    async with publishing(plant), _following(plant, "processing", consumer) as work:
        yield work


@asynccontextmanager
async def _alerts(plant: Plant) -> AsyncIterator[Work]:
    if isinstance(plant.livestate, RedisFollower) and not await plant.livestate.wait_complete(COMPLETE_TIMEOUT_S):
        logger.warning("live state is not complete: devices count as never heard until they are")
    await plant.alarms.start()
    try:
        yield plant.alarms.judging
    finally:
        await plant.alarms.stop()


@asynccontextmanager
async def _ingest(plant: Plant) -> AsyncIterator[Work]:
    await plant.ingest.start()
    try:
        if plant.runs("broker"):  # somebody else's may come later than we
            await plant.ingest.wait_connected(CONNECT_TIMEOUT_S)
        yield None
    finally:
        await plant.ingest.stop()


@asynccontextmanager
async def _realtime(plant: Plant) -> AsyncIterator[Work]:
    unsubscribe = plant.alarm_reader.subscribe(plant.realtime.on_alarm)
    await plant.realtime.start()
    try:
        async with publishing_over_mqtt(plant):
            yield None
    finally:
        unsubscribe()
        await plant.realtime.stop()
        await plant.socketio.stop()


@asynccontextmanager
async def _api(plant: Plant) -> AsyncIterator[Work]:
    """The web server itself is run by `serve_all.serve`; here runs what it needs beside it."""
    async with learning_of_sessions(plant):
        yield None


@asynccontextmanager
async def _simulator(plant: Plant) -> AsyncIterator[Work]:
    if plant.simulator is None:
        yield None
        return
    await plant.simulator.start()
    try:
        yield None
    finally:
        await plant.simulator.stop()


def _shard_lease(plant: Plant) -> Lease:
    """Values are taken in without the database too; what two take in for a moment is the same sample."""
    return plant.lease(f"ingest {plant.settings.ingest_shard} of {plant.settings.ingest_shards}", outlasts=True)


def _historian_lease(plant: Plant) -> Lease | None:
    """Files of one's own cannot be shared; a database can, and its consumers share the partitions."""
    return plant.lease("historian") if plant.settings.historian == "embedded" else None


ROLES: Mapping[str, Role] = {
    "broker": Role(_broker),
    "processing": Role(_processing),
    "historian": Role(_historian, ("processing",), lease=_historian_lease),
    "alerts": Role(_alerts, ("processing",), lease=lambda plant: plant.lease("alerts")),
    "realtime": Role(_realtime, ("processing", "alerts")),
    "ingest": Role(_ingest, ("broker", "historian", "alerts"), lease=_shard_lease),
    "api": Role(_api, ("historian", "processing", "alerts", "ingest", "realtime")),
    "simulator": Role(_simulator, ("broker", "ingest")),
}


def in_order(wanted: Collection[str], roles: Mapping[str, Role] = ROLES) -> list[str]:
    """The wanted roles, each after those of them that it needs: the others run elsewhere. KeyError for an unknown."""
    ordered: list[str] = []

    def add(name: str) -> None:
        for need in roles[name].needs:
            add(need)
        if name in wanted and name not in ordered:
            ordered.append(name)

    for name in sorted(wanted, key=list(roles).index):
        add(name)
    return ordered


@asynccontextmanager
async def running(plant: Plant) -> AsyncIterator[None]:
    """Run the roles of this process; they stop in the opposite order."""
    names = in_order(plant.topology.roles)
    async with contextlib.AsyncExitStack() as stack:
        if not plant.topology.alone:
            plant.states.update(dict.fromkeys(names, "starting"))
            await stack.enter_async_context(among_others(plant))
        for name in names:
            lease = None if plant.topology.alone else ROLES[name].lease(plant)
            if lease is None:
                work = await stack.enter_async_context(ROLES[name].run(plant))
                plant.states[name] = "running"
                if work is not None:
                    work.add_done_callback(partial(_ended, plant, name))
            else:
                await stack.enter_async_context(led(plant, name, lease, ROLES[name].run))
        yield


@asynccontextmanager
async def _following(plant: Plant, name: str, consumer: Consumer) -> AsyncIterator[Work]:
    plant.consumers[name] = consumer
    task = asyncio.create_task(consumer.run(), name=name)
    try:
        yield task
    finally:
        await consumer.stop()
        await asyncio.gather(task, return_exceptions=True)


def _ended(plant: Plant, name: str, work: asyncio.Task[None]) -> None:
    """Work that ends by itself is a fault that the system page shows."""
    if not work.cancelled() and (error := work.exception()):
        plant.states[name] = "failed"
        logger.error("a role failed", extra={"role": name}, exc_info=error)
