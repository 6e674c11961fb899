"""Handles the JSON messages of one device: what looks like the last one that was read is not read in full again."""

from __future__ import annotations

from collections.abc import Callable

from andon.ingest.batch import BatchBuilder
from andon.ingest.devices import DeviceWriter
from andon.ingest.reading import Reading
from andon.registry.directory import TagInfo
from andon.wire.errors import WireError
from andon.wire.json_shapes import JsonShape

Decode = Callable[[bytes, str], Reading]


class DeviceRoute:
    """A route (see `routes`) to the tags of one device."""

    __slots__ = ("_decode", "_missed", "_out", "_quality", "_shape", "_tag", "_writer")

    def __init__(self, writer: DeviceWriter, decode: Decode, out: BatchBuilder) -> None:
        self._writer = writer
        self._decode = decode
        self._out = out
        self._shape: JsonShape | None = None
        self._tag: TagInfo | None = None
        self._quality = 0
        self._missed = 0

    def __call__(self, payload: bytes, received: int) -> WireError | None:
        """Raises what refuses all of the payload, returns what refuses a part."""
        if self._shape is not None and self._tag is not None:
            found = self._shape.read(payload)
            if found is not None:
                self._missed = 0
                self._writer.write_number(self._tag, *found, self._quality, received, self._out)
                return None
        reading = self._decode(payload, self._writer.device.device_id)
        problem = self._writer.write(reading, received, self._out)
        if problem is None:
            self._learn(payload, reading)
        return problem

    def _learn(self, payload: bytes, reading: Reading) -> None:
        """A device that never repeats itself is looked at less and less often."""
        self._missed += 1
        if self._missed & (self._missed - 1):
            return
        self._tag = self._writer.tag_of_number(reading)
        if self._tag is not None:
            self._shape = JsonShape.learn(payload, reading.timestamp, reading.signals[0].value)
            self._quality = int(reading.quality)
