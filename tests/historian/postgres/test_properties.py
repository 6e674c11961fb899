"""Whatever comes in whatever order, whatever is summed up, dropped or interrupted meanwhile, and whoever else writes:
the store on PostgreSQL holds what a dictionary would hold."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from andon.historian.model import bucket_edges, bucket_width
from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import PINNED, SampleBatch
from historian.postgres.reference import PartitionedReference
from historian.reference import MINUTE, Row, check_buckets, check_columns, check_statistics
from support.servers import Postgres

T = TypeVar("T")
DAY_0 = 20_000 * US_PER_DAY
ALL = (0, DAY_0 + 1000 * US_PER_DAY)
TAGS = st.integers(1, 3)
# Few moments, so that they meet; around the edges of days, hours and minutes.
TIMES = st.builds(
    lambda day, hour, minute, rest: DAY_0 + day * US_PER_DAY + hour * US_PER_HOUR + minute * MINUTE + rest,
    st.sampled_from([0, 1, 1, 2]),
    st.sampled_from([0, 1, 11, 23]),
    st.sampled_from([0, 1, 59]),
    st.sampled_from([0, 1, 500_000, 30_000_000, 59_999_999]),
)
NUMBERS = st.one_of(
    st.just(math.nan), st.integers(-1000, 1000).map(float), st.floats(1e-30, 1e30), st.floats(-1e30, -1e-30)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
ROWS = st.lists(
    st.tuples(
        TAGS,
        TIMES,
        st.one_of(NUMBERS, NUMBERS, TEXTS),
        st.sampled_from([0, 20, 64, 68, 192, 192, 192]),
        st.integers(0, 2**50),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=12,
)
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
WRITING = ("appended", "upserted", "before commit", "after commit")
ROLLING = ("declared", "minutes stored", "hours stored", "advanced", "stale summed up")
STATISTICS = ["mean", "min", "max", "sd", "count", "range", "last", "good_share"]


class CrashError(Exception):
    """The process ends here."""


class StoreAgainstADictionary(RuleBasedStateMachine):
    """Batches with duplicates, corrections and late samples; maintenance, retention, restarts, crashes, takeovers."""

    def __init__(self, server: Postgres) -> None:
        super().__init__()
        self.server = server
        self.name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name}")
        self.loop = asyncio.new_event_loop()
        self.reference = PartitionedReference()
        self.log: list[list[Row]] = []
        self.elsewhere = 0  # position of other partitions of the log
        self.now = DAY_0 + US_PER_DAY + 12 * US_PER_HOUR + 17 * MINUTE
        self.crash_at: str | None = None
        self.store, self.other = self.opened(), self.opened()
        self.known_to_the_other = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def opened(self) -> PostgresStore:
        limits = PostgresLimits(connections=3)
        return PostgresStore.open(
            self.server.url_of(self.name),
            limits=limits,
            clock=lambda: self.now,
            maintenance=False,
            reached=self.reached,
        )

    def reached(self, point: str) -> None:
        if point == self.crash_at:
            self.crash_at = None
            raise CrashError(point)

    def come_back(self) -> None:
        """A start after a crash: what is not durable comes again from the log."""
        self.crash_at = None
        self.store.abandon()
        self.store = self.opened()
        for number, rows in enumerate(self.log, 1):
            if number > self.run(self.store.position()):
                self.run(self.store.write(as_batch(rows), number))

    def teardown(self) -> None:
        for store in (self.store, self.other):
            self.run(store.close())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    def may_crash(self, work: Coroutine[Any, Any, object]) -> bool:
        try:
            self.run(work)
        except CrashError:
            self.come_back()
            return True
        finally:
            self.crash_at = None
        return False

    # What happens to it

    @rule(rows=ROWS, crash=st.sampled_from((None, None, None, *WRITING)))
    def deliver(self, rows: list[Row], crash: str | None) -> None:
        self.log.append(rows)
        self.reference.write(rows)
        self.crash_at = crash
        self.may_crash(self.store.write(as_batch(rows), len(self.log)))

    @rule(batches=st.lists(ROWS, min_size=2, max_size=3))
    def deliver_from_several_partitions_at_once(self, batches: list[list[Row]]) -> None:
        async def together() -> None:
            work = (self.store.write(as_batch(rows), self.elsewhere, i) for i, rows in enumerate(batches, 10))
            await asyncio.gather(*work)

        self.elsewhere += 1
        self.run(together())
        for rows in batches:
            self.reference.write(rows)

    @rule(count=st.integers(1, 3))
    def deliver_the_last_batches_again(self, count: int) -> None:
        for rows in self.log[-count:]:
            self.run(self.store.write(as_batch(rows), len(self.log)))
            self.reference.write(rows)

    @rule(tag=TAGS, at=TIMES, count=st.integers(20, 60), step=st.sampled_from([1, 250_000, 7_000_000, MINUTE]))
    def deliver_many(self, tag: int, at: int, count: int, step: int) -> None:
        rows = [(tag, at + i * step, float(i % 13), 192, at + i * step + 700, False) for i in range(count)]
        self.deliver(rows, None)

    @rule()
    def another_process_takes_over(self) -> None:
        self.store, self.other = self.other, self.store
        self.known_to_the_other = len(self.log)
        assert self.run(self.store.position()) == len(self.log)

    @rule()
    def the_one_that_was_stopped_writes_what_it_had_in_hand(self) -> None:
        rows = self.log[self.known_to_the_other : self.known_to_the_other + 1]
        if rows:
            self.known_to_the_other += 1
            self.run(self.other.write(as_batch(rows[0]), self.known_to_the_other))

    @rule(crash=st.sampled_from((None, None, *ROLLING)))
    def maintain(self, crash: str | None) -> None:
        self.crash_at = crash
        self.may_crash(self.store.maintain())

    @rule(hours=st.sampled_from([1, 2, 13, 24, 24 * 20]))
    def time_goes_on(self, hours: int) -> None:
        self.now += hours * US_PER_HOUR

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.store = self.opened()
        assert self.run(self.store.position()) == len(self.log)

    @rule()
    def be_killed(self) -> None:
        self.come_back()

    @rule(
        default=RETENTIONS,
        other=RETENTIONS,
        tags=st.sets(TAGS, max_size=2),
        crash=st.sampled_from((None, None, "retained", *ROLLING)),
    )
    def retain(self, default: Retention, other: Retention, tags: set[int], crash: str | None) -> None:
        policies = RetentionPolicies(default, dict.fromkeys(tags, other))
        self.crash_at = crash
        self.may_crash(self.store.retain(policies, self.now))
        self.run(self.store.retain(policies, self.now))
        self.reference.retain(policies, self.now)

    # What it must answer

    @rule(tag=TAGS, start=TIMES, end=TIMES, limit=st.integers(1, 9), newest_first=st.booleans())
    def a_page_is_right(self, tag: int, start: int, end: int, limit: int, newest_first: bool) -> None:
        columns = self.run(self.store.read(tag, start, end, limit, newest_first))
        expected = self.reference.raw(tag, start, end)
        check_columns(columns, (expected[::-1] if newest_first else expected)[:limit])

    @rule(tag=TAGS, start=TIMES, length=st.integers(1, 3 * US_PER_DAY), count=st.integers(1, 9))
    def buckets_are_right(self, tag: int, start: int, length: int, count: int) -> None:
        found = self.run(self.store.buckets(tag, start, start + length, count))
        assert found.width_us == bucket_width(start, start + length, count)
        check_buckets(found, self.reference.buckets(tag, bucket_edges(start, start + length, count).tolist()))

    @rule(tags=st.permutations([1, 2, 3, 4]), edges=EDGES)
    def series_are_right(self, tags: list[int], edges: list[int]) -> None:
        found = self.run(self.store.series(tags, np.array(edges, np.int64)))
        for tag, buckets in zip(tags, found, strict=True):
            check_buckets(buckets, self.reference.buckets(tag, edges))

    @rule(tag=TAGS, edges=EDGES)
    def statistics_are_right(self, tag: int, edges: list[int]) -> None:
        start, end = edges[0], edges[-1]
        found = self.run(self.store.statistics(tag, start, end))
        assert found is None or not found.approximate or not self.reference.complete(tag, start, end)
        check_statistics(found, self.reference.within(tag, start, end))

    @rule(edges=EDGES, statistic=st.sampled_from(STATISTICS), count=st.integers(1, 3), ascending=st.booleans())
    def the_top_is_right(self, edges: list[int], statistic: Any, count: int, ascending: bool) -> None:
        start, end = edges[0], edges[-1]
        found = self.run(self.store.top([1, 2, 3, 4], start, end, statistic, count, ascending))
        expected = self.reference.top([1, 2, 3, 4], start, end, statistic)
        ranks = sorted(expected.values(), reverse=not ascending)[:count]
        assert len(found) == len(ranks)
        scale = max([abs(each) for each in expected.values()], default=0) + 1e-30
        for (tag, figure), rank in zip(found, ranks, strict=True):
            assert math.isclose(figure, rank, rel_tol=1e-6, abs_tol=scale * 1e-6)
            assert math.isclose(figure, expected[tag], rel_tol=1e-6, abs_tol=scale * 1e-6)

    @invariant()
    def it_holds_what_a_dictionary_holds(self) -> None:
        for tag in (1, 2, 3):
            check_columns(self.run(self.store.read(tag, *ALL, 100_000)), self.reference.raw(tag, *ALL))

    @invariant()
    def it_knows_the_newest_samples(self) -> None:
        found = self.run(self.store.latest([1, 2, 3, 4]))
        assert found.tag_ids.tolist() == sorted(self.reference.newest)
        for row, tag in enumerate(found.tag_ids.tolist()):
            at, value, quality, _ = self.reference.newest[tag]
            got = found.texts.get(row, float(found.values[row]))
            assert (int(found.timestamps[row]), repr(got), int(found.qualities[row])) == (at, repr(value), quality)

    @invariant()
    def it_knows_how_many_it_holds_and_where_it_stands(self) -> None:
        assert self.run(self.store.size()).samples == len(self.reference)
        assert self.run(self.store.rows([1, 2, 3], *ALL)) == len(self.reference)
        assert self.run(self.store.position()) == len(self.log)


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


@pytest.mark.timeout(600)
def test_it_holds_what_a_dictionary_holds(server: Postgres) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: StoreAgainstADictionary(server),
        settings=settings(max_examples=15, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]),
    )
