"""A device nobody announced: seen, bounded, adopted with what it showed, or dismissed."""

from __future__ import annotations

import pytest

from andon.ingest.adoption import Adoption, SignalChoice
from andon.kit.errors import ConflictError, InvalidError, NotFoundError
from andon.kit.limits import Limits
from andon.registry.model import NewDevice

from .conftest import MakePlant, Plant, iso, s1

STRANGER = "factory-plus/devices/pump-7/data"


def show(plant: Plant, count: int = 10) -> str:
    """An unknown pump publishes; returns its key."""
    for i in range(count):
        plant.send(STRANGER, s1("pump-7", 50 + i, timestamp=iso(i - count), sensorType="pressure", unit="psi"))
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    return found.key


async def test_an_unknown_device_is_listed_with_what_it_showed(plant: Plant) -> None:
    show(plant)
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert (found.device_id, found.type, found.location) == ("pump-7", "pressure", "assembly-line-1")
    assert (found.topic, found.messages) == (STRANGER, 10)
    signal = found.signals["pressure"]
    assert (signal.unit, signal.kind, signal.count, signal.last) == ("psi", "number", 10, 59)
    assert (signal.least, signal.greatest) == (50, 59)
    assert signal.interval_s == pytest.approx(1, abs=0.1)
    assert await plant.rows() == []
    assert await plant.letters() == []


async def test_limits_are_suggested_around_what_was_seen(plant: Plant) -> None:
    show(plant)
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    limits = found.signals["pressure"].suggested()
    assert limits.alert_min is not None and limits.normal_min is not None
    assert limits.alert_max is not None and limits.normal_max is not None
    assert limits.alert_min < limits.normal_min < 50 < 59 < limits.normal_max < limits.alert_max


async def test_nothing_is_suggested_from_too_little(plant: Plant) -> None:
    show(plant, count=3)
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert found.signals["pressure"].suggested() == Limits()


async def test_adopting_with_nothing_chosen_takes_what_was_suggested(plant: Plant) -> None:
    key = show(plant)
    device = await plant.ingest.adopt(plant.admin, key, Adoption())
    assert (device.device_id, device.name, device.type) == ("pump-7", "pump-7", "pressure")
    assert device.primary is not None
    assert device.primary.unit == "psi"
    assert device.primary.limits.alert_max is not None
    assert plant.ingest.discovery.count == 0


async def test_what_was_kept_is_stored_at_adoption_and_the_next_messages_are_live(plant: Plant) -> None:
    key = show(plant)
    await plant.ingest.adopt(plant.admin, key, Adoption())
    plant.send(STRANGER, s1("pump-7", 70, sensorType="pressure", unit="psi"))
    assert await plant.values("pump-7") == [*range(50, 60), 70]


async def test_choices_win_over_suggestions(plant: Plant) -> None:
    key = show(plant)
    chosen = {"pressure": SignalChoice(limits=Limits(alert_max=100))}
    choice = Adoption(name="Pump <7>", location="hall 2", unit="bar", signals=chosen)
    device = await plant.ingest.adopt(plant.admin, key, choice)
    assert (device.name, device.location) == ("Pump <7>", "hall 2")
    assert device.primary is not None
    assert device.primary.limits == Limits(alert_max=100)
    assert (await plant.values("pump-7"))[0] == pytest.approx(50 * 0.0689476, rel=1e-4)


async def test_adopting_what_is_not_there_is_an_error(plant: Plant) -> None:
    with pytest.raises(NotFoundError):
        await plant.ingest.adopt(plant.admin, "nothing", Adoption())


async def test_a_choice_that_does_not_fit_names_its_field(plant: Plant) -> None:
    key = show(plant)
    with pytest.raises(InvalidError) as error:
        await plant.ingest.adopt(plant.admin, key, Adoption(signals={"speed": SignalChoice()}))
    assert error.value.field == "signals.speed"
    assert plant.ingest.discovery.count == 1


async def test_an_id_that_was_registered_meanwhile_is_a_conflict(plant: Plant) -> None:
    key = show(plant)
    plant.registry.create_device(plant.organisation, NewDevice("pump-7", "pump"), plant.admin)
    with pytest.raises(ConflictError):
        await plant.ingest.adopt(plant.admin, key, Adoption())


async def test_a_dismissed_device_comes_back_when_it_publishes_again(plant: Plant) -> None:
    key = show(plant)
    assert plant.ingest.discovery.remove(plant.organisation, key)
    assert plant.ingest.discovery.count == 0
    assert show(plant) == key


async def test_an_unknown_loom_is_discovered_with_its_signals(plant: Plant) -> None:
    message = {"loom_id": "loom-99", "time": iso(), "bbw_value": 1600, "temperature": 40, "quality_flag": 2}
    plant.send("kaldor/loom/loom-99/bbw/raw", message)
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert found.type == "loom"
    assert {name: signal.unit for name, signal in found.signals.items()} == {
        "bbw_value": "mm",
        "temperature": "celsius",
        "quality_flag": "",
    }


async def test_bad_timestamps_of_unknown_devices_are_refused_too(plant: Plant) -> None:
    plant.send(STRANGER, s1("pump-7", timestamp=iso(600)))
    assert await plant.reasons() == ["timestamp_in_future"]
    assert plant.ingest.discovery.count == 0


async def test_the_table_is_bounded_and_says_so(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_discovered=3)
    for i in range(5):
        plant.send(f"factory-plus/devices/new-{i}/data", s1(f"new-{i}"))
    assert plant.ingest.discovery.count == 3
    assert await plant.reasons() == ["too_many_unknown_devices"] * 2


async def test_devices_that_went_away_make_room(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_discovered=1, discovered_expire_s=0)
    plant.send("factory-plus/devices/old/data", s1("old"))
    plant.send("factory-plus/devices/new/data", s1("new"))
    assert [device.device_id for device in plant.ingest.discovery.devices(plant.organisation)] == ["new"]


async def test_signals_and_samples_of_unknown_devices_are_bounded(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_signals=5, kept_samples=4, max_kept_samples=12)
    for i in range(20):
        values = {f"s{n}": i for n in range(10)} | {"text": "x" * 300}
        plant.send(STRANGER, {"timestamp": iso(i - 30), "values": values})
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert len(found.signals) == 5
    kept = [signal.kept for signal in found.signals.values()]
    assert max(map(len, kept)) <= 4
    assert sum(map(len, kept)) <= 12
    assert plant.ingest.discovery._kept == sum(map(len, kept))


async def test_dismissing_gives_the_room_back(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_all_signals=1, max_kept_samples=5)
    key = show(plant)
    plant.ingest.discovery.remove(plant.organisation, key)
    assert (plant.ingest.discovery._kept, plant.ingest.discovery._signals) == (0, 0)
    show(plant)
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert len(found.signals["pressure"].kept) == 5


async def test_another_organisation_sees_nothing_of_it(plant: Plant) -> None:
    key = show(plant)
    assert plant.ingest.discovery.devices("someone-else") == []
    assert plant.ingest.discovery.get("someone-else", key) is None
    assert not plant.ingest.discovery.remove("someone-else", key)
