"""What a client missed while it was away, read back from the log: from the newest backwards, and bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.engines.log.port import SENSORS_DATA, Log, Record
from andon.kit.clock import US_PER_S
from andon.kit.samples import SampleBatch, concatenate

_WINDOW = 100  # records that are read and searched at once, between which others have their turn
_READ_BYTES = 4 << 20
# A sample may be stamped ahead of its arrival by as much as ingest lets through.
_AHEAD_US = 60 * US_PER_S


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


async def missed_after(
    log: Log, after: int, upto: int, tags: NDArray[np.int32], limits: CatchUpLimits, since: int | None = None
) -> Missed:
    """Samples of `tags` in the records after one position up to another; with `since` (µs), only those stamped later.

    Where there are more than the limits allow the newest are kept.
    """
    if after > upto:
        # The log was replaced by a shorter one: what that position meant is not known.
        return Missed(SampleBatch.empty(), truncated=True)
    kept: deque[SampleBatch] = deque()
    count = size = 0
    high, floor = upto, max(after, upto - limits.records)
    whole = True
    while high > floor and whole and count <= limits.samples and size < limits.bytes:
        low = max(floor, high - _WINDOW)
        records = await _records(log, low, high)
        whole = bool(records) and records[0].position == low + 1
        if records:
            kept.appendleft(await _of_tags(log, records, tags, since))
            count += len(kept[0])
            size += sum(len(record.payload) for record in records)
        high = low
        await asyncio.sleep(0)  # a read that memory answers does not yield, and others are waiting
    batch = concatenate(list(kept))
    surplus = len(batch) - limits.samples
    if surplus > 0:
        batch = batch.take(np.arange(surplus, len(batch)))
    return Missed(batch, surplus > 0 or not whole or high > after)


async def _records(log: Log, after: int, upto: int) -> list[Record]:
    """All records after one position up to another that the log still has."""
    found: list[Record] = []
    while after < upto:
        records = await log.read(SENSORS_DATA, after, upto - after, _READ_BYTES)
        if not records:
            break
        found.extend(record for record in records if record.position <= upto)
        after = records[-1].position
    return found


async def _of_tags(log: Log, records: list[Record], tags: NDArray[np.int32], since: int | None) -> SampleBatch:
    batch = (await log.codec.decode(records)).batch.live()
    wanted = np.isin(batch.tag_ids, tags)
    if since is not None:
        wanted &= batch.timestamps > since
    return batch.take(wanted)


async def position_before(log: Log, since: int, upto: int) -> int:
    """A position of which everything stamped after `since` (µs UTC) lies behind: found by halving, few reads."""
    arrived = since - _AHEAD_US
    low, high = 0, upto
    while low < high:
        middle = (low + high) // 2
        records = await log.read(SENSORS_DATA, middle, 1)
        if not records or records[0].position > upto:
            high = middle
            continue
        batch = (await log.codec.decode(records)).batch
        if len(batch) and int(batch.received[-1]) >= arrived:
            high = middle
        else:
            low = records[0].position
    return low
