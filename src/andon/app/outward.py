"""What Andon tells over MQTT: alarms, its health, the looms' means, devices' configuration.

Of several processes that run the role realtime, one does it. What the broker has not confirmed counts as untold: alarms
wait in their stream, changed configurations are found again by the registry's revision.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from andon.alarms.events import read_event
from andon.app.leading import Work, lead
from andon.engines.database.positions import ConsumerPositionRow
from andon.engines.log.port import ALERTS, Record
from andon.engines.log.records import RecordFollower
from andon.kit.errors import UnavailableError
from andon.kit.tasks import end_tasks

if TYPE_CHECKING:
    from andon.app.plant import Plant

logger = logging.getLogger(__name__)

GROUP = "mqtt-out"
NOTE_S = 5.0
_CONFIGURATIONS = ("config-push", "registry")


@asynccontextmanager
async def publishing_over_mqtt(plant: Plant) -> AsyncIterator[None]:
    """Tell the world while the block runs, in this process or in the one that holds the lease."""
    if not plant.topology.alone:
        async with lead(plant.lease(GROUP), lambda: _publishing_alone(plant)):
            yield
        return
    unsubscribe = plant.alarm_reader.subscribe(plant.mqtt_out.on_alarm)
    await plant.mqtt_out.start()
    plant.config_push.start()
    plant.system_logs.start()
    try:
        yield
    finally:
        unsubscribe()
        plant.system_logs.stop()
        plant.config_push.stop()
        await plant.mqtt_out.stop()


@asynccontextmanager
async def _publishing_alone(plant: Plant) -> AsyncIterator[Work]:
    out = plant.new_mqtt_out()

    async def tell(records: Sequence[Record]) -> None:
        for record in records:
            with contextlib.suppress(ValueError):  # the alarms' follower has said it
                out.on_alarm(read_event(record.payload))
        await plant.outlet.confirmed()

    alarms = RecordFollower(plant.log, ALERTS, tell, start_at="committed", group=GROUP)
    await out.start()
    try:
        await alarms.start()
        try:
            async with _telling_configurations(plant):
                yield None
        finally:
            await alarms.stop()
    finally:
        await out.stop()


@asynccontextmanager
async def _telling_configurations(plant: Plant) -> AsyncIterator[None]:
    """Those that changed while nobody told them come first."""
    told = await asyncio.to_thread(_told, plant)
    plant.config_push.start()
    if told is not None:
        for device in await asyncio.to_thread(plant.registry.changed_since, told):
            plant.config_push.tell(device)
    noting = asyncio.create_task(_note(plant), name="told configurations")
    try:
        yield
    finally:
        await end_tasks(noting)
        plant.config_push.stop()


async def _note(plant: Plant) -> None:
    while True:
        # The push follows the directory on this loop: what it had a turn ago is on its way.
        revision = plant.registry.revision
        await asyncio.sleep(NOTE_S)
        await plant.outlet.confirmed()
        with contextlib.suppress(UnavailableError):
            await asyncio.to_thread(_note_told, plant, revision)


def _told(plant: Plant) -> int | None:
    with plant.database.reading() as session:
        row = session.get(ConsumerPositionRow, _CONFIGURATIONS)
        return row.position if row is not None else None


def _note_told(plant: Plant, revision: int) -> None:
    consumer, stream = _CONFIGURATIONS
    with plant.database.session() as session:
        plant.lease(GROUP).guard(session)
        session.merge(ConsumerPositionRow(consumer=consumer, stream=stream, position=revision))
