"""Raw samples of one or several signals, a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from andon.historian.cursor import Remaining
from andon.historian.model import Columns
from andon.historian.selection import QualityFilter, filtered, pick
from andon.historian.service import Historian

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Page:
    """The samples of each signal within one stretch of time, and what is left of the range after it."""

    columns: list[Columns]
    left: Remaining | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """At most `limit` samples a signal; a page that a filter keeps nearly empty ends after `scan_rows` samples read."""

    limit: int
    order: Order = "asc"
    quality: QualityFilter = "all"
    scan_rows: int = 500_000


async def read_page(historian: Historian, tag_ids: Sequence[int], asked: Remaining, request: PageRequest) -> Page:
    """The next page of a range. All signals end at the same moment, so pages of several can be laid side by side."""
    share = max(request.scan_rows // max(len(tag_ids), 1), request.limit + 1)
    walks = await asyncio.gather(*(_walk(historian, tag, asked, request, share) for tag in tag_ids))
    if request.order == "asc":
        end = min((horizon for _, horizon in walks), default=asked.end)
        columns = [pick(found, slice(0, int(np.searchsorted(found.timestamps, end)))) for found, _ in walks]
        return Page(columns, Remaining(end, asked.end) if end < asked.end else None)
    start = max((horizon for _, horizon in walks), default=asked.start)
    columns = [pick(found, slice(0, int((found.timestamps >= start).sum()))) for found, _ in walks]
    return Page(columns, Remaining(asked.start, start) if start > asked.start else None)


async def _walk(
    historian: Historian, tag_id: int, asked: Remaining, request: PageRequest, most: int
) -> tuple[Columns, int]:
    """The samples of one signal that fit, and how far they are complete: up to there, or newest first down to there."""
    found: list[Columns] = []
    kept = read = 0
    start, end = asked
    newest_first = request.order == "desc"
    # One more than asked for tells whether there is more; a filter may need several reads to find it.
    size = request.limit + 1
    while True:
        part = await historian.read(tag_id, start, end, size, newest_first)
        fitting = filtered(part, request.quality)
        found.append(fitting)
        kept += len(fitting)
        read += len(part)
        if kept > request.limit:
            return _cut(found, request.limit, newest_first)
        if len(part) < size:
            return _joined(found), asked.start if newest_first else asked.end
        reached = int(part.timestamps[-1])
        if newest_first:
            end = reached
        else:
            start = reached + 1
        if read >= most:
            return _joined(found), end if newest_first else start


def _cut(found: Sequence[Columns], limit: int, newest_first: bool) -> tuple[Columns, int]:
    """Exactly `limit` samples, and the horizon that they reach."""
    columns = _joined(found)
    horizon = int(columns.timestamps[limit - 1 if newest_first else limit])
    return pick(columns, slice(0, limit)), horizon


def _joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    texts: dict[int, str] = {}
    offset = 0
    for part in parts:
        texts |= {offset + row: text for row, text in part.texts.items()}
        offset += len(part)
    return Columns(
        np.concatenate([part.timestamps for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.qualities for part in parts]),
        np.concatenate([part.received for part in parts]),
        texts,
    )
