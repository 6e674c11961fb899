"""What the log delivers, made ready to be written. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from andon.historian.stores.postgres.tables import MINUTE_US
from andon.kit.clock import US_PER_HOUR
from andon.kit.samples import PINNED, SampleBatch, concatenate


@dataclass(frozen=True, slots=True)
class Delivery:
    """Samples of one partition of the log, up to a position."""

    batch: SampleBatch
    position: int
    partition: int


def together(deliveries: Sequence[Delivery]) -> tuple[SampleBatch, NDArray[np.int32]]:
    """All samples by tag and time, of equal keys the last only; and the log's partition that each came from.

    A sample that any of them pinned is pinned, as it is when they come one after the other.
    """
    batch = concatenate([each.batch for each in deliveries])
    sources = np.repeat(
        np.array([each.partition for each in deliveries], np.int32), [len(each.batch) for each in deliveries]
    )
    order = np.lexsort((batch.timestamps, batch.tag_ids))
    tags, at = batch.tag_ids[order], batch.timestamps[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (tags[1:] != tags[:-1]) | (at[1:] != at[:-1])
    kept = order[last]
    found = batch.take(kept)
    if batch.marks is not None and len(kept):
        any_of = np.bitwise_or.reduceat(batch.marks[order], np.flatnonzero(np.append(True, last[:-1])))
        found = replace(found, marks=batch.marks[kept] | (any_of & np.uint8(PINNED)))
    return found, sources[kept]


def stale_spans(
    tags: NDArray[np.int32], timestamps: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Of late samples by tag and time: per tag and hour, from the first minute to the end of the last one."""
    hours = timestamps // US_PER_HOUR
    first = np.ones(len(tags), np.bool_)
    first[1:] = (tags[1:] != tags[:-1]) | (hours[1:] != hours[:-1])
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(tags)) - 1
    return (
        tags[starts],
        timestamps[starts] // MINUTE_US * MINUTE_US,
        (timestamps[ends] // MINUTE_US + 1) * MINUTE_US,
    )
