"""Names survive the way into InfluxDB and back, whatever they are made of, and never meet each other's fields."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.historian.stores.influx import names, signals
from andon.historian.stores.influx.signals import (
    BEGINNING,
    Place,
    Stretch,
    Whereabouts,
    place_of,
    settled,
    unregistered,
)
from andon.historian.stores.influx.store import InfluxStore
from andon.kit.samples import SampleBatch
from historian.influx.support import opened
from historian.support import T0, batch, device, directory, tag

PARTS = st.sampled_from(["x", "_", "_quality", "_text", "time", "_delay"])
ODD = ["a b", "a,b", "a=b", 'a"b', "a'b", "a\\", "a\\,b", "größe µm", "#a", "time", "value", "x;DROP DATABASE y", "/a/"]


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("".join), min_size=2, max_size=2, unique=True))
def test_different_tags_have_different_fields(tags: list[str]) -> None:
    one, other = (names.field_name(each) for each in tags)
    suffixes = (names.QUALITY, names.TEXT, names.UNUSABLE, names.DELAY)
    assert {one, *(one + each for each in suffixes)}.isdisjoint({other, *(other + each for each in suffixes)})


@pytest.mark.parametrize("name", ["time", "time_", "location", "device_id", "speed_quality", "speed_text_"])
def test_names_that_are_taken_get_another_field(name: str) -> None:
    assert names.field_name(name) == f"{name}_"


@pytest.mark.parametrize("name", ["bbw_value", "quality_flag", "temperature", "_", "text"])
def test_all_other_fields_are_called_as_their_tag(name: str) -> None:
    assert names.field_name(name) == name


def test_measurements_do_not_meet_andons_own() -> None:
    assert names.measurement_name("loom") == "loom"
    assert names.measurement_name("andon_position") == "andon_position_"
    assert names.measurement_name("loom:hour") == "loom:hour_"


def test_a_tag_lies_where_the_registry_says() -> None:
    force = tag(1, "press-1", "force")
    press = replace(device("press-1", [force]), uuid=force.device_uuid, type="press", location="hall\\1")
    describe = signals.by_directory(directory(press))
    assert describe(1) == Place("press", ("org-1", "hall＼1", "press-1", ""), "force")
    assert describe(2) == unregistered(2) == Place("unregistered", ("", "", "", "2"), "value")


async def test_odd_names_come_back(influx_url: str) -> None:
    places = {
        number: place_of(f"type {name}", f"org {name}", f"place {name}", f"device {name}", f"tag {name}")
        for number, name in enumerate(ODD, 1)
    }
    async with opened(influx_url) as store:
        store.describe = places.__getitem__
        await store.write(batch(*((number, T0, float(number)) for number in places)), 1)
        for number in places:
            assert (await store.read(number, 0, 10**16, 10)).values.tolist() == [float(number)]
        latest = await store.latest(list(places))
        assert latest.values.tolist() == [float(number) for number in places]
        assert (await store.size()).samples == len(ODD)


def test_a_moment_has_exactly_one_place() -> None:
    old, new = (place_of("loom", "org-1", hall, "loom-1", "speed") for hall in ("hall 1", "hall 2"))
    where = settled(1, old).moved(100, new)
    assert [where.at(moment) for moment in (0, 99, 100, 101)] == [old, old, new, new]
    assert where.between(50, 150) == [(old, 50, 100), (new, 100, 150)]
    assert where.between(0, 100) == [(old, 0, 100)]
    back = where.moved(100, old)
    assert back == Whereabouts(1, (Stretch(BEGINNING, old), Stretch(100, old)))
    assert signals.decode(1, signals.encode(where)) == where


async def test_a_device_that_moves_leaves_its_past_where_it_was(influx_url: str) -> None:
    hall = ["hall 1"]
    async with opened(influx_url) as store:
        store.describe = lambda _: place_of("loom", "org-1", hall[0], "loom-1", "speed")
        await store.write(batch((1, T0, 1.0), (1, T0 + 10, 2.0)), 1)
        hall[0] = "hall 2"
        await store.write(batch((1, T0 + 20, 3.0), (1, T0 + 5, 9.0), (1, T0 + 10, 2.5)), 2)
        assert (await store.read(1, 0, 10**16, 10)).values.tolist() == [1.0, 9.0, 2.5, 3.0]
        found = await by_location(store)
        assert found == {"hall 1": 3, "hall 2": 1}


async def by_location(store: InfluxStore) -> dict[str, int]:
    answer = await store._client.query("SELECT count(speed) FROM loom GROUP BY location")
    return {series.tags["location"]: series.values[0][1] for series in answer[0]}


async def test_another_process_finds_what_was_stored(influx_url: str) -> None:
    async with opened(influx_url) as one, opened(influx_url) as other:
        await one.write(batch((1, T0, 1.0)), 1)
        assert (await other.read(1, 0, 10**16, 10)).values.tolist() == [1.0]
        assert await other.position() == 1
        empty: SampleBatch = await other.latest([2])
        assert len(empty) == 0
