"""Sums as they are true now, from the tiers, from samples where a tier does not stand yet, and from what is left.

A tier is complete before a certain moment, but for what is stale: late samples came, and their minutes wait to be
summed up anew. Before the floor of a tier its rows may have been dropped while coarser ones are kept; there, of two
that tell of the same time, the one that stands for more samples is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.rollup import COLUMNS, TierRows, merge, rollup
from andon.historian.stores.postgres import rows
from andon.historian.stores.postgres.binary import column, int4s, joined, moment, moments
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.spans import Intervals, blocks, clipped, inside, interval, united, widened, without
from andon.historian.stores.postgres.tables import MINUTE_US
from andon.kit.clock import US_PER_HOUR
from andon.kit.samples import SampleBatch

_META: Final = """
SELECT (extract(epoch FROM minutes_until) * 1000000)::bigint, (extract(epoch FROM hours_until) * 1000000)::bigint,
    CASE WHEN isfinite(raw_floor) THEN (extract(epoch FROM raw_floor) * 1000000)::bigint END,
    CASE WHEN isfinite(minute_floor) THEN (extract(epoch FROM minute_floor) * 1000000)::bigint END
FROM history.meta
"""
_STALE: Final = f"""
SELECT {joined("tag_id", "int4")}, {joined("start", "timestamptz_")}, {joined("until", "timestamptz_")} FROM (
    SELECT tag_id, start, until FROM history.stale
    WHERE tag_id = ANY(%b::int4[]) AND start < %b AND until > %b ORDER BY tag_id, start
) AS marks
"""
_NEVER: Final = -(2**62)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of spans, by tag and time; `source` is the coarsest tier among them."""

    rows: TierRows
    source: Source


@dataclass(frozen=True, slots=True)
class View:
    """The tables through one connection, in one transaction that sees one state of them. Times in µs UTC."""

    connection: Connection
    minutes_until: int
    hours_until: int
    raw_floor: int
    minute_floor: int

    @staticmethod
    def of(connection: Connection) -> View:
        """What stands where, now."""
        row = connection.execute(_META).fetchone()
        assert row is not None
        return View(connection, row[0], row[1], *(_NEVER if floor is None else floor for floor in row[2:]))

    # What the buckets between some edges are made from

    def sums(self, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> Sums:
        """All between the first and the last edge: hours that no edge divides, else minutes, else samples."""
        tags = np.unique(np.array(tag_ids, np.int32))
        low, high = int(edges[0]), int(edges[-1])
        hours, split_hours = _divided(interval(low, high), edges, US_PER_HOUR)
        minutes, split = _divided(split_hours, edges, MINUTE_US)
        parts = (
            self._raw(tags, split),
            self._minutes(tags, clipped(minutes, low, high)),
            self.hours(tags, hours),
        )
        held = merge(parts)
        source: Source = "hour" if len(parts[2]) else "minute" if len(parts[1]) else "raw"
        return Sums(held.take(inside(interval(low, high), held.starts)), source)

    def _raw(self, tags: NDArray[np.int32], spans: Intervals) -> TierRows:
        """A row for each sample; where samples were dropped, the minutes that begin in the spans."""
        old = clipped(spans, high=self.raw_floor)
        found = rollup(self.samples(tags, clipped(spans, low=self.raw_floor)), 1)
        if not len(old):
            return found
        whole = widened(old, MINUTE_US)
        left = covered(rollup(self.samples(tags, whole), 1), self._minutes(tags, whole), MINUTE_US)
        return merge((found, left.take(inside(old, left.starts))))

    def _minutes(self, tags: NDArray[np.int32], spans: Intervals) -> TierRows:
        """Sums of the minutes in the spans; where they were dropped, the hours that begin there."""
        old = clipped(spans, high=self.minute_floor)
        found = self.minutes(tags, clipped(spans, low=self.minute_floor))
        if not len(old):
            return found
        whole = widened(old, US_PER_HOUR)
        left = covered(self.minutes(tags, whole), self.hours(tags, whole), US_PER_HOUR)
        return merge((found, left.take(inside(old, left.starts))))

    # Tiers

    def samples(self, tags: NDArray[np.int32], spans: Intervals) -> SampleBatch:
        """All samples of the tags in the spans."""
        return rows.samples(self.connection, tags.tolist(), spans)

    def minutes(self, tags: NDArray[np.int32], spans: Intervals) -> TierRows:
        """Sums of whole minutes."""
        rolled = clipped(spans, high=self.minutes_until)
        fresh = rollup(self.samples(tags, clipped(spans, low=self.minutes_until)), MINUTE_US)
        held = rows.sums(self.connection, "minute", *rows.product(tags.tolist(), rolled))
        stale_tags, starts, ends = self._stale(tags, rolled)
        if len(stale_tags):
            held = replaced(held, rollup(rows.spans(self.connection, stale_tags, starts, ends), MINUTE_US))
            held = held.take(inside(rolled, held.starts))
        return merge((held, fresh))

    def hours(self, tags: NDArray[np.int32], spans: Intervals) -> TierRows:
        """Sums of whole hours."""
        rolled = clipped(spans, high=self.hours_until)
        fresh = to_hours(self.minutes(tags, clipped(spans, low=self.hours_until)))
        held = rows.sums(self.connection, "hour", *rows.product(tags.tolist(), rolled))
        stale_tags, starts, ends = self._stale(tags, rolled)
        if len(stale_tags):
            order = np.argsort(starts)
            hours = widened(np.stack((starts[order], ends[order]), axis=1), US_PER_HOUR)
            held = replaced(held, to_hours(self.minutes(np.unique(stale_tags), hours)))
            held = held.take(inside(rolled, held.starts))
        return merge((held, fresh))

    def _stale(
        self, tags: NDArray[np.int32], spans: Intervals
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
        """The minutes of these tags and spans that wait to be summed up anew: tags, starts, ends; without overlap."""
        if not len(spans):
            return np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64)
        bounds = (moment(int(spans[-1, 1])), moment(int(spans[0, 0])))
        row = self.connection.execute(_STALE, (int4s(tags), *bounds), binary=True).fetchone()
        assert row is not None
        return disjoint(column(row[0], ">i4"), moments(row[1]), moments(row[2]))


def disjoint(
    tags: NDArray[np.int32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Marks of whole minutes by tag and start, those of a tag that overlap or touch made one."""
    if not len(tags):
        return tags, starts, ends
    # All tags on one line of time, one after the other, so that one pass unites everything.
    distinct, rank = np.unique(tags, return_inverse=True)
    low = int(starts.min())
    reach = (int(ends.max()) - low) // MINUTE_US + 2
    line = np.stack(((starts - low) // MINUTE_US, (ends - low) // MINUTE_US), axis=1) + (rank * reach)[:, None]
    found = united(line)
    owner = found[:, 0] // reach
    back = (found - (owner * reach)[:, None]) * MINUTE_US + low
    return distinct[owner], back[:, 0], back[:, 1]


def _divided(spans: Intervals, edges: NDArray[np.int64], width: int) -> tuple[Intervals, Intervals]:
    """The spans in whole blocks of `width` that no edge divides, and the blocks that one does."""
    starts = np.unique(edges[edges % width != 0] // width * width)
    wide = widened(spans, width)
    starts = starts[inside(wide, starts)]
    return without(wide, starts, width), blocks(starts, width)


def to_hours(minutes: TierRows) -> TierRows:
    """Sums of hours from those of their minutes."""
    return merge((replace(minutes, starts=minutes.starts // US_PER_HOUR * US_PER_HOUR),))


def replaced(held: TierRows, remade: TierRows) -> TierRows:
    """The rows of both; of two of the same tag and start the remade one, unless it stands for fewer samples."""
    if not len(remade):
        return held
    both = _concatenated((held, remade))
    newer = np.repeat([0, 1], [len(held), len(remade)])
    order = np.lexsort((newer, both.totals, both.starts, both.tag_ids))
    both = both.take(order)
    last = np.append((both.tag_ids[1:] != both.tag_ids[:-1]) | (both.starts[1:] != both.starts[:-1]), True)
    return both.take(last)


def covered(fine: TierRows, coarse: TierRows, width: int) -> TierRows:
    """The fine rows; but where a coarse one of the same tag and block stands for more samples, that one alone."""
    blocks_ = fine.starts // width * width
    order = np.lexsort((blocks_, fine.tag_ids))
    fine, blocks_ = fine.take(order), blocks_[order]
    if not len(fine) or not len(coarse):
        return _concatenated((fine, coarse))
    first = np.append(True, (fine.tag_ids[1:] != fine.tag_ids[:-1]) | (blocks_[1:] != blocks_[:-1]))
    groups = np.flatnonzero(first)
    totals = dict(
        zip(
            zip(fine.tag_ids[groups].tolist(), blocks_[groups].tolist(), strict=True),
            np.add.reduceat(fine.totals, groups).tolist(),
            strict=True,
        )
    )
    keys = list(zip(coarse.tag_ids.tolist(), coarse.starts.tolist(), strict=True))
    better = np.array(
        [total > totals.get(key, 0) for key, total in zip(keys, coarse.totals.tolist(), strict=True)], np.bool_
    )
    gone = {key for key, wins in zip(keys, better.tolist(), strict=True) if wins}
    kept = [key not in gone for key in zip(fine.tag_ids.tolist(), blocks_.tolist(), strict=True)]
    return merge((fine.take(np.array(kept, np.bool_)), coarse.take(better)))


def _concatenated(parts: Sequence[TierRows]) -> TierRows:
    return TierRows(*(np.concatenate([getattr(each, name) for each in parts]) for name in COLUMNS))
