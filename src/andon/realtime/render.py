"""Turns what changed into messages, each encoded once however many clients get it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.port import LiveState
from andon.kit.clock import US_PER_S, now_us
from andon.kit.samples import SampleBatch
from andon.realtime import messages
from andon.realtime.frames import LatestTable, Reading
from andon.realtime.messages import Stats
from andon.realtime.packets import socketio_event, text_message
from andon.realtime.settings import RealtimeSettings
from andon.realtime.subscriptions import Kind
from andon.registry.directory import DeviceInfo, Directory, TagInfo

TagIds = NDArray[np.int32]
Message = Any
"""An Engine.IO packet or the text of a WebSocket message: ready to be queued in any number of sockets."""
_UNKNOWN: Stats = (None, None)
_EVENTS: dict[Kind, str] = {"sensor-data": "sensor-data", "measurement": "measurement:update"}


class Renderer:
    """Messages for tags, live from the table or from a batch read back from the log.

    What was made for a change of a tag or device is kept until the next one, so that clients with different
    selections share it. Bounded by the number of tags.
    """

    def __init__(
        self, table: LatestTable, directory: Directory, livestate: LiveState, settings: RealtimeSettings
    ) -> None:
        self._table = table
        self._directory = directory
        self._livestate = livestate
        self._frame_samples = settings.frame_samples
        self._stats_us = round(settings.stats_refresh_s * US_PER_S)
        self._stats: dict[int, tuple[int, Stats]] = {}
        self._prefixes: dict[int, bytes] = {}
        self._made: dict[tuple[Kind, int | str], tuple[int, Message]] = {}

    def forget(self) -> None:
        """The directory changed: names, limits and units may differ."""
        self._prefixes.clear()
        self._made.clear()
        self._stats = {tag: kept for tag, kept in self._stats.items() if self._directory.tag(tag) is not None}

    def live(self, kind: Kind, tag_ids: TagIds, position: int) -> list[Message]:
        """The newest values of these tags (for devices: of their device) as messages of that kind."""
        if not len(tag_ids):
            return []
        if kind == "sensor-frame":
            rows = self._shared(kind, tag_ids, lambda tag, reading: messages.frame_row(self._prefix(tag), tag, reading))
            return self._frames(rows, position, position)
        if kind == "topic":
            return self._shared(kind, tag_ids, lambda tag, reading: text_message(messages.topic_message(tag, reading)))
        return self._devices(kind, tag_ids)

    def past(self, kind: Kind, batch: SampleBatch, since: int, position: int) -> list[Message]:
        """Samples from the log as messages, in their order. A frame that is not the last one carries `since`,
        so that a client that drops again before it has them all asks for all of them again."""
        pairs = [(tag, reading) for reading in _readings(batch) if (tag := self._directory.tag(reading.tag_id))]
        if kind == "sensor-frame":
            rows = [messages.frame_row(self._prefix(tag), tag, reading) for tag, reading in pairs]
            return self._frames(rows, since, position)
        if kind == "topic":
            return [text_message(messages.topic_message(tag, reading)) for tag, reading in pairs]
        moments: dict[tuple[str, int], dict[str, Reading]] = {}
        for tag, reading in pairs:
            moments.setdefault((tag.device_uuid, reading.at), {})[tag.name] = reading
        found = ((self._directory.by_uuid(uuid), readings) for (uuid, _), readings in moments.items())
        known = [(device, readings) for device, readings in found if device is not None]
        self._refresh_stats([device for device, _ in known])
        return [self._device(kind, device, readings) for device, readings in known]

    def _frames(self, rows: Sequence[bytes], before: int, position: int) -> list[Message]:
        size = self._frame_samples
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        last = len(chunks) - 1
        return [
            socketio_event("sensor-frame", messages.frame(position if i == last else before, chunk))
            for i, chunk in enumerate(chunks)
        ]

    def _shared(self, kind: Kind, tag_ids: TagIds, make: Callable[[TagInfo, Reading], Message]) -> list[Message]:
        found = []
        for reading in self._table.readings(tag_ids):
            key = (kind, reading.tag_id)
            made = self._made.get(key)
            if made is None or made[0] != reading.change:
                tag = self._directory.tag(reading.tag_id)
                if tag is None:
                    continue
                made = self._made[key] = (reading.change, make(tag, reading))
            found.append(made[1])
        return found

    def _devices(self, kind: Kind, tag_ids: TagIds) -> list[Message]:
        tags = (self._directory.tag(tag_id) for tag_id in tag_ids.tolist())
        uuids = dict.fromkeys(tag.device_uuid for tag in tags if tag is not None)
        devices = [device for uuid in uuids if (device := self._directory.by_uuid(uuid)) is not None]
        self._refresh_stats(devices)
        covered = [[tag.id for tag in device.tags if self._table.covers(tag.id)] for device in devices]
        readings = iter(self._table.readings(np.array([tag for ids in covered for tag in ids], np.int32)))
        found = []
        for device, ids in zip(devices, covered, strict=True):
            own = [next(readings) for _ in ids]
            change = max((reading.change for reading in own), default=0)
            made = self._made.get((kind, device.uuid))
            if made is None or made[0] != change:
                names = {tag.id: tag.name for tag in device.tags}
                by_name = {names[reading.tag_id]: reading for reading in own if reading.change}
                made = self._made[kind, device.uuid] = (change, self._device(kind, device, by_name))
            found.append(made[1])
        return found

    def _device(self, kind: Kind, device: DeviceInfo, readings: Mapping[str, Reading]) -> Message:
        if kind == "measurement":
            return socketio_event(_EVENTS[kind], messages.measurement(device, readings))
        tag = device.primary
        _, stats = self._stats.get(tag.id, (0, _UNKNOWN)) if tag else (0, _UNKNOWN)
        return socketio_event(_EVENTS[kind], messages.sensor_data(device, readings, stats))

    def _refresh_stats(self, devices: Iterable[DeviceInfo]) -> None:
        """An hour's average moves slowly: it is computed anew every few seconds, for all devices in one go."""
        now = now_us()
        ids = {device.primary.id for device in devices if device.primary is not None}
        old = [tag for tag in ids if self._stats.get(tag, (0, _UNKNOWN))[0] <= now]
        if not old:
            return
        for tag, stats in zip(old, self._livestate.stats_many(np.array(old, np.int32), "1h", now), strict=True):
            self._stats[tag] = (now + self._stats_us, (stats.avg, stats.trend) if stats else _UNKNOWN)

    def _prefix(self, tag: TagInfo) -> bytes:
        found = self._prefixes.get(tag.id)
        if found is None:
            found = self._prefixes[tag.id] = messages.row_prefix(tag)
        return found


def _readings(batch: SampleBatch) -> Iterable[Reading]:
    columns = zip(
        batch.tag_ids.tolist(),
        batch.timestamps.tolist(),
        batch.values.tolist(),
        batch.qualities.tolist(),
        strict=True,
    )
    for row, (tag, at, value, quality) in enumerate(columns):
        yield Reading(tag, at, value, quality, batch.texts.get(row), 0)
