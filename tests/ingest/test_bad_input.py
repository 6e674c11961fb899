"""Bad input: nothing crashes, the reason is in the dead letters, memory stays bounded."""

from __future__ import annotations

import tracemalloc

import pytest

from andon.kit.quality import Quality
from andon.registry.model import DeviceChanges

from .conftest import DATA, MakePlant, Plant, iso, s1

SPARKPLUG = "spBv1.0/Plant/{}/Edge/Press"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\x00\xff\xfe", "invalid_json"),
        (b"null", "wrong_type"),
        (b"[1, 2]", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"{}", "missing_field"),
        (b'{"value": "\xff"}', "invalid_json"),
        (b"[" * 100_000, "wrong_type"),
        (b'{"metadata": ' + b"[" * 100_000, "invalid_json"),
        (b'{"value": NaN}', "not_a_number"),
        (b'{"value": Infinity}', "not_a_number"),
        (b'{"value": -Infinity}', "not_a_number"),
        (b'{"value": 1e999}', "not_a_number"),
        (b'{"value": "seventy-five"}', "not_a_number"),
        (b'{"value": "75.2"}', "not_a_number"),
        (b'{"value": true}', "not_a_number"),
        (b'{"value": null}', "missing_field"),
        (b'{"value": {"x": 1}}', "wrong_type"),
        (b'{"value": [1]}', "wrong_type"),
        (b'{"value": 1, "timestamp": "yesterday"}', "invalid_timestamp"),
        (b'{"value": 1, "timestamp": 1e300}', "invalid_timestamp"),
        (b'{"value": 1, "timestamp": -5}', "invalid_timestamp"),
        (b'{"value": 1, "timestamp": {}}', "wrong_type"),
        (b'{"value": 1, "quality": "splendid"}', "invalid_quality"),
        (b'{"value": 1, "unit": 5}', "wrong_type"),
        (b'{"value": 1, "unit": "kilogram"}', "unit_mismatch"),
        (b'{"value": 1, "unit": "<script>alert(1)</script>"}', "unit_mismatch"),
        (b'{"value": 1, "deviceId": "device-002"}', "device_mismatch"),
        (b'{"value": 1, "values": {"a": 1}}', "invalid_message"),
        (b'{"values": {}}', "missing_field"),
    ],
)
async def test_a_broken_message_is_a_dead_letter_with_its_reason(plant: Plant, payload: bytes, reason: str) -> None:
    number = plant.send(DATA, payload)
    letters = await plant.letters()
    assert [letter["reason"] for letter in letters] == [reason]
    assert letters[0]["topic"] == DATA
    assert letters[0]["source"] == "mqtt"
    assert letters[0]["detail"]
    assert letters[0]["payload"] == payload[: 64 << 10]
    assert letters[0]["size"] == len(payload)
    assert await plant.rows() == []
    assert plant.acknowledged == [number]


async def test_the_next_good_message_is_taken_as_if_nothing_had_been(plant: Plant) -> None:
    plant.send(DATA, b"{")
    plant.send(DATA, s1(value=1))
    assert await plant.values("device-001") == [1]


async def test_good_values_beside_a_bad_one_are_kept(plant: Plant) -> None:
    plant.send(DATA, {"timestamp": iso(), "values": {"temperature": 20}})
    plant.send(DATA, {"timestamp": iso(), "values": {"temperature": "hot", "humidity": 40}})
    assert await plant.values("device-001", "humidity") == [40]
    (letter,) = await plant.letters()
    assert letter["reason"] == "not_a_number"
    assert "1 of 2 signals" in letter["detail"]


async def test_a_missing_timestamp_is_the_receive_time_with_an_uncertain_clock(plant: Plant) -> None:
    plant.send(DATA, s1(timestamp=...))
    ((_, at, _, quality, received),) = await plant.rows()
    assert at == received
    assert quality == Quality.UNCERTAIN_CLOCK


async def test_the_year_2000_is_too_old(plant: Plant) -> None:
    plant.send(DATA, s1(timestamp="2000-01-01T00:00:00Z"))
    assert await plant.reasons() == ["timestamp_too_old"]
    assert await plant.rows() == []


async def test_ten_minutes_ahead_is_refused(plant: Plant) -> None:
    plant.send(DATA, s1(timestamp=iso(600)))
    assert await plant.reasons() == ["timestamp_in_future"]
    assert await plant.rows() == []


async def test_a_clock_somewhat_ahead_is_flagged_and_shown(plant: Plant) -> None:
    plant.send(DATA, s1(timestamp=iso(30)))
    ((_, _, _, quality, _),) = await plant.rows()
    assert quality == Quality.UNCERTAIN_CLOCK
    assert plant.ingest.clock_offsets()["device-001"] == pytest.approx(30, abs=2)


async def test_a_payload_over_the_limit_is_refused_and_its_beginning_kept(plant: Plant) -> None:
    payload = b'{"value": 1, "status": "' + b"x" * (10 << 20) + b'"}'
    plant.send(DATA, payload)
    (letter,) = await plant.letters()
    assert letter["reason"] == "payload_too_large"
    assert letter["size"] == len(payload)
    assert letter["payload"] == payload[: 64 << 10]


async def test_text_beyond_its_limit_is_refused(plant: Plant) -> None:
    plant.send(DATA, {"values": {"note": "x" * 5_000}})
    assert await plant.reasons() == ["text_too_long"]


async def test_a_disabled_device_is_refused(plant: Plant) -> None:
    plant.registry.update_device(
        plant.organisation, "device-001", DeviceChanges(device={"status": "disabled"}), plant.admin
    )
    plant.send(DATA, s1())
    assert await plant.reasons() == ["device_disabled"]


@pytest.mark.parametrize(
    "topic",
    [
        "factory-plus/devices/device-001/commands",
        "factory-plus/alerts/critical",
        "some/other/topic",
        "factory-plus/devices//data",
        "",
        "/",
        "spBv1.0",
        "spBv1.0/G/NOTHING/E",
        "spBv1.0/G/NBIRTH",
        "kaldor/loom/x",
    ],
)
async def test_topics_that_carry_no_data_are_refused(plant: Plant, topic: str) -> None:
    plant.send(topic, s1())
    assert len(await plant.letters()) == 1
    assert plant.ingest.discovery.count == 0


@pytest.mark.parametrize("name", ["<script>", "'; DROP TABLE devices; --", "a b", "ü", "x" * 200])
async def test_device_ids_that_cannot_be_are_refused(plant: Plant, name: str) -> None:
    plant.send(f"factory-plus/devices/{name}/data", s1(name))
    assert await plant.reasons() == ["invalid_device_id"]
    assert plant.ingest.discovery.count == 0


async def test_sql_and_html_in_signal_names_are_just_names(plant: Plant) -> None:
    names = ["'; DROP TABLE tags; --", "<img src=x onerror=alert(1)>", "ünïcode 漢字"]
    plant.send(DATA, {"timestamp": iso(), "values": {name: i for i, name in enumerate(names)}})
    await plant.settle()
    for i, name in enumerate(names):
        assert await plant.values("device-001", name) == [i]


async def test_names_with_control_characters_are_refused(plant: Plant) -> None:
    plant.send(DATA, {"timestamp": iso(), "values": {"line\nbreak": 1}})
    assert await plant.reasons() == ["signals_refused"]


@pytest.mark.parametrize("kind", ["NBIRTH", "NDATA", "DBIRTH", "DDATA", "NDEATH", "DDEATH"])
async def test_broken_protobuf_is_a_dead_letter(plant: Plant, kind: str) -> None:
    topic = SPARKPLUG.format(kind) if kind[0] == "D" else SPARKPLUG.format(kind).rpartition("/")[0]
    plant.send(topic, b"\xff\xff\xff this is no protobuf", qos=0)
    reasons = await plant.reasons()
    assert len(reasons) == 1
    assert reasons[0] in ("invalid_payload", "not_born")


async def test_tens_of_thousands_of_topics_cost_no_memory_that_stays(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_discovered=100)
    tracemalloc.start()
    payload = b'{"value": 1}'
    for i in range(2_000):
        plant.send(f"factory-plus/devices/d{i}/data", payload)
    await plant.settle()
    plant.acknowledged.clear()
    before = tracemalloc.get_traced_memory()[0]
    for i in range(2_000, 12_000):
        plant.send(f"factory-plus/devices/d{i}/data", payload, qos=0)
        plant.send(f"spBv1.0/g{i}/NDATA/e", b"", qos=0)
        if i % 1_000 == 0:
            await plant.settle()
    await plant.settle()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert plant.ingest.discovery.count == 100
    assert len(plant.ingest._routes._routes) == 0
    assert len(plant.ingest.sparkplug._nodes) <= 1_000
    assert grown < 4 << 20
    assert "too_many_unknown_devices" in await plant.reasons()


async def test_a_flood_of_refusals_is_counted_not_kept(plant: Plant) -> None:
    for _ in range(3_000):
        plant.send(DATA, b"{")
    await plant.settle()
    plant.ingest.dead_letters._end_window()
    letters = await plant.letters()
    assert len(letters) == plant.ingest.settings.letters_each + 1
    assert letters[-1]["count"] == 3_000 - plant.ingest.settings.letters_each
    assert letters[-1]["detail"] == "and 2,995 more"
    assert len(plant.acknowledged) == 3_000


async def test_one_flood_does_not_hide_another_kind_of_refusal(plant: Plant) -> None:
    for i in range(500):
        plant.send(f"some/topic/{i}", b"{")
    plant.send(DATA, b"{")
    assert "invalid_json" in await plant.reasons()


async def test_a_fault_of_our_own_is_a_dead_letter_too(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(topic: str) -> None:
        raise ZeroDivisionError("bug")

    monkeypatch.setattr(plant.ingest._routes, "find", broken)
    plant.send(DATA, s1())
    assert await plant.reasons() == ["internal_error"]


async def test_new_signals_over_the_limit_are_refused_and_known_ones_still_taken(plant: Plant) -> None:
    plant.registry._limits = type(plant.registry._limits)(max_tags_per_device=3)
    plant.send(DATA, {"timestamp": iso(), "values": {f"s{i}": i for i in range(10)}})
    assert await plant.reasons() == ["signals_refused"]
    plant.send(DATA, {"timestamp": iso(), "values": {"s1": 1, "s2": 2}})
    plant.send(DATA, s1(value=5))
    assert await plant.values("device-001") == [5]
