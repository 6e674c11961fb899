"""The newest sample of every tag, whatever happens to its history."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from andon.historian.stores.columnar.sorting import merged, of_tags
from andon.kit.samples import SampleBatch, decode, encode

BLOCK: Final = 4096
"""Tags whose newest samples are saved together."""
_ALL: Final = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)


class Newest:
    """One sample per tag, by tag; used by several threads. `changed` says which blocks must be saved."""

    def __init__(self, saved: Sequence[bytes] = ()) -> None:
        self._lock = threading.Lock()
        self._batch = merged(sorted((decode(data) for data in saved), key=lambda batch: int(batch.tag_ids[0])))
        self._changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._batch)

    def take(self, batch: SampleBatch) -> None:
        """Look at the samples of a sorted batch."""
        with self._lock:
            self._take(batch)

    def _take(self, batch: SampleBatch) -> None:
        ends = np.flatnonzero(np.append(batch.tag_ids[1:] != batch.tag_ids[:-1], True))
        last = batch.take(ends)
        held = self._batch
        place = np.searchsorted(held.tag_ids, last.tag_ids)
        known = place < len(held)
        known[known] = held.tag_ids[place[known]] == last.tag_ids[known]
        newer = ~known
        newer[known] = last.timestamps[known] >= held.timestamps[place[known]]
        if not newer.any():
            return
        fresh = last.take(newer)
        self._changed.update(np.unique(fresh.tag_ids // BLOCK).tolist())
        kept = np.ones(len(held), np.bool_)
        kept[place[newer & known]] = False
        self._batch = _by_tag(held.take(kept), fresh)

    def of(self, tag_ids: Sequence[int]) -> SampleBatch:
        """The newest samples of the tags that have any, by tag."""
        return of_tags(self._batch, np.unique(np.array(tag_ids, np.int32)), *_ALL)

    def changed(self) -> Mapping[int, bytes]:
        """The blocks that changed since the last call, to be saved; see `failed`."""
        with self._lock:
            batch, changed = self._batch, sorted(self._changed)
            self._changed.clear()
        blocks = {}
        for block in changed:
            low, high = np.searchsorted(batch.tag_ids, (block * BLOCK, (block + 1) * BLOCK))
            blocks[block] = encode(batch.take(np.arange(low, high)))
        return blocks

    def failed(self, blocks: Mapping[int, bytes]) -> None:
        """They could not be saved: they count as changed again."""
        with self._lock:
            self._changed.update(blocks)


def _by_tag(held: SampleBatch, fresh: SampleBatch) -> SampleBatch:
    """Both, none of whose tags is in the other."""
    return merged([held, fresh]).with_marks(0)
