"""Questions that take more than one statement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from andon.historian import model
from andon.historian.model import Statistics
from andon.historian.rollup import TierRows, coarser
from andon.historian.stores.postgres import rows
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.effective import View
from andon.historian.stores.postgres.spans import interval
from andon.historian.stores.postgres.tables import MINUTE_US
from andon.kit.clock import US_PER_DAY
from andon.kit.samples import SampleBatch, concatenate

PAGE = 200_000
RECENT_US = 2 * US_PER_DAY
"""Most tags have a sample since then: looking there first spares a look into every older partition."""


def latest(connection: Connection, tag_ids: Sequence[int], now: int) -> SampleBatch:
    """The newest sample of each of the tags, also one that retention has dropped since; by tag id."""
    recent = rows.latest(connection, tag_ids, now - RECENT_US)
    others = np.setdiff1d(np.array(tag_ids, np.int64), recent.tag_ids)
    if not len(others):
        return recent
    older = rows.latest(connection, others.tolist(), -(2**62))
    dropped = rows.dropped(connection, others.tolist())
    found = concatenate([recent, older, dropped])
    # Of a tag with both, the later; of equally old ones the one that is still there.
    order = np.lexsort((np.arange(len(found), 0, -1), found.timestamps, found.tag_ids))
    found = found.take(order)
    return found.take(np.append(found.tag_ids[1:] != found.tag_ids[:-1], True)[: len(found)])


def statistics(connection: Connection, tag_id: int, start: int, end: int, most: int) -> Statistics | None:
    """Of the usable values of a range; None when there are none.

    Percentiles are exact when all samples are there and not more than `most`, else those of the minutes' means.
    """
    view = View.of(connection)
    held = view.sums((tag_id,), np.array([start, end], np.int64)).rows
    total = int(held.totals.sum())
    if not int(held.counts.sum()):
        return None
    complete = start >= view.raw_floor or rows.count(connection, (tag_id,), interval(start, end)) == total
    if complete and total <= most:
        return model.statistics(*_values(connection, tag_id, start, end))
    return _approximate(view, held, tag_id, start, end)


def _values(connection: Connection, tag_id: int, start: int, end: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    values, qualities = [], []
    while True:
        page = rows.read(connection, tag_id, start, end, PAGE)
        values.append(page.values)
        qualities.append(page.qualities)
        if len(page) < PAGE:
            return np.concatenate(values), np.concatenate(qualities)
        start = int(page.timestamps[-1]) + 1


def _approximate(view: View, held: TierRows, tag_id: int, start: int, end: int) -> Statistics:
    (whole,) = coarser(held, np.array([start, end], np.int64), (tag_id,))
    minutes = view.sums((tag_id,), _edges(start, end)).rows
    return model.statistics_of_sums(whole, minutes.means, minutes.counts)


def _edges(start: int, end: int) -> NDArray[np.int64]:
    """Edges of the minutes of a range, of the hours of a long one."""
    width = MINUTE_US if end - start <= 32 * US_PER_DAY else 60 * MINUTE_US
    inner = np.arange((start // width + 1) * width, end, width, dtype=np.int64)
    return np.concatenate(([start], inner, [end])).astype(np.int64)
