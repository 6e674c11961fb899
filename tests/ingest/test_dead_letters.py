"""Dead letters: read back newest first, replayed when the cause is gone."""

from __future__ import annotations

import base64
import json

import pytest

from andon.engines.log.port import DEAD_LETTERS, SENSORS_DATA
from andon.kit.samples import SampleBatch, encode
from andon.registry.model import DeviceChanges

from .conftest import DATA, MakePlant, Plant, iso, s1


async def test_the_newest_come_first_and_pages_follow_each_other(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(letters_each=100)
    for i in range(7):
        plant.send(DATA, b"{" + str(i).encode())
    await plant.settle()
    letters = plant.ingest.dead_letters
    first = await letters.recent(plant.organisation, limit=3)
    assert [letter.payload for letter in first] == [b"{6", b"{5", b"{4"]
    second = await letters.recent(plant.organisation, before=first[-1].id, limit=3)
    assert [letter.payload for letter in second] == [b"{3", b"{2", b"{1"]
    third = await letters.recent(plant.organisation, before=second[-1].id, limit=3)
    assert [letter.payload for letter in third] == [b"{0"]
    assert await letters.total() == 7


async def test_none_are_an_empty_list(plant: Plant) -> None:
    assert await plant.ingest.dead_letters.recent(plant.organisation) == []
    assert await plant.ingest.dead_letters.total() == 0


async def test_another_organisation_sees_none_of_them(plant: Plant) -> None:
    plant.send(DATA, b"{")
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    assert await plant.ingest.dead_letters.recent("someone-else") == []
    assert await plant.ingest.dead_letters.get("someone-else", letter.id) is None


async def test_a_letter_goes_through_when_its_cause_is_gone(plant: Plant) -> None:
    plant.registry.update_device(
        plant.organisation, "device-001", DeviceChanges(device={"status": "disabled"}), plant.admin
    )
    plant.send(DATA, s1(value=42))
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    assert letter.replayable
    plant.registry.update_device(
        plant.organisation, "device-001", DeviceChanges(device={"status": "active"}), plant.admin
    )
    result = await plant.ingest.replay(plant.organisation, [letter.id])
    assert (result.replayed, result.failed) == (1, [])
    assert await plant.values("device-001") == [42]


async def test_a_letter_without_a_timestamp_keeps_the_time_at_which_it_came(plant: Plant) -> None:
    plant.registry.update_device(
        plant.organisation, "device-001", DeviceChanges(device={"status": "disabled"}), plant.admin
    )
    plant.send(DATA, s1(timestamp=...))
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    plant.registry.update_device(
        plant.organisation, "device-001", DeviceChanges(device={"status": "active"}), plant.admin
    )
    await plant.ingest.replay(plant.organisation, [letter.id])
    ((_, at, *_),) = await plant.rows()
    assert at == letter.at


async def test_what_still_fails_says_why_and_makes_no_new_letter(plant: Plant) -> None:
    plant.send(DATA, b"{")
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    result = await plant.ingest.replay(plant.organisation, [letter.id, 999])
    assert result.replayed == 0
    assert [letter_id for letter_id, _ in result.failed] == [letter.id, 999]
    assert "JSON" in result.failed[0][1]
    assert len(await plant.letters()) == 1


async def test_a_letter_whose_payload_was_cut_cannot_be_replayed(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_payload_bytes=100, letter_payload_bytes=50)
    plant.send(DATA, b" " * 200)
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    assert not letter.replayable
    result = await plant.ingest.replay(plant.organisation, [letter.id])
    assert "part of the payload" in result.failed[0][1]


async def test_a_replay_registers_new_signals(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant()
    limits = plant.registry._limits
    plant.registry._limits = type(limits)(max_tags_per_device=1)
    plant.send(DATA, {"timestamp": iso(), "values": {"a": 1}})
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    plant.registry._limits = limits
    result = await plant.ingest.replay(plant.organisation, [letter.id])
    assert result.failed == []
    assert await plant.values("device-001", "a") == [1]


async def test_a_record_that_a_consumer_could_not_handle_goes_into_the_log_again(plant: Plant) -> None:
    batch = encode(SampleBatch.from_rows([(1, 2, 3.0, 192, 4)]))
    letter = {"at": iso(), "source": "log", "topic": SENSORS_DATA, "reason": "handler_failed", "detail": "x"}
    letter |= {"payload": base64.b64encode(batch).decode(), "size": len(batch), "position": 9}
    position = await plant.log.append(DEAD_LETTERS, [json.dumps(letter).encode()])
    result = await plant.ingest.replay(plant.organisation, [position])
    assert result.failed == []
    assert await plant.rows() == [(1, 2, 3.0, 192, 4)]


@pytest.mark.parametrize(
    "damaged", [b"no json", b'{"at": 5}', b'{"at":"x","source":"a","topic":"","reason":"","detail":""}']
)
async def test_a_letter_that_cannot_be_read_does_not_hide_the_others(plant: Plant, damaged: bytes) -> None:
    await plant.log.append(DEAD_LETTERS, [damaged])
    plant.send(DATA, b"{")
    await plant.settle()
    reasons = [letter.reason for letter in await plant.ingest.dead_letters.recent(plant.organisation)]
    assert reasons == ["invalid_json", "unreadable_letter"]


async def test_the_bytes_kept_in_a_second_are_bounded(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(letters_each=100, letters_bytes=10_000)
    for _ in range(20):
        plant.send(DATA, b"{" * 5_000)
    letters = await plant.letters()
    assert len(letters) == 20
    assert sum(len(letter["payload"]) for letter in letters) <= 10_000 + 20 * 256
