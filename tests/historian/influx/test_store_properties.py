"""Whatever comes in whatever order, InfluxDB holds what a dictionary would hold."""

from __future__ import annotations

import os
import uuid

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.historian.stores.influx.signals import Place, place_of, unregistered
from andon.historian.stores.influx.store import InfluxStore
from historian.influx.reference import FlooredReference
from historian.machine import (
    ALL,
    NUMBERS,
    QUALITIES,
    RETENTIONS,
    STEPS,
    TEXTS,
    TIMES,
    StoreAgainstADictionary,
    as_batch,
)
from historian.reference import Row
from support.servers import Influx

TAGS = (1, 2, 3, 4)
A_TAG = st.sampled_from(TAGS)
# A sample is received when it was taken, or a good deal later: in between it is not kept to the millisecond.
ROWS = st.lists(
    st.builds(
        lambda tag, at, value, quality, delay: (tag, at, value, quality, at + delay, False),
        A_TAG,
        TIMES,
        st.one_of(NUMBERS, NUMBERS, TEXTS),
        QUALITIES,
        st.sampled_from([-5_000_000, 100_000, 250_123, 10**12]),
    ),
    max_size=12,
)


class InfluxAgainstADictionary(StoreAgainstADictionary):
    """Batches with duplicates, corrections and late samples; devices that move; restarts."""

    store: InfluxStore
    tags = TAGS

    def __init__(self, server: Influx) -> None:
        super().__init__()
        self.reference = FlooredReference({1: "press-1", 2: "press-1", 3: "press-2", 4: "nobody's"})
        self.access = Access(server.url, f"test_{uuid.uuid4().hex[:12]}")
        self.locations = {"press-1": "hall 1", "press-2": ""}
        self.open()

    # The world around it

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
        super().teardown()

    def write(self, rows: list[Row]) -> None:
        assert self.run(self.store.write(as_batch(rows), len(self.log))) <= len(self.log)
        self.reference.write(rows)

    # What happens to it

    @rule(rows=ROWS)
    def deliver(self, rows: list[Row]) -> None:
        self.log.append(rows)
        self.write(rows)

    @rule(count=st.integers(1, 3))
    def deliver_the_last_batches_again(self, count: int) -> None:
        for rows in self.log[-count:]:
            self.write(rows)

    @rule(tag=A_TAG, at=TIMES, count=st.integers(20, 60), step=STEPS)
    def deliver_many(self, tag: int, at: int, count: int, step: int) -> None:
        self.deliver([(tag, at + i * step, float(i % 13), 192, at + i * step, False) for i in range(count)])

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
        self.run(self.store._client.close())
        self.open()
        self.replay()

    @rule()
    def maintain(self) -> None:
        self.run(self.store.maintain())

    @rule(default=RETENTIONS, other=RETENTIONS, tags=st.sampled_from([set(), {1, 2}, {3}, {3, 4}, {1, 2, 4}]))
    def retain(self, default: Retention, other: Retention, tags: set[int]) -> None:
        """Devices are kept as a whole: both tags of the first one have the same policy."""
        policies = RetentionPolicies(default, dict.fromkeys(tags, other))
        self.run(self.store.retain(policies, self.now))
        self.reference.retain(policies, self.now)

    # What it must answer, beyond what all stores must

    @invariant()
    def it_knows_how_many_it_holds_and_where_it_stands(self) -> None:
        assert self.run(self.store.position()) <= len(self.log)
        assert self.run(self.store.rows(self.tags, *ALL)) == len(self.reference)


@pytest.mark.timeout(600)
def test_the_store_holds_what_a_dictionary_holds(influx_server: Influx) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: InfluxAgainstADictionary(influx_server),
        settings=settings(
            max_examples=int(os.environ.get("ANDON_EXAMPLES", "15")),
            stateful_step_count=20,
            phases=(Phase.explicit, Phase.generate),  # every example costs seconds: finding the smallest, minutes
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
