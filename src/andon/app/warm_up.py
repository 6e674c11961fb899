"""Fills live state from the history before anything new comes, so that a restart shows no empty screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from andon.app.plant import Plant
from andon.engines.livestate.port import Window
from andon.engines.livestate.snapshot import LiveColumns, WindowRing
from andon.engines.log.consumer import Consumer, ConsumerLimits
from andon.engines.log.port import SENSORS_DATA
from andon.historian.model import Buckets
from andon.kit.clock import US_PER_HOUR, US_PER_S, now_us
from andon.kit.samples import IMPORTED, SampleBatch

CATCH_UP_S = 30.0
APPLY_EVERY_S = 0.1
"""Screens and alarms follow the log by themselves; for who asks, a few flushes together cost less than each."""
_TAGS_AT_ONCE = 500
_MINUTE = 60 * US_PER_S
_WINDOWS: dict[Window, tuple[int, int]] = {"1h": (60, _MINUTE), "24h": (96, 15 * _MINUTE)}
"""Spans of each window and their width, as live state divides them."""


async def warm_up(plant: Plant) -> Consumer:
    """The newest value of each tag and the sums of its last hours; then the consumer that carries on from there.

    History takes in what the log holds first. Nothing else writes to it yet: it ends exactly at the positions where
    the consumer starts, so no sample is counted twice.
    """
    positions = await _positions(plant)
    tags = [tag.id for organisation in plant.directory.organisations() for tag in plant.directory.tags(organisation)]
    latest = await plant.historian.latest(tags)
    now = now_us()
    start = now - round(plant.settings.warm_hours * US_PER_HOUR)
    recent = latest.take(latest.timestamps >= start)
    plant.livestate.warm(latest.take(latest.timestamps < start))
    for at in range(0, len(recent), _TAGS_AT_ONCE):
        await _warm(plant, recent.take(np.arange(at, min(at + _TAGS_AT_ONCE, len(recent)))), start, now)

    async def handle(batch: SampleBatch, _position: int, _partition: int) -> None:
        plant.livestate.apply(as_of_then(batch))

    patience = ConsumerLimits(min_interval_s=APPLY_EVERY_S)
    return Consumer(plant.log, SENSORS_DATA, "processing", handle, start_at=positions, commit=False, limits=patience)


async def _positions(plant: Plant) -> dict[int, int]:
    """Where history stands, of each partition."""
    if plant.runs("historian"):
        return await plant.historian.catch_up(plant.log, CATCH_UP_S)
    partitions = range(await plant.log.partitions(SENSORS_DATA))
    return {each: await plant.engines.history.position(each) for each in partitions}


async def _warm(plant: Plant, latest: SampleBatch, start: int, now: int) -> None:
    tags = latest.tag_ids
    texts = {int(tags[row]): text for row, text in latest.texts.items()}
    windows: dict[Window, WindowRing] = {}
    for name, (spans, width) in _WINDOWS.items():
        first = max(now // width - spans + 1, -(-start // width))
        edges = np.arange(first, now // width + 2, dtype=np.int64) * width
        if len(edges) > 1:
            windows[name] = ring(await plant.historian.series(tags.tolist(), edges), spans, width)
    plant.livestate.restore(
        LiveColumns(tags, latest.timestamps, latest.values, latest.qualities, latest.received, texts, windows)
    )


def ring(series: Sequence[Buckets], spans: int, width: int) -> WindowRing:
    """The filled slots of a window of so many spans: of each tag (by its place in `series`) count, sum, min, max."""
    used = [each.counts > 0 for each in series]

    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(each, name)[some] for each, some in zip(series, used, strict=True)])

    counts = column("counts").astype(np.float64)
    numbers = column("starts").astype(np.int64) // width
    rows = np.repeat(np.arange(len(series), dtype=np.int32), [int(some.sum()) for some in used])
    cells = np.column_stack((counts, counts * column("means"), column("minima"), column("maxima")))
    return WindowRing(rows, (numbers % spans).astype(np.int32), numbers.astype(np.int32), cells)


def as_of_then(batch: SampleBatch) -> SampleBatch:
    """Imported samples show as if they had come when they were taken: an import makes no device look alive."""
    if batch.marks is None:
        return batch
    return replace(batch, received=np.where(batch.marked(IMPORTED), batch.timestamps, batch.received))
