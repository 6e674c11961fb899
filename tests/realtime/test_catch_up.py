"""What a client missed comes back after a drop: complete within the limits, and it is said when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from andon.engines.log.port import SENSORS_DATA
from andon.kit.clock import US_PER_S, to_iso
from andon.kit.samples import IMPORTED, SampleBatch, encode
from andon.realtime.settings import RealtimeSettings
from realtime.harness import AT, PRESSURE, TEMPERATURE, Listener, Plant, row, running, until


async def samples(plant: Plant, count: int, first: int = 0) -> int:
    """One record each: temperature `first + n` at second `first + n`, and a pressure nobody asked for."""
    position = 0
    for n in range(first, first + count):
        at = AT + n * US_PER_S
        position = await plant.sample(row(TEMPERATURE, float(n), at), row(PRESSURE, 30.0, at))
    await until(lambda: plant.service.fanout.position == position)
    return position


def seconds(frames: list[tuple[str, Any]]) -> list[float]:
    """The values in the frames, which count seconds."""
    bodies = [body for event, body in frames if event == "sensor-frame"]
    return [sample[3] for body in bodies for sample in body["samples"]]


async def test_resume_before_subscribing_gives_back_what_was_missed_then_live(plant: Plant) -> None:
    seen = await samples(plant, 3)
    upto = await samples(plant, 4, first=3)
    listener = await plant.listen()
    await listener.ask("resume", {"position": seen})
    answer = await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
    assert (answer["samples"], answer["truncated"]) == (4, False)
    await samples(plant, 1, first=7)
    heard = await listener.all()
    assert seconds(heard) == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert ("resumed", {"position": upto, "samples": 4, "truncated": False}) in heard


async def test_resume_after_subscribing_gives_it_back_as_well(plant: Plant) -> None:
    seen = await samples(plant, 3)
    await samples(plant, 4, first=3)
    listener = await plant.listen()
    await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
    await listener.ask("resume", {"position": seen})
    assert seconds(await listener.all()) == [6.0, 3.0, 4.0, 5.0, 6.0]


async def test_since_gives_back_what_is_newer_as_sensor_data(plant: Plant) -> None:
    await samples(plant, 6)
    listener = await plant.listen()
    await listener.ask("subscribe-device", {"deviceId": "device-001", "since": to_iso(AT + 2 * US_PER_S)})
    bodies = [body for event, body in await listener.all() if event == "sensor-data"]
    assert [(body["timestamp"][17:19], body["data"]["value"]) for body in bodies] == [
        ("03", 3.0),
        ("04", 4.0),
        ("05", 5.0),
    ]


async def test_since_gives_back_what_was_buffered_and_came_late(plant: Plant) -> None:
    await samples(plant, 2)
    now = AT + 3600 * US_PER_S
    position = await plant.sample(row(TEMPERATURE, 99.0, AT + 30 * US_PER_S, received=now))
    await until(lambda: plant.service.fanout.position == position)
    listener = await plant.listen()
    since = to_iso(AT + 10 * US_PER_S)
    await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True, "since": since})
    assert seconds(await listener.all()) == [99.0]


async def test_nothing_missed_is_nothing_sent(plant: Plant) -> None:
    seen = await samples(plant, 3)
    listener = await plant.listen()
    await listener.ask("resume", {"position": seen})
    answer = await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
    assert (answer["samples"], answer["truncated"]) == (0, False)
    assert seconds(await listener.all()) == []


async def test_too_much_is_cut_to_the_newest_and_said(tmp_path: Any) -> None:
    async with running(tmp_path, RealtimeSettings(catch_up_samples=5)) as plant:
        await samples(plant, 20)
        listener = await plant.listen()
        await listener.ask("resume", {"position": 0})
        answer = await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
        assert (answer["samples"], answer["truncated"]) == (5, True)
        assert seconds(await listener.all()) == [15.0, 16.0, 17.0, 18.0, 19.0]


async def test_only_so_many_records_are_searched(tmp_path: Any) -> None:
    async with running(tmp_path, RealtimeSettings(catch_up_records=4)) as plant:
        await samples(plant, 20)
        listener = await plant.listen()
        await listener.ask("resume", {"position": 2})
        answer = await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
        assert (answer["samples"], answer["truncated"]) == (4, True)


async def test_a_position_of_another_log_is_no_error_but_a_gap(plant: Plant) -> None:
    await samples(plant, 3)
    listener = await plant.listen()
    await listener.ask("resume", {"position": 1_000_000})
    answer = await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
    assert (answer["samples"], answer["truncated"]) == (0, True)


async def test_many_missed_samples_come_in_several_frames_that_can_be_resumed(tmp_path: Any) -> None:
    async with running(tmp_path, RealtimeSettings(frame_samples=4)) as plant:
        seen = await samples(plant, 1)
        upto = await samples(plant, 10, first=1)
        listener = await plant.listen()
        await listener.ask("resume", {"position": seen})
        await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
        frames = [body for event, body in await listener.all() if event == "sensor-frame"]
        assert [len(frame["samples"]) for frame in frames] == [4, 4, 2]
        # Whoever drops in between asks again from where it was: nothing is lost.
        assert [frame["position"] for frame in frames] == [seen, seen, upto]


@pytest.mark.parametrize("payload", [{}, {"position": -1}, {"position": "7"}, {"position": True}, "x"])
async def test_a_position_that_is_none_is_an_error(listener: Listener, payload: Any) -> None:
    await listener.ask("resume", payload)
    assert (await listener.next("error"))["field"] == "position"


@pytest.mark.parametrize("since", ["yesterday", -5, {}, True])
async def test_a_since_that_is_no_time_is_an_error(listener: Listener, since: Any) -> None:
    await listener.ask("subscribe-device", {"deviceId": "device-001", "since": since})
    assert (await listener.next("error"))["field"] == "since"


async def test_what_was_imported_meanwhile_is_not_sent_as_news(plant: Plant) -> None:
    seen = await samples(plant, 1)
    old = SampleBatch.from_rows([row(TEMPERATURE, 55.0, AT)]).with_marks(IMPORTED)
    await plant.log.append(SENSORS_DATA, [encode(old)])
    await samples(plant, 1, first=7)
    listener = await plant.listen()
    await listener.ask("resume", {"position": seen})
    await listener.ask("subscribe-device", {"deviceId": "device-001", "frames": True})
    await plant.log.append(SENSORS_DATA, [encode(old)])
    await samples(plant, 1, first=8)
    assert seconds(await listener.all()) == [7.0, 8.0]
