"""The newest sample of each tag, and when it changed: coalescing without a backlog. Pure.

Every change gets a number that grows. A client remembers the number it has seen up to; what it is owed is every
tag with a higher one. So a slow client costs one integer, and gets the newest value of each tag when it is ready.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.kit.samples import SampleBatch

TagIds = NDArray[np.int32]
# Below this many samples plain Python is quicker than the fixed cost of sorting arrays.
_FEW = 12


class Reading(NamedTuple):
    """The newest sample of a tag. `value` is NaN when it is text or missing; `at` µs UTC."""

    tag_id: int
    at: int
    value: float
    quality: int
    text: str | None
    change: int


class LatestTable:
    """Columns indexed by tag id, grown in steps up to `max_tags`. `change` is the number of the last change."""

    def __init__(self, max_tags: int) -> None:
        self._max_tags = max_tags
        self._at = np.zeros(0, np.int64)
        self._value = np.zeros(0, np.float64)
        self._quality = np.zeros(0, np.uint8)
        self._changed = np.zeros(0, np.int64)
        self._texts: dict[int, str] = {}
        self.change = 0

    def apply(self, batch: SampleBatch) -> TagIds:
        """Take the samples in; the tags that have a newer value now. An equal timestamp is a correction."""
        if len(batch) and (int(batch.tag_ids.max()) >= self._max_tags or int(batch.tag_ids.min()) < 0):
            batch = batch.take((batch.tag_ids >= 0) & (batch.tag_ids < self._max_tags))
        if not len(batch):
            return np.zeros(0, np.int32)
        self._grow(int(batch.tag_ids.max()))
        self.change += 1
        rows = self._newest_few(batch) if len(batch) <= _FEW else self._newest_many(batch)
        tags = batch.tag_ids[rows]
        self._at[tags] = batch.timestamps[rows]
        self._value[tags] = batch.values[rows]
        self._quality[tags] = batch.qualities[rows]
        self._changed[tags] = self.change
        if batch.texts or self._texts:
            self._set_texts(batch, rows, tags)
        return tags

    def owed(self, tag_ids: TagIds, since: int) -> TagIds:
        """Those of the tags (ascending) that changed after change `since`."""
        known = tag_ids if not len(tag_ids) or int(tag_ids[-1]) < len(self._at) else tag_ids[tag_ids < len(self._at)]
        owed: TagIds = known[self._changed[known] > since]
        return owed

    def unknown(self, tag_ids: TagIds) -> TagIds:
        """Those of the tags that have no value yet."""
        inside: TagIds = tag_ids[tag_ids < self._max_tags]
        if len(inside):
            self._grow(int(inside.max()))
            inside = inside[self._changed[inside] == 0]
        return inside

    def readings(self, tag_ids: TagIds) -> list[Reading]:
        """The newest samples of tags inside the table; `change` 0 where there is none."""
        ids = tag_ids.tolist()
        columns = zip(
            ids,
            self._at[tag_ids].tolist(),
            self._value[tag_ids].tolist(),
            self._quality[tag_ids].tolist(),
            map(self._texts.get, ids),
            self._changed[tag_ids].tolist(),
            strict=True,
        )
        return list(map(Reading._make, columns))

    def covers(self, tag_id: int) -> bool:
        """Whether the table has a row for the tag."""
        return 0 <= tag_id < len(self._at)

    def _newest_few(self, batch: SampleBatch) -> NDArray[np.intp]:
        best: dict[int, tuple[int, int]] = {}
        for row, (tag, at) in enumerate(zip(batch.tag_ids.tolist(), batch.timestamps.tolist(), strict=True)):
            held = best.get(tag)
            if at >= (held[0] if held else int(self._at[tag])):
                best[tag] = (at, row)
        return np.array([row for _, row in best.values()], np.intp)

    def _newest_many(self, batch: SampleBatch) -> NDArray[np.intp]:
        # Stable by tag, then time: the last row of a tag is its newest, of equals the latest to come.
        order = np.lexsort((batch.timestamps, batch.tag_ids))
        tags = batch.tag_ids[order]
        last = np.append(tags[1:] != tags[:-1], True)
        rows = order[last]
        newer: NDArray[np.intp] = rows[batch.timestamps[rows] >= self._at[batch.tag_ids[rows]]]
        return newer

    def _set_texts(self, batch: SampleBatch, rows: NDArray[np.intp], tags: TagIds) -> None:
        for row, tag in zip(rows.tolist(), tags.tolist(), strict=True):
            text = batch.texts.get(row)
            if text is None:
                self._texts.pop(tag, None)
            else:
                self._texts[tag] = text

    def _grow(self, highest: int) -> None:
        if highest < len(self._at):
            return
        added = min(max(2 * len(self._at), highest + 1, 256), self._max_tags) - len(self._at)
        self._at = np.concatenate([self._at, np.zeros(added, np.int64)])
        self._value = np.concatenate([self._value, np.full(added, np.nan)])
        self._quality = np.concatenate([self._quality, np.zeros(added, np.uint8)])
        self._changed = np.concatenate([self._changed, np.zeros(added, np.int64)])
