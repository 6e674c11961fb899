"""The demo plant: five sensors on the lines, a hall of looms and a press."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from andon.identity.tables import OrganisationRow
from andon.kit.limits import Limits
from andon.registry import repository
from andon.registry.model import NewDevice, NewTag, check_device
from andon.registry.places import AREA, SITE, WORK_CENTER, Tree
from andon.registry.rows import device_row, tag_row

SITE_NAME = "Demo plant"
LOOMS_A_LINE = 20


class _Seed(NamedTuple):
    """A device, and the area and line that it stands on."""

    area: str
    line: str
    device: NewDevice


def seed_demo(session: Session, organisation: OrganisationRow, looms: int) -> int:
    """Add the demo's places, devices and tags that were never there; how many devices that were."""
    tree = Tree(session, organisation)
    site = tree.ensure(SITE, SITE_NAME, tree.root())
    known = repository.device_ids(session, organisation.id)
    fresh = [seed for seed in (*_SENSORS, *_looms(looms), _PRESS) if seed.device.device_id not in known]
    rows = []
    for seed in fresh:
        check_device(seed.device)
        line = tree.ensure(WORK_CENTER, seed.line, tree.ensure(AREA, seed.area, site))
        rows.append(device_row(seed.device, organisation.id, line.id))
    session.add_all(rows)
    session.flush()  # now: tags must not be written before their devices
    session.add_all(tag_row(tag, row) for row, seed in zip(rows, fresh, strict=True) for tag in seed.device.tags)
    session.flush()
    return len(fresh)


def _sensor(device_id: str, name: str, location: str, tag: NewTag) -> NewDevice:
    return NewDevice(device_id, tag.name, location, name, "mqtt", (tag,))


def _tag(
    name: str,
    unit: str,
    limits: Limits,
    interval_s: float,
    *,
    decimals: int = 1,
    severity: str = "medium",
    deadband: float = 0.0,
    primary: bool = True,
) -> NewTag:
    return NewTag(
        name,
        unit,
        decimals=decimals,
        is_primary=primary,
        limits=limits,
        deadband=deadband,
        severity=severity,
        expected_interval_s=interval_s,
    )


_SENSORS: Sequence[_Seed] = (
    _Seed(
        "Assembly",
        "Line 1",
        _sensor(
            "device-001",
            "Furnace temperature",
            "assembly-line-1",
            _tag("temperature", "celsius", Limits(20, 80, 15, 85), 2, severity="high", deadband=1),
        ),
    ),
    _Seed(
        "Assembly",
        "Line 1",
        _sensor(
            "device-002",
            "Hydraulic pressure",
            "assembly-line-1",
            _tag("pressure", "psi", Limits(10, 50, 5, 55), 3, severity="high", deadband=0.5),
        ),
    ),
    _Seed(
        "Assembly",
        "Line 2",
        _sensor(
            "device-003",
            "Spindle vibration",
            "assembly-line-2",
            _tag("vibration", "hz", Limits(0, 100, None, 120), 1, severity="critical", deadband=2),
        ),
    ),
    _Seed(
        "Assembly",
        "Packaging line 1",
        _sensor(
            "device-004",
            "Production counter",
            "packaging-line-1",
            _tag("production", "units/hour", Limits(100, 500, 50, None), 5, decimals=0, deadband=5),
        ),
    ),
    _Seed(
        "Assembly",
        "Quality station 1",
        _sensor(
            "device-005",
            "Quality score",
            "quality-station-1",
            _tag("quality", "percentage", Limits(85, 100, 80, None), 4, deadband=0.5),
        ),
    ),
)

# Its tags come with its birth certificate.
_PRESS = _Seed(
    "Press shop", "Press line 1", NewDevice("press-1", "press", "press-line-1", "Stamping press 1", "sparkplug")
)

# Width around a nominal 1600 mm; vibration by ISO 10816's zone limits for medium machines.
_LOOM_TAGS = (
    _tag("bbw_value", "mm", Limits(1590, 1610, 1585, 1615), 1, decimals=2, severity="high", deadband=1),
    _tag("temperature", "celsius", Limits(18, 45, None, 60), 1, deadband=1, primary=False),
    _tag("vibration", "mm/s", Limits(None, 4.5, None, 7.1), 1, decimals=2, deadband=0.3, primary=False),
    _tag("quality_flag", "", Limits(), 1, decimals=0, primary=False),
)


def _looms(count: int) -> Iterator[_Seed]:
    for number in range(1, count + 1):
        line = (number - 1) // LOOMS_A_LINE + 1
        device = NewDevice(f"loom-{number:03d}", "loom", f"weaving-line-{line}", f"Loom {number}", "mqtt", _LOOM_TAGS)
        yield _Seed("Weaving", f"Weaving line {line}", device)
