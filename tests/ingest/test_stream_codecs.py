"""Samples on the stream `sensors-data`: as JSON for everybody, as columns by device; both can be read at any time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.log.kafka.murmur import key_hash
from andon.engines.log.port import Record
from andon.ingest.settings import IngestSettings
from andon.ingest.stream_columns import KeyedColumns
from andon.ingest.stream_json import JsonSamples
from andon.ingest.timing import TimePolicy
from andon.kit.clock import US_PER_DAY, US_PER_S, parse_timestamp, to_iso
from andon.kit.errors import UnavailableError
from andon.kit.limits import Limits
from andon.kit.samples import IMPORTED, PINNED, SampleBatch, encode
from andon.registry.directory import DeviceInfo, Directory, TagInfo

AT = parse_timestamp("2025-01-11T10:00:00.000Z")
ORG, OTHER = "org-1", "org-2"
TEMPERATURE, RUNNING, RECIPE, WIDTH, VIBRATION, STRANGE, OFF = range(1, 8)


def tag(tag_id: int, device: str, name: str, unit: str = "", kind: str = "number", org: str = ORG) -> TagInfo:
    limits = Limits(None, None, None, None)
    return TagInfo(
        tag_id, org, f"{org}/{device}", device, name, unit, kind, 1, False, limits, 0.0, 0.0, 0.0, "high", None
    )


def device(device_id: str, *tags: TagInfo, org: str = ORG, status: str = "active") -> DeviceInfo:
    uuid, place = f"{org}/{device_id}", ("Plant",)
    return DeviceInfo(
        uuid, org, device_id, "", "", "assembly-line-1", "mqtt", status, 30.0, "p", place, "UTC", tags, AT
    )


def plant() -> Directory:
    directory = Directory()
    directory.default_organisation = ORG
    directory.replace(
        [
            device("device-001", tag(TEMPERATURE, "device-001", "temperature", "celsius")),
            device(
                "press", tag(RUNNING, "press", "running", kind="boolean"), tag(RECIPE, "press", "recipe", kind="text")
            ),
            device("loom-001", tag(WIDTH, "loom-001", "bbw_value", "mm"), tag(VIBRATION, "loom-001", "vibration")),
            device("device-001", tag(STRANGE, "device-001", "temperature", "celsius", org=OTHER), org=OTHER),
            device("off", tag(OFF, "off", "x"), status="disabled"),
        ]
    )
    return directory


@pytest.fixture
def directory() -> Directory:
    return plant()


@pytest.fixture
def codec(directory: Directory) -> JsonSamples:
    return JsonSamples(directory, TimePolicy(IngestSettings()), clock=lambda: AT)


def records(payloads: list[bytes]) -> list[Record]:
    return [Record(i + 1, payload, AT) for i, payload in enumerate(payloads)]


async def refused(codec: JsonSamples, *messages: Any) -> list[str]:
    payloads = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in messages]
    decoded = await codec.decode(records(payloads))
    return [each.reason for each in decoded.refused]


async def rows(codec: JsonSamples, *messages: Any) -> list[Any]:
    decoded = await codec.decode(records([json.dumps(each).encode() for each in messages]))
    assert not decoded.refused, decoded.refused
    return list(decoded.batch.rows())


S1 = {
    "deviceId": "device-001",
    "timestamp": "2025-01-11T10:00:00.000Z",
    "sensorType": "temperature",
    "value": 75.2,
    "unit": "celsius",
    "location": "assembly-line-1",
    "status": "active",
}


async def test_a_message_is_the_documented_one_with_when_it_was_received(codec: JsonSamples) -> None:
    batch = SampleBatch.from_rows([(TEMPERATURE, AT, 75.2, 192, AT + 12_000)])
    payloads, keys = codec.encode([batch])
    assert [json.loads(payload) for payload in payloads] == [{**S1, "received": "2025-01-11T10:00:00.012Z"}]
    assert keys == ["device-001"]
    assert list(json.loads(payloads[0])) == [*S1, "received"], "in the documented order"


async def test_another_program_may_write_the_documented_message(codec: JsonSamples) -> None:
    assert await rows(codec, S1) == [(TEMPERATURE, AT, 75.2, 192, AT)]


async def test_another_program_may_write_whatever_a_device_may_send(codec: JsonSamples) -> None:
    assert await rows(codec, {"deviceId": "device-001", "value": 5}) == [(TEMPERATURE, AT, 5.0, 68, AT)]
    assert await rows(codec, {**S1, "sensorType": "whatever"}) == [(TEMPERATURE, AT, 75.2, 192, AT)]
    ((_, _, value, *_),) = await rows(codec, {**S1, "value": 212, "unit": "fahrenheit"})
    assert value == pytest.approx(100)
    assert await rows(codec, {**S1, "timestamp": AT // 1000}) == [(TEMPERATURE, AT, 75.2, 192, AT)]
    assert await rows(codec, {**S1, "quality": "bad"}) == [(TEMPERATURE, AT, 75.2, 0, AT)]
    loom = {"deviceId": "loom-001", "timestamp": to_iso(AT), "values": {"bbw_value": 1600, "vibration": 0.5}}
    assert await rows(codec, loom) == [(WIDTH, AT, 1600.0, 192, AT), (VIBRATION, AT, 0.5, 192, AT)]
    press = {"deviceId": "press", "timestamp": to_iso(AT), "values": {"running": True, "recipe": "A"}}
    assert await rows(codec, press) == [(RUNNING, AT, 1.0, 192, AT), (RECIPE, AT, "A", 192, AT)]


async def test_what_cannot_be_taken_is_refused_with_its_reason(codec: JsonSamples) -> None:
    found = await refused(
        codec,
        b"garbage",
        b"\xff\xfe",
        b"",
        b"[]",
        b"AS1\0cut",
        {},
        {"deviceId": "device-001"},
        {**S1, "value": None},
        {**S1, "value": "hot"},
        {**S1, "deviceId": "nobody"},
        {**S1, "deviceId": "off"},
        {**S1, "unit": "mm"},
        {**S1, "timestamp": "yesterday"},
        {**S1, "timestamp": to_iso(AT + 3600 * US_PER_S)},
        {**S1, "timestamp": to_iso(AT - 60 * US_PER_DAY)},
        {**S1, "timestamp": "1960-01-01T00:00:00Z"},
        {"deviceId": "loom-001", "values": {"colour": 1}},
    )
    assert len(found) == 17
    assert found[9:] == [
        "unknown_device",
        "device_disabled",
        "unit_mismatch",
        "invalid_timestamp",
        "timestamp_in_future",
        "timestamp_too_old",
        "invalid_timestamp",
        "unknown_tag",
    ]


async def test_the_good_among_the_bad_are_taken_in_order(codec: JsonSamples) -> None:
    good = json.dumps(S1).encode()
    columns = encode(SampleBatch.from_rows([(WIDTH, AT, 1.0, 192, AT), (WIDTH, AT + 1, 2.0, 192, AT)]))
    decoded = await codec.decode(records([good, b"x", columns, good, b"y", columns]))
    assert decoded.batch.values.tolist() == [75.2, 1.0, 2.0, 75.2, 1.0, 2.0]
    assert [each.record.position for each in decoded.refused] == [2, 5]


VALUES = {
    TEMPERATURE: st.floats(allow_infinity=False),
    RUNNING: st.sampled_from([0.0, 1.0]),
    RECIPE: st.text(max_size=20),
    WIDTH: st.floats(allow_infinity=False),
    STRANGE: st.floats(allow_infinity=False),
}
TIMES = st.integers(0, parse_timestamp("2100-01-01T00:00:00Z"))
SAMPLES = st.sampled_from(sorted(VALUES)).flatmap(
    lambda tag_id: st.tuples(st.just(tag_id), TIMES, VALUES[tag_id], st.integers(0, 255), TIMES)
)


@given(st.lists(SAMPLES, max_size=20), st.sampled_from([0, IMPORTED, IMPORTED | PINNED]))
async def test_json_gives_back_every_sample_exactly(samples: list[Any], marks: int) -> None:
    codec = JsonSamples(plant(), TimePolicy(IngestSettings()), clock=lambda: AT)
    batch = SampleBatch.from_rows(samples).with_marks(marks)
    decoded = await codec.decode(records(codec.encode([batch]).payloads))
    assert not decoded.refused
    assert repr(list(decoded.batch.rows())) == repr(samples)
    assert (decoded.batch.marked(IMPORTED) == batch.marked(IMPORTED)).all()
    assert (decoded.batch.marked(PINNED) == batch.marked(PINNED)).all()


@given(st.binary(max_size=60))
async def test_no_payload_stops_it(payload: bytes) -> None:
    codec = JsonSamples(plant(), TimePolicy(IngestSettings()), clock=lambda: AT)
    decoded = await codec.decode([Record(1, payload, AT)])
    assert len(decoded.refused) == 1 or len(decoded.batch) >= 0


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.dictionaries(st.text(), x)))
async def test_no_field_stops_it(anything: Any) -> None:
    codec = JsonSamples(plant(), TimePolicy(IngestSettings()), clock=lambda: AT)
    for name in ("deviceId", "timestamp", "value", "values", "sensorType", "unit", "quality", "received", "imported"):
        payload = json.dumps({**S1, name: anything}).encode()
        decoded = await codec.decode([Record(1, payload, AT)])
        assert len(decoded.refused) + len(decoded.batch) >= 0


async def test_a_device_that_another_process_has_just_registered_is_waited_for(directory: Directory) -> None:
    codec = JsonSamples(directory, TimePolicy(IngestSettings()), clock=lambda: AT)

    async def catch_up() -> bool:
        directory.put(device("new", tag(50, "new", "x")))
        return True

    directory.follow(catch_up)
    assert await rows(codec, {**S1, "deviceId": "new", "sensorType": "x", "unit": ""}) == [(50, AT, 75.2, 192, AT)]


async def test_while_nobody_can_tell_who_is_registered_nothing_is_refused(directory: Directory) -> None:
    codec = JsonSamples(directory, TimePolicy(IngestSettings()), clock=lambda: AT)

    async def catch_up() -> bool:
        return False

    directory.follow(catch_up)
    with pytest.raises(UnavailableError):
        await rows(codec, {**S1, "deviceId": "new"})
    assert len(await rows(codec, S1)) == 1


async def test_what_andon_wrote_is_in_the_tags_unit_whatever_that_is_called_here(codec: JsonSamples) -> None:
    """The process that wrote it may know of a changed unit before this one does."""
    own = {**S1, "unit": "fahrenheit", "received": S1["timestamp"]}
    assert await rows(codec, own, {**own, "extra": [1]}) == [(TEMPERATURE, AT, 75.2, 192, AT)] * 2
    assert await refused(codec, {**S1, "unit": "psi"}) == ["unit_mismatch"]


@pytest.mark.parametrize("partitions", [1, 2, 5, 8])
async def test_columns_go_to_the_partition_of_their_device(directory: Directory, partitions: int) -> None:
    reader = JsonSamples(directory, TimePolicy(IngestSettings()), clock=lambda: AT)
    codec = KeyedColumns(directory, reader, lambda: partitions, key_hash, 1 << 20)
    samples = [(tag_id, AT + i, float(i), 192, AT) for i, tag_id in enumerate([TEMPERATURE, WIDTH, RUNNING, WIDTH] * 9)]
    payloads, keys = codec.encode([SampleBatch.from_rows(samples)])
    assert keys is not None
    seen: list[tuple[Any, ...]] = []
    for payload, key in zip(payloads, keys, strict=True):
        batch = (await codec.decode([Record(1, payload)])).batch
        homes = {key_hash(codec.key(tag_id)) % partitions for tag_id in batch.tag_ids.tolist()}
        assert homes == {key_hash(key) % partitions}
        assert (np.diff(batch.timestamps) > 0).all(), "in order"
        seen += batch.rows()
    assert sorted(seen) == sorted(samples)
    assert len(payloads) <= partitions


async def test_columns_are_divided_where_a_record_would_be_too_large(directory: Directory) -> None:
    reader = JsonSamples(directory, TimePolicy(IngestSettings()), clock=lambda: AT)
    codec = KeyedColumns(directory, reader, lambda: 1, key_hash, 1000)
    samples = [(WIDTH, AT + i, float(i), 192, AT) for i in range(500)]
    payloads, _ = codec.encode([SampleBatch.from_rows(samples)])
    assert max(map(len, payloads)) <= 1000
    assert list((await codec.decode(records(payloads))).batch.rows()) == samples
