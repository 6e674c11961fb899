"""What good messages become: samples of the right tags, in the tags' units, durable before they are acknowledged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import DEAD_LETTERS, SENSORS_DATA
from andon.kit.clock import US_PER_S, now_us, parse_timestamp
from andon.kit.errors import UnavailableError
from andon.kit.quality import Quality
from andon.kit.samples import decode
from andon.registry.model import DeviceChanges

from .conftest import DATA, MakePlant, Plant, iso, s1


async def test_a_single_value_becomes_a_sample_of_the_primary_tag(plant: Plant) -> None:
    message = s1(value=75.2)
    plant.send(DATA, message)
    ((tag, at, value, quality, received),) = await plant.rows()
    primary = plant.device("device-001").primary
    assert primary is not None
    assert (tag, value, quality) == (primary.id, 75.2, Quality.GOOD)
    assert at == parse_timestamp(message["timestamp"])
    assert abs(received - now_us()) < 5 * US_PER_S


async def test_a_value_in_another_unit_is_converted(plant: Plant) -> None:
    plant.send(DATA, s1(value=212, unit="fahrenheit"))
    assert await plant.values("device-001") == [pytest.approx(100)]


async def test_several_values_become_samples_of_their_tags(plant: Plant) -> None:
    plant.send(DATA, {"deviceId": "device-001", "timestamp": iso(), "values": {"temperature": 20, "humidity": 40.5}})
    await plant.settle()
    assert await plant.values("device-001", "temperature") == [20]
    assert await plant.values("device-001", "humidity") == [40.5]


async def test_a_new_signal_of_a_known_device_becomes_a_tag_with_its_kind_and_unit(plant: Plant) -> None:
    values = {"speed": 3, "door_open": True, "recipe": "A-7"}
    plant.send(DATA, {"timestamp": iso(), "values": values, "units": {"speed": "rpm"}})
    await plant.settle()
    tags = {tag.name: (tag.kind, tag.unit) for tag in plant.device("device-001").tags}
    assert tags["speed"] == ("number", "rpm")
    assert tags["door_open"] == ("boolean", "")
    assert tags["recipe"] == ("text", "")
    assert await plant.values("device-001", "door_open") == [1.0]
    assert await plant.values("device-001", "recipe") == ["A-7"]


async def test_a_loom_measurement_becomes_four_samples(plant: Plant) -> None:
    message = {
        "time": iso(),
        "loom_id": "loom-001",
        "sensor_id": "bbw-1",
        "bbw_value": 1600.5,
        "temperature": 41.0,
        "vibration": 2.5,
        "quality_flag": 1,
        "metadata": {},
    }
    plant.send("kaldor/loom/loom-001/bbw/raw", message)
    rows = {tag: (value, quality) for tag, _, value, quality, _ in await plant.rows()}
    ids = {tag.name: tag.id for tag in plant.device("loom-001").tags}
    assert rows == {
        ids["bbw_value"]: (1600.5, Quality.UNCERTAIN),
        ids["temperature"]: (41.0, Quality.UNCERTAIN),
        ids["vibration"]: (2.5, Quality.UNCERTAIN),
        ids["quality_flag"]: (1.0, Quality.GOOD),
    }


async def test_the_quality_that_the_device_states_is_kept(plant: Plant) -> None:
    plant.send(DATA, s1(quality="bad"))
    ((_, _, _, quality, _),) = await plant.rows()
    assert quality == Quality.BAD


async def test_historical_data_of_any_age_is_taken(plant: Plant) -> None:
    plant.send(DATA, s1(timestamp="2013-12-02T21:15:00Z", historical=True))
    ((_, at, _, quality, _),) = await plant.rows()
    assert at == parse_timestamp("2013-12-02T21:15:00Z")
    assert quality == Quality.GOOD


async def test_duplicates_and_samples_out_of_order_are_all_in_the_log(plant: Plant) -> None:
    late, early = s1(value=2, timestamp=iso(-1)), s1(value=1, timestamp=iso(-5))
    for message in (late, early, late, early):
        plant.send(DATA, message)
    rows = await plant.rows()
    assert [row[2] for row in rows] == [2, 1, 2, 1]
    assert len({(row[0], row[1]) for row in rows}) == 2


async def test_a_message_is_acknowledged_after_the_log_has_it(make_plant: MakePlant, tmp_path: Any) -> None:
    log = _GatedLog(EmbeddedLog.open(tmp_path / "log.db"))
    plant: Plant = await make_plant(log)
    number = plant.send(DATA, s1())
    await log.asked.wait()
    assert plant.acknowledged == []
    log.gate.set()
    await plant.settle()
    assert plant.acknowledged == [number]
    assert len(await plant.rows()) == 1


async def test_a_refused_message_is_acknowledged_after_its_dead_letter_is_durable(plant: Plant) -> None:
    number = plant.send(DATA, "{")
    assert plant.acknowledged == []
    await plant.settle()
    assert plant.acknowledged == [number]
    assert await plant.reasons() == ["invalid_json"]


async def test_nothing_is_lost_while_the_log_refuses(make_plant: MakePlant, tmp_path: Any) -> None:
    log = _GatedLog(EmbeddedLog.open(tmp_path / "log.db"))
    log.gate.set()
    log.failures = 2
    plant: Plant = await make_plant(log)
    for value in range(5):
        plant.send(DATA, s1(value=value, timestamp=iso(value - 10)))
    assert await plant.values("device-001") == [0, 1, 2, 3, 4]
    assert len(plant.acknowledged) == 5


async def test_sources_are_held_back_while_the_log_is_behind(make_plant: MakePlant, tmp_path: Any) -> None:
    log = _GatedLog(EmbeddedLog.open(tmp_path / "log.db"))
    plant: Plant = await make_plant(log, max_pending_samples=10)
    asked: list[bool] = []
    plant.ingest.pipeline._on_full = asked.append
    plant.send(DATA, s1())
    await log.asked.wait()
    for value in range(20):
        plant.send(DATA, s1(value=value))
    assert asked == [True]
    log.gate.set()
    await plant.settle()
    assert asked == [True, False]


async def test_samples_after_a_quiet_moment_are_written_at_once(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(flush_interval_ms=200)
    plant.send(DATA, s1())
    async with asyncio.timeout(0.15):
        await plant.ingest.pipeline.settled()


async def test_a_few_messages_wait_for_one_another_and_many_are_written_soon(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(flush_interval_ms=60_000, busy_messages=3)
    plant.send(DATA, s1())
    (first,) = await plant.log.read(SENSORS_DATA, 0, wait_s=5)
    for value in (1, 2):
        plant.send(DATA, s1(value=value))
    assert await plant.log.read(SENSORS_DATA, first.position, wait_s=0.05) == []
    plant.send(DATA, s1(value=3))
    (record,) = await plant.log.read(SENSORS_DATA, first.position, wait_s=5)
    assert decode(record.payload).values.tolist() == [1, 2, 3]


def _rests(plant: Plant) -> tuple[list[bool], asyncio.Event]:
    """What the sources are told, and when the first rest is over."""
    told: list[bool] = []
    over = asyncio.Event()

    def tell(resting: bool) -> None:
        told.append(resting)
        if not resting:
            over.set()

    plant.ingest.pipeline._on_rest = tell
    return told, over


async def test_sources_rest_between_flushes_while_few_messages_come(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(busy_messages=3, many_messages=50)
    rests, over = _rests(plant)
    plant.send(DATA, s1())
    await asyncio.wait_for(over.wait(), 5)
    for value in range(50):
        plant.send(DATA, s1(value=value))
    await plant.settle()
    assert rests == [True, False], "many messages are read as they come"


async def test_sources_do_not_rest_for_ever_when_ingest_stops(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(flush_interval_ms=60_000)
    rests, _ = _rests(plant)
    plant.send(DATA, s1())
    await plant.log.read(SENSORS_DATA, 0, wait_s=5)
    await plant.ingest.pipeline.stop()
    assert not rests[-1]


async def test_a_server_that_stops_reads_nothing_more(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant()
    held: list[bool] = []
    plant.ingest.pipeline._on_rest = lambda _resting: held.append(plant.ingest.pipeline.holds_back)
    plant.send(DATA, s1())
    await plant.ingest.pipeline.stop()
    assert held
    assert all(held)


async def test_sources_rest_no_longer_than_usual_while_the_log_takes_its_time(
    make_plant: MakePlant, tmp_path: Any
) -> None:
    log = _GatedLog(EmbeddedLog.open(tmp_path / "log.db"))
    plant: Plant = await make_plant(log, flush_interval_ms=20)
    rests, over = _rests(plant)
    plant.send(DATA, s1())
    await log.asked.wait()
    await asyncio.wait_for(over.wait(), 5)
    assert rests == [True, False]
    log.gate.set()
    await plant.settle()


async def test_statuses_of_known_devices_are_kept(plant: Plant) -> None:
    plant.send("factory-plus/devices/device-001/status", {"deviceId": "device-001", "status": "online"})
    plant.send("kaldor/loom/loom-001/status", "offline")
    plant.send("kaldor/loom/stranger/status", "online")
    statuses = plant.ingest.statuses()
    assert {name: status.status for name, status in statuses.items()} == {
        "device-001": "online",
        "loom-001": "offline",
    }
    assert await plant.letters() == []


async def test_a_retained_status_that_is_taken_back_is_no_error(plant: Plant) -> None:
    plant.send("kaldor/loom/loom-001/status", b"")
    assert await plant.letters() == []


async def test_changes_of_a_device_count_from_the_next_message_on(plant: Plant) -> None:
    plant.send(DATA, s1(value=100))
    await plant.settle()
    changes = DeviceChanges(primary={"unit": "fahrenheit"})
    plant.registry.update_device(plant.organisation, "device-001", changes, plant.admin)
    plant.send(DATA, s1(value=100))
    assert await plant.values("device-001") == [100, pytest.approx(212)]


async def test_a_device_that_repeats_itself_is_judged_message_by_message(plant: Plant) -> None:
    for value in range(20):
        plant.send(DATA, s1(value=value, timestamp=iso(value / 10 - 10)))
    plant.send(DATA, s1(value=20, timestamp=iso(3_600)))
    plant.send(DATA, s1(value=21, unit="fahrenheit"))
    plant.send(DATA, s1(value=22, timestamp="2026-02-30T10:00:00.000Z"))
    plant.send(DATA, s1(value=23, deviceId="device-002"))
    plant.send(DATA, s1(value=24))
    assert await plant.values("device-001") == [*range(20), pytest.approx((21 - 32) / 1.8), 24]
    assert await plant.reasons() == ["timestamp_in_future", "invalid_timestamp", "device_mismatch"]


async def test_rates_count_messages_samples_and_refusals(plant: Plant) -> None:
    plant.send(DATA, s1())
    plant.send(DATA, "{")
    await plant.settle()
    assert sum(plant.ingest.pipeline.messages._slots) == 2
    assert sum(plant.ingest.pipeline.samples._slots) == 1
    assert sum(plant.ingest.pipeline.rejected._slots) == 1
    assert set(plant.ingest.rates()) == {"messagesPerSecond", "samplesPerSecond", "rejectedPerSecond"}


class _GatedLog:
    """A log whose disk waits for `gate`, and fails `failures` times."""

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()
        self.failures = 0

    async def append(self, stream: str, payloads: list[bytes], keys: list[str] | None = None) -> int:
        self.asked.set()
        await self.gate.wait()
        if self.failures and stream != DEAD_LETTERS:
            self.failures -= 1
            raise UnavailableError("the disk is full")
        return await self._log.append(stream, payloads, keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
