"""The demo plant."""

from __future__ import annotations

import pytest

from andon.identity.model import Principal
from andon.kit.limits import Limits
from andon.registry.directory import Directory
from andon.registry.model import DeviceChanges
from andon.registry.service import Registry

# type, unit, limits (normal_min, normal_max, alert_min, alert_max), seconds between two values
SENSORS = {
    "device-001": ("temperature", "celsius", Limits(20, 80, 15, 85), 2),
    "device-002": ("pressure", "psi", Limits(10, 50, 5, 55), 3),
    "device-003": ("vibration", "hz", Limits(0, 100, None, 120), 1),
    "device-004": ("production", "units/hour", Limits(100, 500, 50, None), 5),
    "device-005": ("quality", "percentage", Limits(85, 100, 80, None), 4),
}


@pytest.mark.parametrize("device_id", SENSORS)
def test_the_five_sensors_are_as_specified(
    registry: Registry, directory: Directory, organisation: str, device_id: str
) -> None:
    registry.seed_demo(0)
    device = directory.device(organisation, device_id)
    assert device is not None and device.primary is not None
    tag = device.primary
    assert (device.type, tag.unit, tag.limits, tag.expected_interval_s) == SENSORS[device_id]
    assert tag.name == device.type
    assert device.name != device_id
    assert device.equipment_path[:2] == ("Demo plant", "Assembly")


def test_looms_have_width_temperature_vibration_and_a_quality_flag(
    registry: Registry, directory: Directory, organisation: str
) -> None:
    registry.seed_demo(25)
    loom = directory.device(organisation, "loom-021")
    assert loom is not None
    assert (loom.type, loom.equipment_path) == ("loom", ("Demo plant", "Weaving", "Weaving line 2"))
    assert {tag.name: (tag.unit, tag.limits) for tag in loom.tags} == {
        "bbw_value": ("mm", Limits(1590, 1610, 1585, 1615)),
        "temperature": ("celsius", Limits(18, 45, None, 60)),
        "vibration": ("mm/s", Limits(None, 4.5, None, 7.1)),
        "quality_flag": ("", Limits()),
    }
    assert loom.primary is not None and loom.primary.name == "bbw_value"


def test_the_press_waits_for_its_birth(registry: Registry, directory: Directory, organisation: str) -> None:
    registry.seed_demo(0)
    press = directory.device(organisation, "press-1")
    assert press is not None
    assert (press.type, press.protocol, press.tags) == ("press", "sparkplug", ())


def test_seeding_again_changes_nothing_that_people_changed(
    registry: Registry, directory: Directory, organisation: str, actor: Principal
) -> None:
    registry.seed_demo(2)
    registry.update_device(organisation, "device-001", DeviceChanges({"name": "Oven"}), actor)
    registry.delete_device(organisation, "device-002", actor)
    version = directory.version
    registry.seed_demo(2)
    device = directory.device(organisation, "device-001")
    assert device is not None and device.name == "Oven"
    assert directory.device(organisation, "device-002") is None
    assert directory.version == version


def test_more_looms_are_added_and_fewer_take_none_away(
    registry: Registry, directory: Directory, organisation: str
) -> None:
    for looms in (2, 5, 1):
        registry.seed_demo(looms)
    assert sum(device.type == "loom" for device in directory.devices(organisation)) == 5
