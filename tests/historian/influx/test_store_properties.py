"""Whatever comes in whatever order, InfluxDB holds what a dictionary would hold."""

from __future__ import annotations

import asyncio
import math
import os
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from andon.historian.model import bucket_edges, bucket_width
from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.historian.stores.influx.signals import Place, place_of, unregistered
from andon.historian.stores.influx.store import InfluxStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import SampleBatch
from historian.influx.reference import FlooredReference
from historian.reference import MINUTE, Row, check_buckets, check_columns, check_statistics
from support.servers import Influx

T = TypeVar("T")
DAY_0 = 20_000 * US_PER_DAY
ALL = (0, DAY_0 + 1000 * US_PER_DAY)
TAGS = st.integers(1, 4)
TIMES = st.builds(
    lambda day, hour, minute, rest: DAY_0 + day * US_PER_DAY + hour * US_PER_HOUR + minute * MINUTE + rest,
    st.sampled_from([0, 1, 1, 2]),
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
# A sample is received when it was taken, or a good deal later: in between it is not kept to the millisecond.
ROWS = st.lists(
    st.builds(
        lambda tag, at, value, quality, delay: (tag, at, value, quality, at + delay, False),
        TAGS,
        TIMES,
        st.one_of(NUMBERS, NUMBERS, TEXTS),
        QUALITIES,
        st.sampled_from([-5_000_000, 100_000, 250_123, 10**12]),
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
STATISTICS = st.sampled_from(["mean", "min", "max", "sd", "count", "range", "last", "good_share"])


class StoreAgainstADictionary(RuleBasedStateMachine):
    """Batches with duplicates, corrections and late samples; devices that move; restarts."""

    server: Influx

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.reference = FlooredReference({1: "press-1", 2: "press-1", 3: "press-2", 4: "nobody's"})
        self.log: list[list[Row]] = []
        self.access = Access(self.server.url, f"test_{uuid.uuid4().hex[:12]}")
        self.now = DAY_0 + US_PER_DAY + 12 * US_PER_HOUR + 17 * MINUTE
        self.locations = {"press-1": "hall 1", "press-2": ""}
        self.open()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def open(self) -> None:
        limits = InfluxLimits(
            lines_a_write=5, names_age_s=0, max_windows=500, count_age_s=0, maintenance=False, position_interval_s=0.01
        )
        self.store = self.run(InfluxStore.open(self.access, limits, clock=lambda: self.now))
        self.store.describe = self.describe

    def describe(self, tag: int) -> Place:
        """Two tags of one device, one of another of the same type, and one that nobody knows."""
        if tag == 4:
            return unregistered(tag)
        device = "press-2" if tag == 3 else "press-1"
        return place_of("press", "org-1", self.locations[device], device, "speed" if tag == 2 else "force, left")

    def teardown(self) -> None:
        self.run(self.store._client.query(f'DROP DATABASE "{self.access.database}"'))
        self.run(self.store.close())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()

    def write(self, rows: list[Row]) -> None:
        batch = SampleBatch.from_rows([row[:5] for row in rows])
        assert self.run(self.store.write(batch, len(self.log))) <= len(self.log)
        self.reference.write(rows)

    @rule(rows=ROWS)
    def deliver(self, rows: list[Row]) -> None:
        self.log.append(rows)
        self.write(rows)

    @rule(count=st.integers(1, 3))
    def deliver_the_last_batches_again(self, count: int) -> None:
        for rows in self.log[-count:]:
            self.write(rows)

    @rule(tag=TAGS, at=TIMES, count=st.integers(20, 60), step=st.sampled_from([1, 250_000, 7_000_000, MINUTE]))
    def deliver_many(self, tag: int, at: int, count: int, step: int) -> None:
        rows = [(tag, at + i * step, float(i % 13), 192, at + i * step, False) for i in range(count)]
        self.log.append(rows)
        self.write(rows)

    @rule(device=st.sampled_from(["press-1", "press-2"]), location=st.sampled_from(["", "hall 1", "hall\\2, left"]))
    def move(self, device: str, location: str) -> None:
        self.locations[device] = location

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.open()
        assert self.run(self.store.position()) == len(self.log)

    @rule()
    def be_killed(self) -> None:
        """What was written lately comes again, in order."""
        self.run(self.store._client.close())
        self.open()
        for number, rows in enumerate(self.log, 1):
            if number > self.run(self.store.position()):
                self.run(self.store.write(SampleBatch.from_rows([row[:5] for row in rows]), number))

    @rule()
    def maintain(self) -> None:
        self.run(self.store.maintain())

    @rule(hours=st.sampled_from([1, 2, 13, 24]))
    def time_goes_on(self, hours: int) -> None:
        self.now += hours * US_PER_HOUR

    @rule(default=RETENTIONS, other=RETENTIONS, tags=st.sampled_from([set(), {1, 2}, {3}, {3, 4}, {1, 2, 4}]))
    def retain(self, default: Retention, other: Retention, tags: set[int]) -> None:
        """Devices are kept as a whole: both tags of the first one have the same policy."""
        policies = RetentionPolicies(default, dict.fromkeys(tags, other))
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

    @rule(tags=st.permutations([1, 2, 3, 4, 5]), edges=EDGES)
    def series_are_right(self, tags: list[int], edges: list[int]) -> None:
        found = self.run(self.store.series(tags, np.array(edges, np.int64)))
        for tag, buckets in zip(tags, found, strict=True):
            check_buckets(buckets, self.reference.buckets(tag, edges))

    @rule(tag=TAGS, edges=EDGES)
    def statistics_are_right(self, tag: int, edges: list[int]) -> None:
        found = self.run(self.store.statistics(tag, edges[0], edges[-1]))
        check_statistics(found, self.reference.within(tag, edges[0], edges[-1]))

    @rule(edges=EDGES, statistic=STATISTICS, count=st.integers(1, 3), ascending=st.booleans())
    def the_top_is_right(self, edges: list[int], statistic: Any, count: int, ascending: bool) -> None:
        found = self.run(self.store.top([1, 2, 3, 4], edges[0], edges[-1], statistic, count, ascending))
        expected = self.reference.top([1, 2, 3, 4], edges[0], edges[-1], statistic)
        ranks = sorted(expected.values(), reverse=not ascending)[:count]
        assert len(found) == len(ranks)
        for (tag, figure), rank in zip(found, ranks, strict=True):
            scale = max(abs(each) for each in (*expected.values(), 1e-30))
            assert math.isclose(figure, rank, rel_tol=1e-6, abs_tol=scale * 1e-6)
            assert math.isclose(figure, expected[tag], rel_tol=1e-6, abs_tol=scale * 1e-6)

    @invariant()
    def it_holds_what_a_dictionary_holds(self) -> None:
        for tag in (1, 2, 3, 4):
            check_columns(self.run(self.store.read(tag, *ALL, 100_000)), self.reference.raw(tag, *ALL))

    @invariant()
    def it_knows_the_newest_samples(self) -> None:
        found = self.run(self.store.latest([1, 2, 3, 4, 5]))
        assert found.tag_ids.tolist() == sorted(self.reference.newest)
        for row, tag in enumerate(found.tag_ids.tolist()):
            at, value, quality, _ = self.reference.newest[tag]
            got = found.texts.get(row, float(found.values[row]))
            assert (int(found.timestamps[row]), repr(got), int(found.qualities[row])) == (at, repr(value), quality)

    @invariant()
    def it_knows_how_many_it_holds_and_where_it_stands(self) -> None:
        assert self.run(self.store.position()) <= len(self.log)
        assert self.run(self.store.rows([1, 2, 3, 4], *ALL)) == len(self.reference)


@pytest.mark.timeout(600)
def test_the_store_holds_what_a_dictionary_holds(influx_server: Influx) -> None:
    class OnThisServer(StoreAgainstADictionary):
        server = influx_server

    run_state_machine_as_test(
        OnThisServer,
        settings=settings(
            max_examples=int(os.environ.get("ANDON_EXAMPLES", "15")),
            stateful_step_count=20,
            phases=(Phase.explicit, Phase.generate),  # every example costs seconds: finding the smallest, minutes
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
