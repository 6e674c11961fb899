"""The running service on a real log: it follows the samples, and starts again where it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from alarms.plant import batch
from alarms.running import Plant
from andon.alarms.service import AlarmService
from andon.alarms.settings import AlarmSettings
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import ALERTS, SENSORS_DATA
from andon.kit.clock import now_us
from andon.kit.quality import Quality
from andon.kit.samples import encode


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (what another task changes can only be asked for)
            await asyncio.sleep(0.005)


async def test_samples_in_the_log_raise_alarms_also_across_a_restart(plant: Plant, tmp_path: Path) -> None:
    tag = plant.add_device()
    log = EmbeddedLog.open(tmp_path / "log.db")

    async def publish(value: float) -> None:
        now = now_us()
        await log.append(SENSORS_DATA, [encode(batch((tag, now, value, Quality.GOOD, now)))])

    def service() -> AlarmService:
        settings = AlarmSettings(tick_s=0.02)
        return AlarmService(plant.database, log, plant.directory, plant.livestate, settings)

    first = service()
    await first.start()
    await publish(58.5)
    await until(lambda: len(first.open_alarms(plant.org)) == 1)
    await first.stop()

    await publish(40.0)  # while nobody follows
    second = service()
    await second.start()
    await until(lambda: [a.state.value for a in second.open_alarms(plant.org)] == ["rtn_unacknowledged"])
    await publish(59.0)
    await until(lambda: [a.state.value for a in second.open_alarms(plant.org)] == ["unacknowledged"])
    await second.stop()

    records = await log.read(ALERTS, 0)
    assert [msgspec.json.decode(r.payload)["change"] for r in records] == ["raised", "returned", "reraised"]
    assert await log.committed("alarms", SENSORS_DATA) == 3
    await log.close()


async def test_the_position_of_quiet_batches_is_stored_at_the_end(plant: Plant, tmp_path: Path) -> None:
    tag = plant.add_device()
    await plant.start()
    log = EmbeddedLog.open(tmp_path / "log.db")
    for second in range(5):
        now = now_us() + second
        await log.append(SENSORS_DATA, [encode(batch((tag, now, 40.0, Quality.GOOD, now)))])
    service = AlarmService(plant.database, log, plant.directory, plant.livestate, AlarmSettings(position_every_s=3600))
    await service.start()
    consumer = service.consumer
    assert consumer is not None
    await until(lambda: consumer.positions == {0: 5})
    await service.stop()
    again = AlarmService(plant.database, log, plant.directory, plant.livestate)
    await again.restore()
    assert again._judged == {0: 5}
    await log.close()
