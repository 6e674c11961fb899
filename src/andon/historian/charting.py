"""The points of a chart: few enough to draw, picked so that the curve keeps its shape at any range."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.downsample import lttb, minmax
from andon.historian.model import Buckets, Columns, Source
from andon.historian.question import Question
from andon.historian.selection import Series, filtered, pick
from andon.historian.service import Historian
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.quality import Quality

_SOURCES: Final[tuple[Source, ...]] = ("raw", "minute", "hour")
_PAUSES: Final = 10
_ABOUT, _FEW = 1.02, 10  # how far the estimated number of samples may be off
_WIDTHS: Final = (
    ("1d", US_PER_DAY),
    ("6h", 6 * US_PER_HOUR),
    ("1h", US_PER_HOUR),
    ("15m", 900 * US_PER_S),
    ("5m", 300 * US_PER_S),
    ("1m", 60 * US_PER_S),
)


@dataclass(frozen=True, slots=True)
class Charts:
    """The points of each series, and what they were picked from: samples (`raw`), or the extremes of `resolution`."""

    columns: list[Columns]
    resolution: str
    seconds: float | None
    source: Source


async def chart(historian: Historian, series: Sequence[Series], question: Question) -> Charts:
    """Samples while they are few enough to look at each, else the extremes of minutes up to days."""
    assert question.points is not None
    tag_ids = [each.tag.id for each in series]
    start, end = question.asked
    most = historian.queries.chart_rows
    rows = await historian.rows(tag_ids, start, end)
    if rows <= most and await _has_all_samples(historian, tag_ids, question, rows):
        columns = [await historian.read(tag, start, end, most + 1) for tag in tag_ids]
        if sum(map(len, columns)) <= most:
            kept = [filtered(each, question.quality) for each in columns]
            silences = [_silence(each, which) for each, which in zip(kept, series, strict=True)]
            return Charts(await _thin(kept, silences, question), "raw", None, "raw")
    name, width = _width(end - start, question.points)
    found = await historian.series(tag_ids, _edges(start, end, width))
    extremes = [_extremes(each, width) for each in found]
    charted = await _thin(extremes, [width * 3 // 2] * len(found), question)
    return Charts(charted, name, width / US_PER_S, coarsest(found))


def coarsest(found: Sequence[Buckets]) -> Source:
    """The coarsest source that any of the buckets was made from."""
    return max((each.source for each in found), key=_SOURCES.index, default="raw")


async def _has_all_samples(historian: Historian, tag_ids: Sequence[int], question: Question, rows: int) -> bool:
    """Whether retention has left the samples of the range: the sums know how many there were."""
    summed = await historian.series(tag_ids, np.array(question.asked, np.int64))
    return sum(int(each.counts.sum()) for each in summed) <= rows * _ABOUT + _FEW


def _width(span: int, points: int) -> tuple[str, int]:
    """The widest, from a day to a minute, that leaves enough to pick from, else what gives that many buckets."""
    for name, width in _WIDTHS:
        if span // width >= points:
            return name, width
    return "buckets", max(span // points, 1)


def _edges(start: int, end: int, width: int) -> NDArray[np.int64]:
    """Edges on whole minutes, hours or days (UTC), where the tiers have theirs; the outer ones are the range's own."""
    inner = np.arange(start - start % width + width, end, width, dtype=np.int64)
    return np.concatenate([[start], inner, [end]])


def _extremes(buckets: Buckets, width: int) -> Columns:
    """Two points a bucket, its least and its greatest value; where they lie within it is not known any more."""
    held = np.flatnonzero(buckets.counts)
    starts, low, high = buckets.starts[held], buckets.minima[held], buckets.maxima[held]
    falling = buckets.firsts[held] > buckets.lasts[held]
    times = np.stack([starts + width // 4, starts + width // 4 * 3], axis=1).ravel()
    values = np.stack([np.where(falling, high, low), np.where(falling, low, high)], axis=1).ravel()
    both = np.ones(len(times), np.bool_)
    both[1::2] = low != high
    qualities = np.repeat(buckets.qualities[held], 2)
    return Columns(times[both], values[both], qualities[both], times[both])


def _silence(columns: Columns, series: Series) -> int:
    """µs from which a pause between two samples is a gap: the device's own limit, or ten times its usual pause."""
    usual = float(np.median(np.diff(columns.timestamps))) if len(columns) > 2 else 0.0
    return round(max(series.device.offline_after_s * US_PER_S, _PAUSES * usual))


def with_gaps(columns: Columns, silence: int) -> Columns:
    """A sample without a value in each pause longer than `silence` µs: charts break off there."""
    before = np.flatnonzero(np.diff(columns.timestamps) > silence)
    if not len(before):
        return columns
    at = columns.timestamps[before] + (columns.timestamps[before + 1] - columns.timestamps[before]) // 2
    moved = before + 1
    shifted = {row + int(np.searchsorted(moved, row, side="right")): text for row, text in columns.texts.items()}
    return Columns(
        np.insert(columns.timestamps, moved, at),
        np.insert(columns.values, moved, np.nan),
        np.insert(columns.qualities, moved, np.uint8(Quality.STALE)),
        np.insert(columns.received, moved, at),
        shifted,
    )


async def _thin(columns: Sequence[Columns], silences: Sequence[int], question: Question) -> list[Columns]:
    """The points that stay; picked by a worker thread, since a million candidates take a while."""
    return await asyncio.to_thread(
        lambda: [_picked(with_gaps(each, silence), question) for each, silence in zip(columns, silences, strict=True)]
    )


def _picked(columns: Columns, question: Question) -> Columns:
    points = question.points or len(columns)
    if len(columns) <= points:
        return columns
    choose = minmax if question.method == "minmax" else lttb
    return pick(columns, choose(columns.timestamps, columns.values, points))
