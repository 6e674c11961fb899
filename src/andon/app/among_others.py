"""What a process needs that shares a plant with others: it follows what they change, and they learn of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from andon.engines.livestate.redis_follower import RedisFollower
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.kit.tasks import end_tasks

if TYPE_CHECKING:
    from andon.app.plant import Plant

logger = logging.getLogger(__name__)

LEARN_ENDED_S = 5.0
LEARN_ENDED_ELSEWHERE_S = 1.0
PUBLISH_KEY_S = 3_600.0
LAGS_S = 2.0
SHOWS_ALARMS = ("api", "realtime", "processing")


@asynccontextmanager
async def among_others(plant: Plant) -> AsyncIterator[None]:
    """Follow the other processes while the block runs. UnavailableError when log or database are away."""
    async with contextlib.AsyncExitStack() as stack:
        plant.directory_follower.start()
        stack.push_async_callback(plant.directory_follower.stop)
        if plant.settings.mqtt_url is not None:
            plant.outlet.start()
            stack.push_async_callback(plant.outlet.stop)
            plant.system_logs.start()
            stack.callback(plant.system_logs.stop)
        if isinstance(plant.livestate, RedisFollower):
            await plant.livestate.start()
            stack.push_async_callback(plant.livestate.stop)
        if not plant.runs("alerts") and any(map(plant.runs, SHOWS_ALARMS)):
            await plant.alarm_follower.start()
            stack.push_async_callback(plant.alarm_follower.stop)
        if not plant.runs("api"):  # which does it by itself
            await stack.enter_async_context(learning_of_sessions(plant))
        telling = asyncio.create_task(_tell_lags(plant), name="consumer lags")
        stack.push_async_callback(end_tasks, telling)
        await plant.fleet.start()
        stack.push_async_callback(plant.fleet.stop)
        yield


async def _tell_lags(plant: Plant) -> None:
    """Others learn with the heartbeat how far behind the roles of this process are."""
    while True:
        with contextlib.suppress(UnavailableError):  # the log is away, which others are told elsewhere
            plant.told_lags = await plant.own_lags()
        await asyncio.sleep(LAGS_S)


@asynccontextmanager
async def learning_of_sessions(plant: Plant) -> AsyncIterator[None]:
    """Learn which sessions others ended (the command line, other processes), and which keys they sign with."""
    if not plant.topology.alone:
        await asyncio.to_thread(_exchange_keys, plant)
    learning = asyncio.create_task(_learn(plant), name="ended sessions")
    try:
        yield
    finally:
        await end_tasks(learning)


async def _learn(plant: Plant) -> None:
    alone = plant.topology.alone
    outage = Outage(logger, "ended sessions cannot be read", "ended sessions can be read again")
    published = time.monotonic()
    while True:
        await asyncio.sleep(LEARN_ENDED_S if alone else LEARN_ENDED_ELSEWHERE_S)
        try:
            await asyncio.to_thread(plant.identity.learn_ended)
            if not alone:
                await asyncio.to_thread(plant.identity.learn_keys)
            if not alone and time.monotonic() - published > PUBLISH_KEY_S:
                await asyncio.to_thread(plant.identity.publish_key)
                published = time.monotonic()
        except (SQLAlchemyError, UnavailableError) as error:
            outage.begin(str(error))
        else:
            outage.end()


def _exchange_keys(plant: Plant) -> None:
    plant.identity.publish_key()
    plant.identity.learn_keys()
