"""Fills live state from the history before anything new comes, so that a restart shows no empty screens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from andon.app.plant import Plant
from andon.engines.log.consumer import Consumer
from andon.engines.log.port import SENSORS_DATA
from andon.historian.model import Columns
from andon.kit.clock import US_PER_HOUR, now_us
from andon.kit.samples import IMPORTED, SampleBatch

MAX_SAMPLES = 400_000
"""Samples read back at most, shared by all tags: about a second. A larger plant's day fills up as it goes on."""


async def warm_up(plant: Plant) -> Consumer:
    """The newest value of each tag and its last hours; then the consumer that carries on from there.

    The historian has not begun to write: what it holds ends exactly at its position, where the consumer starts,
    so no sample is counted twice.
    """
    tags = [tag.id for organisation in plant.directory.organisations() for tag in plant.directory.tags(organisation)]
    latest = await plant.historian.latest(tags)
    now = now_us()
    start = now - round(plant.settings.warm_hours * US_PER_HOUR)
    recent = [tag for tag, at in zip(latest.tag_ids.tolist(), latest.timestamps.tolist(), strict=True) if at >= start]
    share = max(1, MAX_SAMPLES // max(1, len(recent)))
    for tag in recent:
        plant.livestate.warm(as_batch(tag, await plant.historian.read(tag, start, now, share, newest_first=True)))
    plant.livestate.warm(latest.take(latest.timestamps < start))

    async def handle(batch: SampleBatch, _position: int, _partition: int) -> None:
        plant.livestate.apply(as_of_then(batch))

    partitions = range(await plant.log.partitions(SENSORS_DATA))
    positions = {each: await plant.engines.history.position(each) for each in partitions}
    return Consumer(plant.log, SENSORS_DATA, "processing", handle, start_at=positions, commit=False)


def as_of_then(batch: SampleBatch) -> SampleBatch:
    """Imported samples show as if they had come when they were taken: an import makes no device look alive."""
    if batch.marks is None:
        return batch
    return replace(batch, received=np.where(batch.marked(IMPORTED), batch.timestamps, batch.received))


def as_batch(tag_id: int, columns: Columns) -> SampleBatch:
    """The samples of one tag as a batch."""
    return SampleBatch(
        np.full(len(columns), tag_id, np.int32),
        columns.timestamps,
        columns.values,
        columns.qualities,
        columns.received,
        columns.texts,
    )
