"""From a reading to samples of a device that is known."""

from __future__ import annotations

from collections.abc import Sequence

from andon.ingest.batch import BatchBuilder
from andon.ingest.reading import Reading, Signal, new_tag, sample_value
from andon.ingest.timing import ClockWatch, TimePolicy
from andon.registry.directory import DeviceInfo, TagInfo
from andon.registry.model import NewTag
from andon.wire.errors import WireError


class TagsMissingError(Exception):
    """A known device shows signals that have no tags yet; nothing of the message was taken."""

    def __init__(self, device: DeviceInfo, tags: Sequence[NewTag]) -> None:
        super().__init__(f"{device.device_id} shows {len(tags)} new signals")
        self.device = device
        self.tags = tags


class DeviceWriter:
    """Writes readings of one device as samples. Made anew when the device changes."""

    __slots__ = ("_policy", "_tags", "_watch", "device")

    def __init__(self, device: DeviceInfo, policy: TimePolicy, watch: ClockWatch | None) -> None:
        self.device = device
        self._policy = policy
        self._watch = watch
        self._tags = {tag.name: tag for tag in device.tags}

    def write(self, reading: Reading, received: int, out: BatchBuilder) -> WireError | None:
        """Add the reading to `out`; says what was wrong when a part of it could not be taken.

        WireError when nothing could be taken, TagsMissingError when signals have to be registered first.
        """
        if self.device.status == "disabled":
            raise WireError("device_disabled", f"{self.device.device_id} is disabled")
        timestamp, quality = self._policy.check(
            reading.timestamp, received, reading.quality, historical=reading.historical, watch=self._watch
        )
        if len(reading.signals) == 1:
            signal = reading.signals[0]
            tag = self._tag(reading, signal)
            value = sample_value(tag, signal.value, signal.unit)
            out.add(tag.id, timestamp, value, quality if signal.quality is None else signal.quality, received)
            return None
        return self._write_several(reading, timestamp, quality, received, out)

    def tag_of_number(self, reading: Reading) -> TagInfo | None:
        """The tag of a live reading of one number that is stored as it was sent; None when there is more to it."""
        if not reading.single or reading.historical or self.device.status == "disabled":
            return None
        tag, unit = self._tag(reading, reading.signals[0]), reading.signals[0].unit
        return tag if tag.kind == "number" and (not unit or unit == tag.unit or not tag.unit) else None

    def write_number(
        self, tag: TagInfo, timestamp: int, value: float, quality: int, received: int, out: BatchBuilder
    ) -> None:
        """Add a sample of such a reading. WireError when its time cannot be."""
        timestamp, quality = self._policy.check(timestamp, received, quality, watch=self._watch)
        out.add(tag.id, timestamp, value, quality, received)

    def _tag(self, reading: Reading, signal: Signal) -> TagInfo:
        tag = self._tags.get(signal.name)
        if tag is None and reading.single:
            tag = self.device.primary
        if tag is None:
            raise TagsMissingError(self.device, [new_tag(signal)])
        return tag

    def _write_several(
        self, reading: Reading, timestamp: int, quality: int, received: int, out: BatchBuilder
    ) -> WireError | None:
        missing = [signal for signal in reading.signals if signal.name not in self._tags]
        if missing:
            raise TagsMissingError(self.device, [new_tag(signal) for signal in missing])
        rows: list[tuple[int, float | str, int]] = []
        wrong: list[WireError] = []
        for name, value, unit, own_quality in reading.signals:
            tag = self._tags[name]
            try:
                rows.append((tag.id, sample_value(tag, value, unit), quality if own_quality is None else own_quality))
            except WireError as error:
                wrong.append(error)
        for tag_id, number, row_quality in rows:
            out.add(tag_id, timestamp, number, row_quality, received)
        if not wrong:
            return None
        problem = merged(wrong, len(reading.signals))
        if not rows:
            raise problem
        return problem


def merged(errors: Sequence[WireError], of: int) -> WireError:
    """One error for several signals of a message."""
    first = errors[0]
    if len(errors) == 1 and of == 1:
        return first
    more = "" if len(errors) == 1 else f" (and {len(errors) - 1} more)"
    return WireError(first.reason, f"{len(errors)} of {of} signals refused: {first}{more}", first.field)
