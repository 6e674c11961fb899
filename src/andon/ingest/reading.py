"""What a message of any JSON format says, before it is known to whom it belongs."""

from __future__ import annotations

from typing import NamedTuple

from andon.kit.quality import Quality
from andon.kit.units import conversion
from andon.registry.directory import TagInfo
from andon.registry.model import NewTag
from andon.wire.errors import WireError
from andon.wire.values import Value, as_boolean, as_number, as_text


class Signal(NamedTuple):
    """One value; without a unit it is in the tag's own. `quality` is the reading's unless it is given."""

    name: str
    value: Value
    unit: str | None = None
    quality: Quality | None = None


class Reading(NamedTuple):
    """The signals of one device at one moment (`timestamp` µs UTC, None when the device sent none).

    `single`: the message format has room for one value, so it goes to the primary tag when no tag bears its name.
    """

    timestamp: int | None
    quality: Quality
    historical: bool
    signals: list[Signal]
    single: bool = False
    type: str = ""
    location: str = ""


def value_kind(value: Value) -> str:
    """`number`, `boolean` or `text`."""
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def new_tag(signal: Signal) -> NewTag:
    """The tag to register for a signal that a known device shows for the first time."""
    return NewTag(signal.name, unit=signal.unit or "", kind=value_kind(signal.value))


def sample_value(tag: TagInfo, value: Value, unit: str | None) -> float | str:
    """The value as the tag holds it, in the tag's unit.

    WireError `not_a_number`, `wrong_type`, or `unit_mismatch` when the units measure different things.
    """
    if tag.kind == "number":
        number = as_number(value, tag.name)
        if not unit or unit == tag.unit or not tag.unit:
            return number
        factors = conversion(unit, tag.unit)
        if factors is None:
            message = f"{tag.name}: {unit[:40]!r} cannot be converted to the tag's unit {tag.unit!r}"
            raise WireError("unit_mismatch", message, "unit")
        return number * factors[0] + factors[1]
    if tag.kind == "boolean":
        return as_boolean(value, tag.name)
    return as_text(value, tag.name)
