"""From the metrics of a birth to tags, and from readings to samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from andon.ingest.batch import BatchBuilder
from andon.ingest.timing import TimePolicy
from andon.kit.errors import InvalidError
from andon.kit.limits import Limits
from andon.kit.quality import Quality
from andon.kit.units import conversion
from andon.registry.directory import DeviceInfo, TagInfo
from andon.registry.model import MAX_UNIT, NewTag, check_tag
from andon.wire.errors import WireError
from andon.wire.sparkplug.datatypes import INTEGERS
from andon.wire.sparkplug.definitions import MetricDefinition, Reading, Rejected


class Binding:
    """The tag of a metric: travels with every reading, so that nothing is looked up for a sample."""

    __slots__ = ("factors", "is_text", "last", "tag_id")

    def __init__(self, tag: TagInfo, factors: tuple[float, float] | None, last: float | str | None) -> None:
        self.tag_id = tag.id
        self.is_text = tag.kind == "text"
        self.factors = factors
        self.last = last


def is_signal(definition: MetricDefinition) -> bool:
    """Whether the metric is a value of the machine that a tag can hold."""
    return definition.kind != "other" and not definition.is_control


def announced_limits(definition: MetricDefinition) -> Limits:
    """The engineering range as the normal band; it raises no alarm, that is for people to decide."""
    low, high = definition.eng_low, definition.eng_high
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        return Limits()
    return Limits(normal_min=low, normal_max=high)


def new_tag_of(definition: MetricDefinition) -> NewTag:
    """The tag to register for a metric. InvalidError when its name cannot be one."""
    unit = definition.eng_unit or ""
    tag = NewTag(
        definition.name,
        unit=unit if len(unit) <= MAX_UNIT and unit.isprintable() else "",
        kind=definition.kind,
        decimals=0 if definition.datatype in INTEGERS else 2,
        limits=announced_limits(definition),
    )
    check_tag(tag)
    return tag


def missing_tags(device: DeviceInfo, definitions: Iterable[MetricDefinition]) -> tuple[list[NewTag], list[Rejected]]:
    """(tags to register, metrics whose names cannot be tags) of a known device."""
    known = {tag.name for tag in device.tags}
    tags: list[NewTag] = []
    rejected: list[Rejected] = []
    for definition in definitions:
        if definition.name in known or not is_signal(definition):
            continue
        try:
            tags.append(new_tag_of(definition))
        except InvalidError as error:
            rejected.append(Rejected(definition.name, "invalid_name", error.message))
    return tags, rejected


def bind(device: DeviceInfo, definitions: Iterable[MetricDefinition]) -> list[Rejected]:
    """Give each metric its tag; says which cannot be had in the tag's kind or unit. Last values are kept."""
    tags = {tag.name: tag for tag in device.tags}
    rejected: list[Rejected] = []
    for definition in definitions:
        before: Binding | None = definition.binding
        definition.binding = None
        tag = tags.get(definition.name)
        if tag is None or not is_signal(definition):
            continue
        if tag.kind != definition.kind:
            rejected.append(Rejected(tag.name, "wrong_type", f"{tag.name}: {definition.kind}, the tag is {tag.kind}"))
            continue
        factors = conversion(definition.eng_unit, tag.unit) if definition.eng_unit and tag.unit else (1.0, 0.0)
        if factors is None:
            detail = f"{tag.name}: {definition.eng_unit!r:.40} cannot be converted to {tag.unit!r}"
            rejected.append(Rejected(tag.name, "unit_mismatch", detail))
            continue
        last = before.last if before is not None and before.tag_id == tag.id else None
        definition.binding = Binding(tag, None if factors == (1.0, 0.0) else factors, last)
    return rejected


def write_readings(readings: Sequence[Reading], received: int, policy: TimePolicy, out: BatchBuilder) -> list[Rejected]:
    """Add the readings of bound metrics as samples; says which were refused.

    A null reading is its last known value marked bad; without one there is nothing to store.
    """
    tag_ids: list[int] = []
    timestamps: list[int] = []
    values: list[float] = []
    qualities: list[int] = []
    rejected: list[Rejected] = []
    checked_at: int | None = -1
    checked_historical = False
    timestamp, best = received, int(Quality.GOOD)
    for definition, at, value, quality, historical in readings:
        binding: Binding | None = definition.binding
        if binding is None:
            continue
        if at != checked_at or historical != checked_historical:
            try:
                timestamp, best = policy.check(at, received, Quality.GOOD, historical=historical)
            except WireError as error:
                rejected.append(Rejected(definition.name, error.reason, f"{definition.name}: {error}"))
                continue
            checked_at, checked_historical = at, historical
        if value is None:
            value = binding.last
            if value is None:
                continue
        elif not binding.is_text:
            if value - value != 0:  # true of NaN and infinity alone
                rejected.append(Rejected(definition.name, "not_a_number", f"{definition.name}: {value} is not finite"))
                continue
            if binding.factors is not None:
                value = value * binding.factors[0] + binding.factors[1]
            binding.last = value
        else:
            binding.last = value
        if quality > best:
            quality = best
        if binding.is_text:
            out.add(binding.tag_id, timestamp, value, quality, received)
            continue
        tag_ids.append(binding.tag_id)
        timestamps.append(timestamp)
        values.append(value)
        qualities.append(quality)
    if tag_ids:
        out.add_numbers(tag_ids, timestamps, values, qualities, received)
    return rejected


def write_stale(definitions: Iterable[MetricDefinition], received: int, out: BatchBuilder) -> None:
    """The source is gone: repeat the last values now, marked stale."""
    for definition in definitions:
        binding: Binding | None = definition.binding
        if binding is not None and binding.last is not None:
            out.add(binding.tag_id, received, binding.last, Quality.STALE, received)
