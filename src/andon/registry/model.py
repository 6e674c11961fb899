"""What a device and its tags may look like. Pure: dataclasses and their checks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

from andon.kit.errors import InvalidError
from andon.kit.ids import DEVICE_ID_PATTERN
from andon.kit.limits import Limits

KINDS = ("number", "boolean", "text")
SEVERITIES = ("critical", "high", "medium", "low")
ACTIVE, DISABLED, DELETED = "active", "disabled", "deleted"
STATUSES = (ACTIVE, DISABLED)
RESERVED_IDS = frozenset({"discovered", "new"})  # pages and endpoints beside /devices/{id} have these names
MAX_NAME = 200
MAX_TYPE = 100
MAX_UNIT = 50
MAX_DECIMALS = 10
MAX_SECONDS = 30 * 86_400.0

_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
_LIMIT_NAMES = tuple(each.name for each in fields(Limits))


@dataclass(frozen=True, slots=True)
class NewTag:
    """A signal to register. Limits and deadband are in `unit`; delays and the expected interval are in seconds."""

    name: str
    unit: str = ""
    kind: str = "number"
    decimals: int = 2
    is_primary: bool = False
    limits: Limits = field(default_factory=Limits)
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    severity: str = "medium"
    expected_interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device to register. Without a name it is called by its id; without equipment it stands in the default area."""

    device_id: str
    type: str
    location: str = ""
    name: str = ""
    protocol: str = "mqtt"
    tags: tuple[NewTag, ...] = ()
    offline_after_s: float = 30.0
    equipment_id: str | None = None
    connection_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceChanges:
    """What to change, by the field names of NewDevice and NewTag; limits by their own names (`normal_min`).

    `device` also takes `status`; `primary` is meant for the primary tag, `tags` for tags by their name.
    """

    device: Mapping[str, Any] = field(default_factory=dict)
    primary: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_detail(self) -> dict[str, Any]:
        """What changed, for the audit log."""
        parts = {"device": self.device, "primary": self.primary, "tags": self.tags}
        return {name: dict(part) for name, part in parts.items() if part}


def changed_tag(tag: NewTag, changes: Mapping[str, Any], path: str = "") -> NewTag:
    """`tag` with `changes`, checked. InvalidError names the field, with `path` before it."""
    limits = {name: value for name, value in changes.items() if name in _LIMIT_NAMES}
    others = {name: value for name, value in changes.items() if name not in _LIMIT_NAMES}
    result = replace(tag, limits=replace(tag.limits, **limits), **others)
    check_tag(result, path)
    return result


def is_device_id(text: str) -> bool:
    """Whether a device can have this id."""
    return _DEVICE_ID.fullmatch(text) is not None


def check_device(device: NewDevice) -> None:
    """InvalidError when the device or one of its tags cannot be registered as it is."""
    if not is_device_id(device.device_id):
        raise InvalidError(
            "a device id has 1 to 100 letters, digits or any of _ . : - and begins with a letter or digit",
            field="deviceId",
            cure="choose another, such as press-7; the name may be any text",
        )
    if device.device_id in RESERVED_IDS:
        raise InvalidError(
            f"no device can be called {device.device_id!r}: an address of Andon has this name",
            field="deviceId",
            cure="choose another, such as press-7; the name may be any text",
        )
    check_text(device.name, "name", MAX_NAME)
    check_text(device.type, "type", MAX_TYPE)
    check_text(device.location, "location", MAX_NAME, may_be_empty=True)
    check_text(device.protocol, "protocol", MAX_UNIT)
    check_seconds(device.offline_after_s, "offlineAfterSeconds", least=1.0)
    _check_tags(device.tags)


def _check_tags(tags: tuple[NewTag, ...]) -> None:
    names: set[str] = set()
    for tag in tags:
        check_tag(tag, "" if len(tags) == 1 else f"tags.{tag.name}.")
        if tag.name in names:
            raise InvalidError(f"the tag {tag.name!r} is there twice", field="tags", cure="give each its own name")
        names.add(tag.name)
    if sum(tag.is_primary for tag in tags) > 1:
        raise InvalidError("more than one tag is primary", field="tags", cure="mark one of them")


def check_tag(tag: NewTag, path: str = "") -> None:
    """InvalidError when a tag cannot be registered as it is; its field begins with `path`."""
    check_text(tag.name, f"{path}name", MAX_NAME)
    check_text(tag.unit, f"{path}unit", MAX_UNIT, may_be_empty=True)
    _check_choice(tag.kind, KINDS, f"{path}kind")
    _check_choice(tag.severity, SEVERITIES, f"{path}severity")
    if not 0 <= tag.decimals <= MAX_DECIMALS:
        raise InvalidError(
            f"decimals is {tag.decimals}", field=f"{path}decimals", cure=f"use a whole number from 0 to {MAX_DECIMALS}"
        )
    if not (math.isfinite(tag.deadband) and tag.deadband >= 0):
        raise InvalidError("the deadband is not 0 or more", field=f"{path}deadband", cure="use 0 for none")
    check_seconds(tag.on_delay_s, f"{path}onDelaySeconds")
    check_seconds(tag.off_delay_s, f"{path}offDelaySeconds")
    if tag.expected_interval_s is not None:
        check_seconds(tag.expected_interval_s, f"{path}expectedIntervalSeconds", least=0.001)
    check_limits(tag.limits, path)


def check_limits(limits: Limits, path: str = "") -> None:
    """InvalidError unless the limits that there are stand in order: alertMin, normalMin, normalMax, alertMax."""
    ordered = [
        ("alertMin", limits.alert_min),
        ("normalMin", limits.normal_min),
        ("normalMax", limits.normal_max),
        ("alertMax", limits.alert_max),
    ]
    present = [(name, value) for name, value in ordered if value is not None]
    for name, value in present:
        if not math.isfinite(value):
            raise InvalidError(f"{name} is not a finite number", field=path + name, cure="leave it empty for no limit")
    for (low_name, low), (name, value) in pairwise(present):
        if low > value:
            raise InvalidError(
                f"{name} {value:g} lies below {low_name} {low:g}",
                field=path + name,
                cure="keep alertMin ≤ normalMin ≤ normalMax ≤ alertMax",
            )
    if limits.alert_min is not None and limits.alert_min == limits.alert_max:
        raise InvalidError("no value would be without an alarm", field=f"{path}alertMax", cure="raise it")


def check_text(value: str, name: str, longest: int, *, may_be_empty: bool = False) -> None:
    """InvalidError unless `value` is text of at most `longest` characters without control characters.

    Any other text is fine, also one that looks like SQL or HTML: it is stored and shown as it is.
    """
    if not may_be_empty and not value.strip():
        raise InvalidError(f"{name} is empty", field=name, cure=f"give it 1 to {longest} characters")
    if len(value) > longest:
        raise InvalidError(
            f"{name} has {len(value)} characters", field=name, cure=f"shorten it to at most {longest} characters"
        )
    if any(_is_control(character) for character in value):
        raise InvalidError(f"{name} holds control characters", field=name, cure="remove line breaks, tabs and the like")


def check_seconds(value: float, name: str, *, least: float = 0.0) -> None:
    """InvalidError unless `value` is a time from `least` to 30 days."""
    if not (math.isfinite(value) and least <= value <= MAX_SECONDS):
        raise InvalidError(f"{name} is out of range", field=name, cure=f"use {least:g} to {MAX_SECONDS:.0f} seconds")


def _check_choice(value: str, choices: tuple[str, ...], name: str) -> None:
    if value not in choices:
        raise InvalidError(f"{name} {value[:40]!r} is not known", field=name, cure=f"use one of {', '.join(choices)}")


def _is_control(character: str) -> bool:
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code <= 0xDFFF  # the last: halves of broken Unicode
