"""Live state in this process's memory: numpy columns indexed by tag id."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.port import Current, CurrentColumns, TagIds, Window, WindowStats
from andon.engines.livestate.received import ReceivedCounter
from andon.engines.livestate.regression import describe
from andon.engines.livestate.snapshot import LiveColumns
from andon.engines.livestate.windows import BucketRing
from andon.kit.clock import US_PER_S
from andon.kit.quality import USABLE, Quality
from andon.kit.samples import SampleBatch

_log = logging.getLogger(__name__)

_MINUTE = 60 * US_PER_S
# Below this many samples plain Python is quicker than the fixed cost of some sixty array operations.
_FEW = 36


@dataclass(frozen=True, slots=True)
class LiveStateLimits:
    """`max_tags`: samples of higher tag ids are refused. `first_capacity`: tags there is room for at start.

    A tag that has been seen takes about 6 KB, nearly all of it for its two windows.
    """

    max_tags: int = 200_000
    first_capacity: int = 256


class MemoryLiveState:
    """See the port. `refused` counts the samples whose tag id lies outside the limit."""

    def __init__(self, limits: LiveStateLimits | None = None) -> None:
        self._limits = limits or LiveStateLimits()
        self._capacity = min(self._limits.first_capacity, self._limits.max_tags)
        self._timestamp = np.zeros(self._capacity, np.int64)
        self._value = np.full(self._capacity, np.nan)
        self._quality = np.zeros(self._capacity, np.uint8)
        self._received = np.zeros(self._capacity, np.int64)
        self._texts: dict[int, str] = {}
        self._windows: dict[Window, BucketRing] = {
            "1h": BucketRing(60, _MINUTE, self._capacity),
            "24h": BucketRing(96, 15 * _MINUTE, self._capacity),
        }
        self.received = ReceivedCounter()
        self.refused = 0

    def apply(self, batch: SampleBatch) -> None:
        """Take the samples in. About 0.3 µs a sample in large batches, 4 µs in small ones."""
        if not len(batch):
            return
        batch = self._admit(batch)
        if len(batch) <= _FEW:
            self._apply_few(batch)
        else:
            self._apply_many(batch)

    def warm(self, batch: SampleBatch) -> None:
        """Take samples in that were read back from history."""
        self.apply(batch)

    def current(self, tag_id: int) -> Current | None:
        """The newest sample, or None when the tag was never seen."""
        if not 0 <= tag_id < self._capacity or not self._timestamp[tag_id]:
            return None
        return Current(
            int(self._timestamp[tag_id]),
            float(self._value[tag_id]),
            int(self._quality[tag_id]),
            int(self._received[tag_id]),
            self._texts.get(tag_id),
        )

    def columns(self, tag_ids: TagIds) -> CurrentColumns:
        """The newest samples of many tags at once."""
        known = (tag_ids >= 0) & (tag_ids < self._capacity)
        index = np.where(known, tag_ids, 0)
        return CurrentColumns(
            np.where(known, self._timestamp[index], 0),
            np.where(known, self._value[index], np.nan),
            np.where(known, self._quality[index], np.uint8(Quality.BAD)),
            np.where(known, self._received[index], 0),
        )

    def current_many(self, tag_ids: TagIds) -> list[Current | None]:
        """`current` of many tags in one go, in their order."""
        columns = self.columns(tag_ids)
        rows = zip(
            columns.timestamp.tolist(),
            columns.value.tolist(),
            columns.quality.tolist(),
            columns.received.tolist(),
            map(self._texts.get, tag_ids.tolist()),
            strict=True,
        )
        return [Current._make(row) if row[0] else None for row in rows]

    def stats(self, tag_id: int, window: Window, now: int) -> WindowStats | None:
        """Statistics of the hour or the day before `now`; None when it holds no good sample."""
        return self.stats_many(np.array([tag_id], np.int64), window, now)[0]

    def stats_many(self, tag_ids: TagIds, window: Window, now: int) -> list[WindowStats | None]:
        """`stats` of many tags in one go, in their order."""
        known = (tag_ids >= 0) & (tag_ids < self._capacity)
        found = self._windows[window].statistics(np.where(known, tag_ids, 0), now)
        count = np.where(known, found.count, 0)
        rows = zip(
            count.astype(np.int64).tolist(),
            (found.total / np.maximum(count, 1)).tolist(),
            found.minimum.tolist(),
            found.maximum.tolist(),
            found.lines.slope.tolist(),
            found.lines.change.tolist(),
            found.lines.clear.tolist(),
            strict=True,
        )
        return [_window_stats(*row) for row in rows]

    def samples_since(self, since: int, until: int | None = None) -> int:
        """How many samples were received from then on, to within five seconds; at most a day back."""
        return self.received.since(since, until)

    def forget(self, tag_id: int) -> None:
        """Drop all that is known of a tag."""
        if not 0 <= tag_id < self._capacity:
            return
        self._timestamp[tag_id] = self._received[tag_id] = self._quality[tag_id] = 0
        self._value[tag_id] = np.nan
        self._texts.pop(tag_id, None)
        for ring in self._windows.values():
            ring.forget(tag_id)

    def seen(self) -> NDArray[np.int32]:
        """Ids of the tags that have a value."""
        return np.flatnonzero(self._timestamp).astype(np.int32)

    def export(self, tag_ids: NDArray[np.int32], now: int) -> LiveColumns:
        """A copy of all that is known of tags that were `seen`."""
        return LiveColumns(
            tag_ids,
            self._timestamp[tag_ids],
            self._value[tag_ids],
            self._quality[tag_ids],
            self._received[tag_ids],
            {tag: self._texts[tag] for tag in tag_ids.tolist() if tag in self._texts} if self._texts else {},
            {name: ring.export(tag_ids, now) for name, ring in self._windows.items()},
        )

    def restore(self, columns: LiveColumns) -> None:
        """Take over what another process exported; meant for an empty state.

        How many samples came in the last hour is taken from its sums; who knows better restores `received` after it.
        """
        tags = columns.tag_ids
        if not len(tags):
            return
        highest = int(tags.max())
        if highest >= self._limits.max_tags:
            raise ValueError(f"tag id {highest} lies beyond max_tags {self._limits.max_tags}")
        if highest >= self._capacity:
            self._grow(highest)
        self._timestamp[tags] = columns.timestamps
        self._value[tags] = columns.values
        self._quality[tags] = columns.qualities
        self._received[tags] = columns.received
        self._texts.update(columns.texts)
        for name, ring in columns.windows.items():
            self._windows[name].restore(tags, ring)
        if "1h" in columns.windows:
            hour = columns.windows["1h"]
            self.received.estimate(hour.spans, _MINUTE, hour.cells[:, 0])

    def _admit(self, batch: SampleBatch) -> SampleBatch:
        highest, lowest = int(batch.tag_ids.max()), int(batch.tag_ids.min())
        if highest >= self._limits.max_tags or lowest < 0:
            inside = (batch.tag_ids >= 0) & (batch.tag_ids < self._limits.max_tags)
            if not self.refused:
                _log.warning(
                    "samples of tag ids outside the limit are refused",
                    extra={"max_tags": self._limits.max_tags, "highest": highest, "lowest": lowest},
                )
            self.refused += len(batch) - int(inside.sum())
            batch = batch.take(inside)
            highest = int(batch.tag_ids.max(initial=-1))
        if highest >= self._capacity:
            self._grow(highest)
        return batch

    def _grow(self, highest: int) -> None:
        capacity = self._capacity
        while capacity <= highest:
            capacity *= 2
        capacity = min(capacity, self._limits.max_tags)
        added = capacity - self._capacity
        self._timestamp = np.concatenate([self._timestamp, np.zeros(added, np.int64)])
        self._value = np.concatenate([self._value, np.full(added, np.nan)])
        self._quality = np.concatenate([self._quality, np.zeros(added, np.uint8)])
        self._received = np.concatenate([self._received, np.zeros(added, np.int64)])
        for ring in self._windows.values():
            ring.grow(capacity)
        self._capacity = capacity

    def _apply_few(self, batch: SampleBatch) -> None:
        hour, day = self._windows["1h"], self._windows["24h"]
        previous = (-1, -1)
        for tag, at, value, quality, received in sorted(batch.rows(), key=itemgetter(0, 1)):
            text = value if isinstance(value, str) else None
            number = np.nan if text is not None else float(value)
            newest = int(self._timestamp[tag])
            if at >= newest:
                self._set_current(tag, at, number, quality, received)
                self._set_text(tag, text)
            corrects = at == newest or (tag, at) == previous
            if not corrects and quality >= USABLE and -np.inf < number < np.inf:
                hour.add_one(tag, at, number)
                day.add_one(tag, at, number)
            previous = (tag, at)
            self.received.add_one(received)

    def _apply_many(self, batch: SampleBatch) -> None:
        # Sorted by tag and time, stable: the last row of a tag is its newest, of equals the latest to come.
        ordered = batch.take(np.lexsort((batch.timestamps, batch.tag_ids)))
        tags, times = ordered.tag_ids, ordered.timestamps
        first = np.ones(len(tags), np.bool_)
        np.not_equal(tags[1:], tags[:-1], out=first[1:])
        corrects = times == self._timestamp[tags]
        corrects[1:] |= ~first[1:] & (times[1:] == times[:-1])
        counted = ordered.usable() & np.isfinite(ordered.values) & ~corrects
        last = np.append(first[1:], True)
        newest = np.flatnonzero(last & (times >= self._timestamp[tags]))
        self._set_newest(ordered, newest)
        if counted.any():
            tags, times, values = tags[counted], times[counted], ordered.values[counted]
            for ring in self._windows.values():
                ring.add(tags, times, values)
        self.received.add(ordered)

    def _set_newest(self, ordered: SampleBatch, rows: NDArray[np.intp]) -> None:
        tags = ordered.tag_ids[rows]
        self._timestamp[tags] = ordered.timestamps[rows]
        self._value[tags] = ordered.values[rows]
        self._quality[tags] = ordered.qualities[rows]
        self._received[tags] = ordered.received[rows]
        if self._texts or ordered.texts:
            for row, tag in zip(rows.tolist(), tags.tolist(), strict=True):
                self._set_text(tag, ordered.texts.get(row))

    def _set_current(self, tag: int, at: int, value: float, quality: int, received: int) -> None:
        self._timestamp[tag] = at
        self._value[tag] = value
        self._quality[tag] = quality
        self._received[tag] = received

    def _set_text(self, tag: int, text: str | None) -> None:
        if text is not None:
            self._texts[tag] = text
        elif self._texts:
            self._texts.pop(tag, None)


def _window_stats(
    count: int, avg: float, low: float, high: float, slope: float, change: float, clear: bool
) -> WindowStats | None:
    if not count:
        return None
    trend = describe(change, high - low, clear)
    return WindowStats(avg, low, high, count, trend, None if trend is None else slope)
