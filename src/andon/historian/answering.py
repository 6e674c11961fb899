"""From a question to readings: samples, buckets, or the points of a chart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from andon.historian.calendar import bucket_edges as calendar_edges
from andon.historian.calendar import zone_of
from andon.historian.charting import chart, coarsest
from andon.historian.cursor import read_cursor, write_cursor
from andon.historian.filling import filled_readings
from andon.historian.model import Buckets, Columns, Source, bucket_edges, bucket_width
from andon.historian.paging import PageRequest, read_page
from andon.historian.question import Question
from andon.historian.selection import QualityFilter, Series, filtered, pick, pick_buckets
from andon.historian.service import Historian
from andon.historian.summing import sum_up
from andon.historian.views import bucket_readings, iso_column, readings, rendered, seconds
from andon.kit.clock import to_iso
from andon.kit.errors import TooLargeError

T = TypeVar("T", Columns, Buckets)
_FEW = 1_000
_SOURCES: dict[Source, str] = {"raw": "raw", "minute": "1m", "hour": "1h"}


@dataclass(frozen=True, slots=True)
class Answered:
    """`readings` of each series in their order, as JSON; `count` of all. `shape` and `meta` are parts of the body."""

    readings: list[msgspec.Raw]
    count: int
    shape: dict[str, Any]
    meta: dict[str, Any] = field(default_factory=dict)


async def answer(historian: Historian, series: Sequence[Series], question: Question) -> Answered:
    """The readings that a question asks for. TooLargeError and InvalidError name the parameter at fault."""
    question.check_size(len(series), historian.queries)
    if question.points is not None:
        return await _points(historian, series, question)
    if question.bucket is not None:
        return await _calendar(historian, series, question)
    if question.buckets is not None:
        return await _even(historian, series, question)
    return await _samples(historian, series, question)


async def _samples(historian: Historian, series: Sequence[Series], question: Question) -> Answered:
    tag_ids = [each.tag.id for each in series]
    identity = (tag_ids, question.order, question.quality)
    asked = read_cursor(question.cursor, identity) if question.cursor is not None else question.asked
    request = PageRequest(question.limit, question.order, question.quality, historian.queries.scan_rows)
    page = await read_page(historian, tag_ids, asked, request)
    left = page.left
    moment = None
    if left is not None:
        moment = iso_column(np.array([left.start if question.order == "asc" else left.end]))[0]
    return await _answered(
        page.columns,
        _rendered_columns,
        {"from": to_iso(asked.start), "to": to_iso(asked.end), "resolution": "raw", "bucketSeconds": None},
        {
            "truncated": left is not None,
            "nextFrom" if question.order == "asc" else "nextTo": moment,
            "nextCursor": write_cursor(identity, left) if left is not None else None,
            "source": "raw",
        },
    )


async def _even(historian: Historian, series: Sequence[Series], question: Question) -> Answered:
    start, end = question.asked
    count = question.buckets or 1
    edges = bucket_edges(start, end, count)
    found = await _sums(historian, series, edges, question)
    shape = {
        **_range(question),
        "resolution": "buckets",
        "bucketSeconds": seconds(bucket_width(start, end, count)),
    }
    return await _in_buckets(found, edges, shape, question, detailed=False)


async def _calendar(historian: Historian, series: Sequence[Series], question: Question) -> Answered:
    """Buckets of the calendar; the first and the last hold only what lies in the range."""
    width, start, end = question.bucket, *question.asked
    assert width is not None
    timezone = question.timezone or series[0].device.timezone
    most = min(historian.queries.max_buckets, historian.queries.max_answer // len(series))
    edges = calendar_edges(width, start, end, zone_of(timezone), most)
    inside = edges.clip(start, end)
    found = await _sums(historian, series, inside, question)
    shape = {
        **_range(question),
        "resolution": "buckets",
        "bucketSeconds": seconds(width.us),
        "bucket": str(width),
        "timezone": timezone,
    }
    return await _in_buckets([_renamed(each, inside, edges) for each in found], edges, shape, question, detailed=True)


async def _points(historian: Historian, series: Sequence[Series], question: Question) -> Answered:
    charts = await chart(historian, series, question)
    shape = {**_range(question), "resolution": charts.resolution, "bucketSeconds": charts.seconds}
    return await _answered(charts.columns, _rendered_columns, shape, _complete(_SOURCES[charts.source]))


def _range(question: Question) -> dict[str, Any]:
    return {"from": to_iso(question.asked.start), "to": to_iso(question.asked.end)}


def _complete(source: str) -> dict[str, Any]:
    return {"truncated": False, "nextFrom": None, "nextCursor": None, "source": source}


async def _sums(
    historian: Historian, series: Sequence[Series], edges: NDArray[np.int64], question: Question
) -> list[Buckets]:
    """The buckets of each series. Tiers know no filter of good samples: those are summed up from the samples."""
    tag_ids = [each.tag.id for each in series]
    if question.quality == "good":
        columns = await _all_samples(historian, tag_ids, edges, question.quality)
        return [sum_up(each, edges) for each in columns]
    found = await historian.series(tag_ids, edges)
    return found if question.quality == "all" else [_with_values(each) for each in found]


async def _all_samples(
    historian: Historian, tag_ids: Sequence[int], edges: NDArray[np.int64], quality: QualityFilter
) -> list[Columns]:
    most = historian.queries.scan_rows
    start, end = int(edges[0]), int(edges[-1])
    found: list[Columns] = []
    for tag_id in tag_ids:
        columns = await historian.read(tag_id, start, end, most + 1)
        most -= len(columns)
        if most < 0:
            raise TooLargeError(
                f"quality=good has to look at each sample, and there are more than {historian.queries.scan_rows} "
                "(history_scan_rows)",
                field="quality",
                cure="ask for less time, or with quality=usable",
            )
        found.append(filtered(columns, quality))
    return found


def _with_values(buckets: Buckets) -> Buckets:
    return pick_buckets(buckets, buckets.counts > 0)


def _renamed(buckets: Buckets, inside: NDArray[np.int64], edges: NDArray[np.int64]) -> Buckets:
    """The buckets with the calendar's edges as their starts: the range cut the first one off."""
    return replace(buckets, starts=edges[np.searchsorted(inside, buckets.starts, side="right") - 1])


async def _in_buckets(
    found: Sequence[Buckets], edges: NDArray[np.int64], shape: dict[str, Any], question: Question, *, detailed: bool
) -> Answered:
    def render(buckets: Buckets) -> bytes:
        if question.fill == "none":
            rows = lambda part: bucket_readings(pick_buckets(buckets, part), detailed=detailed)  # noqa: E731
            return rendered(len(buckets), rows)
        readings = filled_readings(buckets, edges[:-1], question.fill, detailed=detailed)
        return rendered(len(readings), readings.__getitem__)

    answered = await _answered(found, render, shape, _complete(_SOURCES[coarsest(found)]))
    return answered if question.fill == "none" else replace(answered, count=len(found) * (len(edges) - 1))


def _rendered_columns(columns: Columns) -> bytes:
    return rendered(len(columns), lambda part: readings(pick(columns, part)))


async def _answered(
    found: Sequence[T], render: Callable[[T], bytes], shape: dict[str, Any], meta: dict[str, Any]
) -> Answered:
    """The answer, rendered by a thread when that takes longer than the loop may wait."""
    count = sum(map(len, found))

    def all_of_them() -> list[msgspec.Raw]:
        return [msgspec.Raw(render(each)) for each in found]

    return Answered(all_of_them() if count <= _FEW else await asyncio.to_thread(all_of_them), count, shape, meta)
