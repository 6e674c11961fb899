"""Samples in the order of (tag, timestamp), each key once. Pure; all of it runs without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from andon.kit.samples import SampleBatch, concatenate

_KEY_BITS = 63


def sorted_unique(batch: SampleBatch) -> SampleBatch:
    """By tag, then time; of equal keys only the last one, which is the one that counts."""
    if not len(batch):
        return batch
    order = order_of(batch.tag_ids, batch.timestamps)
    tags, times = batch.tag_ids[order], batch.timestamps[order]
    last = np.empty(len(order), np.bool_)
    last[-1] = True
    np.not_equal(tags[1:], tags[:-1], out=last[:-1])
    last[:-1] |= times[1:] != times[:-1]
    return batch.take(order if last.all() else order[last])


def merged(batches: Sequence[SampleBatch]) -> SampleBatch:
    """Sorted batches as one; of equal keys the one from the last batch counts."""
    some = [batch for batch in batches if len(batch)]
    if len(some) <= 1:
        return some[0] if some else SampleBatch.empty()
    if _follow_each_other(some):
        return concatenate(some)
    return sorted_unique(concatenate(some))


def _follow_each_other(batches: Sequence[SampleBatch]) -> bool:
    """Whether each batch lies behind the one before it already."""
    return all((a.tag_ids[-1], a.timestamps[-1]) < (b.tag_ids[0], b.timestamps[0]) for a, b in pairwise(batches))


def order_of(tags: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.intp]:
    """What sorts by tag, then time; stable.

    One key of 64 bits where it fits: what is in runs already is merged, ten times as fast as sorted.
    """
    if not len(tags):
        return np.empty(0, np.intp)
    first, low = int(times.min()), int(tags.min())
    bits = (int(times.max()) - first).bit_length()
    if bits + (int(tags.max()) - low).bit_length() <= _KEY_BITS:
        key = (tags.astype(np.int64) - low) << bits
        key |= times - first
        return np.argsort(key, kind="stable")
    return np.lexsort((times, tags))


def sliced(batch: SampleBatch, start: int, stop: int) -> SampleBatch:
    """Rows start to stop, without copying the columns."""
    texts = batch.texts
    if texts:
        texts = {row - start: text for row, text in texts.items() if start <= row < stop}
    rows = slice(start, stop)
    return SampleBatch(
        batch.tag_ids[rows],
        batch.timestamps[rows],
        batch.values[rows],
        batch.qualities[rows],
        batch.received[rows],
        texts,
        None if batch.marks is None else batch.marks[rows],
    )


def of_tags(batch: SampleBatch, tags: NDArray[np.int32], start: int, end: int) -> SampleBatch:
    """The samples of these tags (ascending) in the range, from a sorted batch."""
    if not len(batch) or not len(tags):
        return SampleBatch.empty()
    low = np.searchsorted(batch.tag_ids, tags, "left")
    high = np.searchsorted(batch.tag_ids, tags, "right")
    if len(tags) == 1:
        at = int(low[0])
        times = batch.timestamps[at : int(high[0])]
        first, last = np.searchsorted(times, (start, end))
        return sliced(batch, at + int(first), at + int(last))
    within = (batch.timestamps >= start) & (batch.timestamps < end)
    within &= covered(low, high, len(batch))
    return batch if within.all() else batch.take(within)


def covered(low: NDArray[np.intp], high: NDArray[np.intp], rows: int) -> NDArray[np.bool_]:
    """Mask of the rows inside any of the ranges low to high, which do not overlap."""
    steps = np.zeros(rows + 1, np.int8)
    # Ranges may touch: the end of one is the start of the next.
    np.add.at(steps, low, 1)
    np.subtract.at(steps, high, 1)
    return np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)


def byte_size(batch: SampleBatch) -> int:
    """What a batch takes in memory, about."""
    size = len(batch) * (29 if batch.marks is None else 30)
    if batch.texts:
        size += sum(150 + 4 * len(text) for text in batch.texts.values())
    return size
