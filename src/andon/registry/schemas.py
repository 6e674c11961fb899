"""Bodies of the device endpoints, and how they become what the registry understands."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from andon.kit.clock import to_iso
from andon.kit.errors import InvalidError
from andon.kit.limits import Limits
from andon.registry.directory import DeviceInfo, TagInfo
from andon.registry.model import DeviceChanges, NewDevice, NewTag

# Strict: the text "80" is no number, and true is none either.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]

_FIELD_NAMES = {
    "on_delay_seconds": "on_delay_s",
    "off_delay_seconds": "off_delay_s",
    "expected_interval_seconds": "expected_interval_s",
    "offline_after_seconds": "offline_after_s",
}
_MAY_BE_NULL = {"normal_min", "normal_max", "alert_min", "alert_max", "expected_interval_s"}
_OF_THE_DEVICE = {"name", "type", "location", "status", "offline_after_s"}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class _SignalBody(_Body):
    """What is said about one signal. Limits and deadband are in its unit; null is no limit."""

    unit: str | None = None
    decimals: Whole | None = None
    normal_min: Number | None = None
    normal_max: Number | None = None
    alert_min: Number | None = None
    alert_max: Number | None = None
    deadband: Number | None = None
    on_delay_seconds: Number | None = None
    off_delay_seconds: Number | None = None
    severity: str | None = None
    expected_interval_seconds: Number | None = None


class TagBody(_SignalBody):
    """A signal of a new device."""

    name: str
    kind: str | None = None
    is_primary: bool | None = None


class DeviceBody(_SignalBody):
    """A new device. Unit and limits beside its id are those of its primary signal, which is called like its type."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deviceId": "device-006",
                    "type": "temperature",
                    "location": "assembly-line-2",
                    "unit": "celsius",
                    "name": "Oven 2",
                    "normalMin": 20,
                    "normalMax": 80,
                    "alertMin": 15,
                    "alertMax": 85,
                }
            ]
        }
    )

    device_id: str
    type: str
    location: str = ""
    name: str = ""
    protocol: str = "mqtt"
    equipment_id: str | None = None
    offline_after_seconds: Number = 30.0
    tags: list[TagBody] | None = Field(None, max_length=10_000)

    def to_new_device(self) -> NewDevice:
        """The device to register. InvalidError names the field that cannot be."""
        given = _given(self)
        signal = {name: value for name, value in given.items() if name in _SIGNAL_FIELDS}
        tags = [_new_tag(_given(tag, f"tags.{tag.name}.")) for tag in self.tags or ()]
        if signal or self.tags is None:
            tags = _with_signal(tags, self.type, signal)
        return NewDevice(
            self.device_id,
            self.type,
            self.location,
            self.name,
            self.protocol,
            tuple(tags),
            self.offline_after_seconds,
            self.equipment_id,
        )


class TagConfigBody(_SignalBody):
    """What to change of a signal; what is left out stays."""


class ConfigBody(_SignalBody):
    """What to change of a device; what is left out stays. Unit, decimals and limits are the primary signal's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Oven 2", "normalMax": 78, "alertMax": 84.5, "tags": {"humidity": {"alertMax": None}}}
            ]
        }
    )

    name: str | None = None
    type: str | None = None
    location: str | None = None
    status: str | None = None
    offline_after_seconds: Number | None = None
    tags: dict[str, TagConfigBody] | None = None

    def to_changes(self) -> DeviceChanges:
        """The changes to make. InvalidError when something is null that must have a value."""
        given = _given(self)
        tags = {name: _given(tag, f"tags.{name}.") for name, tag in (self.tags or {}).items()}
        return DeviceChanges(
            {name: value for name, value in given.items() if name in _OF_THE_DEVICE},
            {name: value for name, value in given.items() if name in _SIGNAL_FIELDS},
            tags,
        )


_SIGNAL_FIELDS = {_FIELD_NAMES.get(name, name) for name in _SignalBody.model_fields}


def _given(body: _Body, path: str = "") -> dict[str, Any]:
    """The fields that the request holds, by the registry's names."""
    given: dict[str, Any] = {}
    for name in body.model_fields_set:
        value, inner = getattr(body, name), _FIELD_NAMES.get(name, name)
        if value is None and inner not in _MAY_BE_NULL and name not in ("tags", "equipment_id"):
            field = path + to_camel(name)
            raise InvalidError(f"{field} is null", field=field, cure="give it a value, or leave it out")
        given[inner] = value
    return given


def _new_tag(given: dict[str, Any]) -> NewTag:
    limits = {name: given.pop(name) for name in ("normal_min", "normal_max", "alert_min", "alert_max") if name in given}
    return NewTag(**given, limits=Limits(**limits))


def _with_signal(tags: list[NewTag], device_type: str, signal: dict[str, Any]) -> list[NewTag]:
    """What stands beside the device's id is its primary signal: one of `tags`, or one more."""
    primary = next((tag for tag in tags if tag.is_primary or tag.name == device_type), None)
    if primary is not None and signal:
        raise InvalidError(
            f"{primary.name} is described twice", field="tags", cure="give its unit and limits in tags only"
        )
    return [_new_tag({"name": device_type, "is_primary": True, **signal}), *tags] if primary is None else tags


def device_view(device: DeviceInfo) -> dict[str, Any]:
    """A device as it is configured, without live values."""
    primary = device.primary
    return {
        "id": device.uuid,
        "deviceId": device.device_id,
        "name": device.name,
        "type": device.type,
        "location": device.location,
        "protocol": device.protocol,
        "status": device.status,
        "unit": primary.unit if primary else "",
        "primaryTag": primary.name if primary else None,
        "decimals": primary.decimals if primary else None,
        "limits": _limits_view(primary.limits if primary else Limits()),
        "offlineAfterSeconds": device.offline_after_s,
        "equipmentId": device.equipment_id,
        "area": " / ".join(device.equipment_path),
        "timezone": device.timezone,
        "createdAt": to_iso(device.created_at),
        "tags": [_tag_view(tag) for tag in device.tags],
    }


def _tag_view(tag: TagInfo) -> dict[str, Any]:
    return {
        "id": tag.id,
        "name": tag.name,
        "unit": tag.unit,
        "kind": tag.kind,
        "decimals": tag.decimals,
        "isPrimary": tag.is_primary,
        "limits": _limits_view(tag.limits),
        "deadband": tag.deadband,
        "onDelaySeconds": tag.on_delay_s,
        "offDelaySeconds": tag.off_delay_s,
        "severity": tag.severity,
        "expectedIntervalSeconds": tag.expected_interval_s,
    }


def _limits_view(limits: Limits) -> dict[str, float | None]:
    return {
        "normalMin": limits.normal_min,
        "normalMax": limits.normal_max,
        "alertMin": limits.alert_min,
        "alertMax": limits.alert_max,
    }
