"""What every store on its own engine goes through: deliveries in any order, and the questions it must answer as a
dictionary would."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from andon.historian.model import bucket_edges, bucket_width
from andon.historian.port import HistoryStore
from andon.historian.retention import Retention
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import PINNED, SampleBatch
from historian.reference import MINUTE, Reference, Row, check_buckets, check_columns, check_statistics

T = TypeVar("T")
DAY_0 = 20_027 * US_PER_DAY
"""The last day of a month."""
NOON = DAY_0 + US_PER_DAY + 12 * US_PER_HOUR + 17 * MINUTE
ALL = (0, DAY_0 + 1000 * US_PER_DAY)
TAGS = (1, 2, 3)
ASKED = [1, 2, 3, 4, 5]
"""All tags, and some that nothing is known of."""

A_TAG = st.sampled_from(TAGS)
ANY_TAG = st.sampled_from(ASKED)
# Few moments, so that they meet; around the edges of days, hours and minutes.
TIMES = st.builds(
    lambda day, hour, minute, rest: DAY_0 + day * US_PER_DAY + hour * US_PER_HOUR + minute * MINUTE + rest,
    st.sampled_from([-1, 0, 1, 1, 2]),
    st.sampled_from([0, 1, 11, 23]),
    st.sampled_from([0, 1, 59]),
    st.sampled_from([0, 1, 500_000, 30_000_000, 59_999_999]),
)
NUMBERS = st.one_of(
    st.just(math.nan),
    st.integers(-1000, 1000).map(float),
    st.floats(1e-30, 1e30),
    st.floats(-1e30, -1e-30),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
QUALITIES = st.sampled_from([0, 20, 64, 68, 192, 192, 192])
PINS = st.sampled_from([False, False, False, True])
STEPS = st.sampled_from([1, 250_000, 7_000_000, MINUTE])
EDGES = st.lists(
    st.builds(
        lambda at, width, off: at // width * width + off,
        TIMES,
        st.sampled_from([1, MINUTE, MINUTE, US_PER_HOUR, US_PER_HOUR, US_PER_DAY]),
        st.sampled_from([0, 0, 0, 1, MINUTE, US_PER_HOUR, US_PER_DAY]),
    ),
    min_size=2,
    max_size=7,
    unique=True,
).map(sorted)
DAYS = st.sampled_from([None, 1.0, 2.0, 3.0])
RETENTIONS = st.builds(Retention, DAYS, DAYS, DAYS)
STATISTICS = st.sampled_from(["mean", "min", "max", "sd", "count", "range", "last", "good_share"])


def rows_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[list[Row]]:
    """Samples as one delivery has them, duplicates and corrections among them."""
    values = st.one_of(NUMBERS, NUMBERS, texts)
    return st.lists(st.tuples(A_TAG, TIMES, values, QUALITIES, st.integers(0, 2**50), PINS), max_size=12)


class CrashError(Exception):
    """The process ends here."""


class StoreAgainstADictionary(RuleBasedStateMachine):
    """The questions. What happens to a store in between is for its engine to say; `log` is what was delivered."""

    store: HistoryStore
    reference: Reference
    tags: tuple[int, ...] = TAGS

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.log: list[list[Row]] = []
        self.now = NOON

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()

    def replay(self) -> None:
        """After a crash: what is not durable comes again from the log."""
        for number, rows in enumerate(self.log, 1):
            if number > self.run(self.store.position()):
                self.run(self.store.write(as_batch(rows), number))

    def some_are_gone(self, tag: int, start: int, end: int) -> bool:
        """Whether sums of the range stand for samples that are no longer there."""
        return any(held.tier != "raw" for held in self.reference.within(tag, start, end))

    @rule(hours=st.sampled_from([1, 2, 13, 24]))
    def time_goes_on(self, hours: int) -> None:
        self.now += hours * US_PER_HOUR

    @rule(tag=ANY_TAG, start=TIMES, end=TIMES, limit=st.integers(1, 9), newest_first=st.booleans())
    def a_page_is_right(self, tag: int, start: int, end: int, limit: int, newest_first: bool) -> None:
        columns = self.run(self.store.read(tag, start, end, limit, newest_first))
        expected = self.reference.raw(tag, start, end)
        check_columns(columns, (expected[::-1] if newest_first else expected)[:limit])

    @rule(tag=ANY_TAG, start=TIMES, length=st.integers(1, 3 * US_PER_DAY), count=st.integers(1, 9))
    def buckets_are_right(self, tag: int, start: int, length: int, count: int) -> None:
        found = self.run(self.store.buckets(tag, start, start + length, count))
        assert found.width_us == bucket_width(start, start + length, count)
        check_buckets(found, self.reference.buckets(tag, bucket_edges(start, start + length, count).tolist()))

    @rule(tags=st.permutations(ASKED), edges=EDGES)
    def series_are_right(self, tags: list[int], edges: list[int]) -> None:
        found = self.run(self.store.series(tags, np.array(edges, np.int64)))
        for tag, buckets in zip(tags, found, strict=True):
            check_buckets(buckets, self.reference.buckets(tag, edges))

    @rule(tag=ANY_TAG, edges=EDGES)
    def statistics_are_right(self, tag: int, edges: list[int]) -> None:
        start, end = edges[0], edges[-1]
        found = self.run(self.store.statistics(tag, start, end))
        assert found is None or not found.approximate or self.some_are_gone(tag, start, end)
        check_statistics(found, self.reference.within(tag, start, end))

    @rule(edges=EDGES, statistic=STATISTICS, count=st.integers(1, 3), ascending=st.booleans())
    def the_top_is_right(self, edges: list[int], statistic: Any, count: int, ascending: bool) -> None:
        start, end = edges[0], edges[-1]
        found = self.run(self.store.top(ASKED, start, end, statistic, count, ascending))
        expected = self.reference.top(ASKED, start, end, statistic)
        ranks = sorted(expected.values(), reverse=not ascending)[:count]
        assert len(found) == len(ranks)
        within = max([abs(each) for each in expected.values()], default=0) * 1e-6 + 1e-36
        for (tag, figure), rank in zip(found, ranks, strict=True):
            assert math.isclose(figure, rank, rel_tol=1e-6, abs_tol=within)
            assert math.isclose(figure, expected[tag], rel_tol=1e-6, abs_tol=within)

    @invariant()
    def it_holds_what_a_dictionary_holds(self) -> None:
        for tag in self.tags:
            check_columns(self.run(self.store.read(tag, *ALL, 100_000)), self.reference.raw(tag, *ALL))

    @invariant()
    def it_knows_the_newest_samples(self) -> None:
        found = self.run(self.store.latest(ASKED))
        assert found.tag_ids.tolist() == sorted(self.reference.newest)
        for row, tag in enumerate(found.tag_ids.tolist()):
            at, value, quality, _ = self.reference.newest[tag]
            got = found.texts.get(row, float(found.values[row]))
            assert (int(found.timestamps[row]), repr(got), int(found.qualities[row])) == (at, repr(value), quality)


def as_batch(rows: list[Row]) -> SampleBatch:
    """Rows as they come from the log."""
    batch = SampleBatch.from_rows([row[:5] for row in rows])
    marks = np.array([PINNED if row[5] else 0 for row in rows], np.uint8)
    return SampleBatch(
        batch.tag_ids,
        batch.timestamps,
        batch.values,
        batch.qualities,
        batch.received,
        batch.texts,
        marks if marks.any() else None,
    )
