"""What a client missed while it was away, read back from the log: from the newest backwards, and bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from andon.engines.log.port import SENSORS_DATA, Log, Record
from andon.engines.log.reading import read_range
from andon.kit.samples import SampleBatch, concatenate

_WINDOW = 100  # records that are read and searched at once, between which others have their turn
_LARGEST_WINDOW = 1_600


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """Most samples that are given back, and most records and bytes of the log that are searched for them."""

    samples: int
    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Missed:
    """Samples in the order of the log. `truncated`: older ones are missing, over the limits or gone from the log."""

    batch: SampleBatch
    truncated: bool


async def missed_between(
    log: Log,
    after: Mapping[int, int],
    upto: Mapping[int, int],
    tags: NDArray[np.int32],
    limits: CatchUpLimits,
    since: int | None = None,
) -> Missed:
    """Samples of `tags` in the records after some positions (by partition) up to others; with `since` (µs), only
    those stamped later. Where there are more than the limits allow the newest are kept.
    """
    share = replace(limits, records=limits.records // len(upto), bytes=limits.bytes // len(upto))
    found = [await _missed(log, each, after.get(each, 0), end, tags, share, since) for each, end in upto.items()]
    batch = concatenate([missed.batch for missed in found])
    if len(found) > 1:
        batch = batch.take(np.argsort(batch.received, kind="stable"))
    surplus = len(batch) - limits.samples
    if surplus > 0:
        batch = batch.take(np.arange(surplus, len(batch)))
    return Missed(batch, surplus > 0 or any(missed.truncated for missed in found))


async def _missed(
    log: Log,
    partition: int,
    after: int,
    upto: int,
    tags: NDArray[np.int32],
    limits: CatchUpLimits,
    since: int | None,
) -> Missed:
    kept: deque[SampleBatch] = deque()
    count = size = 0
    high, floor, window = upto, max(after, upto - limits.records), _WINDOW
    whole = True
    while high > floor and whole and count <= limits.samples and size < limits.bytes:
        low = max(floor, high - window)
        records = await read_range(log, SENSORS_DATA, low, high, partition)
        whole = bool(records) and records[0].position == low + 1
        if records:
            kept.appendleft(await _of_tags(log, records, tags, since))
            count += len(kept[0])
            size += sum(len(record.payload) for record in records)
        high, window = low, min(2 * window, _LARGEST_WINDOW)
        await asyncio.sleep(0)  # a read that memory answers does not yield, and others are waiting
    return Missed(concatenate(list(kept)), not whole or high > after)


async def _of_tags(log: Log, records: list[Record], tags: NDArray[np.int32], since: int | None) -> SampleBatch:
    batch = (await log.codec.decode(records)).batch.live()
    wanted = np.isin(batch.tag_ids, tags)
    if since is not None:
        wanted &= batch.timestamps > since
    return batch.take(wanted)
