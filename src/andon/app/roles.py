"""The one table of roles: what each needs, and how it runs. `andon up` starts all of them in this order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from andon.app.live_on_redis import publishing
from andon.app.plant import Plant
from andon.app.warm_up import warm_up
from andon.engines.log.consumer import Consumer

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
LEARN_ENDED_S = 5.0

Run = Callable[[Plant], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Role:
    """`run` is entered to start the role and left to stop it; `needs` are started before and stopped after it."""

    run: Run
    needs: tuple[str, ...] = ()


@asynccontextmanager
async def _broker(plant: Plant) -> AsyncIterator[None]:
    await plant.broker.start()
    try:
        yield
    finally:
        await plant.broker.stop()


@asynccontextmanager
async def _historian(plant: Plant) -> AsyncIterator[None]:
    async with _following(plant, "historian", await plant.historian.follow(plant.log)):
        keeping = asyncio.create_task(plant.housekeeper.run(), name="retention")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


@asynccontextmanager
async def _processing(plant: Plant) -> AsyncIterator[None]:
    consumer = await warm_up(plant)
    async with publishing(plant), _following(plant, "processing", consumer):
        yield


@asynccontextmanager
async def _alerts(plant: Plant) -> AsyncIterator[None]:
    await plant.alarms.start()
    try:
        yield
    finally:
        await plant.alarms.stop()


@asynccontextmanager
async def _ingest(plant: Plant) -> AsyncIterator[None]:
    await plant.ingest.start()
    await plant.ingest.wait_connected(CONNECT_TIMEOUT_S)
    try:
        yield
    finally:
        await plant.ingest.stop()


@asynccontextmanager
async def _realtime(plant: Plant) -> AsyncIterator[None]:
    unsubscribe = [plant.alarms.subscribe(plant.realtime.on_alarm), plant.alarms.subscribe(plant.mqtt_out.on_alarm)]
    await plant.realtime.start()
    await plant.mqtt_out.start()
    plant.config_push.start()
    plant.system_logs.start()
    try:
        yield
    finally:
        for stop in unsubscribe:
            stop()
        plant.system_logs.stop()
        plant.config_push.stop()
        await plant.mqtt_out.stop()
        await plant.realtime.stop()
        await plant.socketio.stop()


@asynccontextmanager
async def _api(plant: Plant) -> AsyncIterator[None]:
    """The web server itself is run by `run.serve`; here runs what it needs beside it."""
    learning = asyncio.create_task(_learn_ended_sessions(plant), name="ended sessions")
    try:
        yield
    finally:
        learning.cancel()
        await asyncio.gather(learning, return_exceptions=True)


async def _learn_ended_sessions(plant: Plant) -> None:
    """Sessions that another process ended (the command line, another node) end here within seconds."""
    while True:
        await asyncio.sleep(LEARN_ENDED_S)
        try:
            await asyncio.to_thread(plant.identity.learn_ended)
        except SQLAlchemyError:
            logger.warning("ended sessions cannot be read", exc_info=True)


@asynccontextmanager
async def _simulator(plant: Plant) -> AsyncIterator[None]:
    if plant.simulator is None:
        yield
        return
    await plant.simulator.start()
    try:
        yield
    finally:
        await plant.simulator.stop()


ROLES: Mapping[str, Role] = {
    "broker": Role(_broker),
    "processing": Role(_processing),
    "historian": Role(_historian, ("processing",)),
    "alerts": Role(_alerts, ("processing",)),
    "realtime": Role(_realtime, ("processing", "alerts")),
    "ingest": Role(_ingest, ("broker", "historian", "alerts")),
    "api": Role(_api, ("historian", "processing", "alerts", "ingest", "realtime")),
    "simulator": Role(_simulator, ("broker", "ingest")),
}


def in_order(wanted: tuple[str, ...], roles: Mapping[str, Role] = ROLES) -> list[str]:
    """The wanted roles and all that they need, each after what it needs. KeyError for an unknown one."""
    ordered: list[str] = []

    def add(name: str) -> None:
        for need in roles[name].needs:
            add(need)
        if name not in ordered:
            ordered.append(name)

    for name in wanted:
        add(name)
    return ordered


@asynccontextmanager
async def running(plant: Plant, wanted: tuple[str, ...] = tuple(ROLES)) -> AsyncIterator[None]:
    """Run the roles; they stop in the opposite order."""
    async with contextlib.AsyncExitStack() as stack:
        for name in in_order(wanted):
            await stack.enter_async_context(ROLES[name].run(plant))
            plant.states[name] = "running"
        yield


@asynccontextmanager
async def _following(plant: Plant, name: str, consumer: Consumer) -> AsyncIterator[None]:
    """Run a consumer; one that ends by itself is a fault that the system page shows."""
    plant.consumers[name] = consumer
    task = asyncio.create_task(consumer.run(), name=name)
    task.add_done_callback(lambda ended: _ended(plant, name, ended))
    try:
        yield
    finally:
        await consumer.stop()
        await asyncio.gather(task, return_exceptions=True)


def _ended(plant: Plant, name: str, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        plant.states[name] = "failed"
        logger.error("a role failed", extra={"role": name}, exc_info=error)
