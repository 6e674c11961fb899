"""Whatever comes in whatever order, the store holds what a dictionary would hold."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from andon.historian import model
from andon.historian.stores.local import LocalStore
from andon.kit.quality import USABLE
from andon.kit.samples import Row, SampleBatch

TAGS = st.integers(1, 3)
TIMES = st.integers(0, 40)
NUMBERS = st.one_of(
    st.just(math.nan),
    st.integers(-1000, 1000).map(float),
    st.floats(1e-30, 1e30),
    st.floats(-1e30, -1e-30),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
QUALITIES = st.sampled_from([0, 20, 64, 68, 192])
ROWS = st.tuples(TAGS, TIMES, st.one_of(NUMBERS, TEXTS), QUALITIES, st.integers(0, 2**50))
Held = dict[int, tuple[float | str, int, int]]


def comparable(value: float | str) -> Any:
    """NaN equal to itself."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def expected_bucket(samples: list[tuple[float | str, int, int]]) -> tuple[Any, ...]:
    """(count, min, max, mean, first, last, worst quality) of samples in the order of time."""
    used = [v for v, quality, _ in samples if isinstance(v, float) and quality >= USABLE and not math.isnan(v)]
    worst = min(quality for _, quality, _ in samples)
    if not used:
        return (0, *["NaN"] * 5, worst)
    return (len(used), min(used), max(used), math.fsum(used) / len(used), used[0], used[-1], worst)


class StoreAgainstADictionary(RuleBasedStateMachine):
    """Batches with duplicates, corrections and late samples, redelivered and interrupted by restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.open()
        self.held: dict[int, Held] = {}
        self.delivered: list[list[Row]] = []
        self.position = 0

    def open(self) -> None:
        self.store = LocalStore.open(Path(self.folder.name) / "history.db")

    def teardown(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    def write(self, rows: list[Row]) -> None:
        self.loop.run_until_complete(self.store.write(SampleBatch.from_rows(rows), self.position))
        for tag, at, value, quality, received in rows:
            self.held.setdefault(tag, {})[at] = (value, quality, received)

    @rule(rows=st.lists(ROWS, max_size=12))
    def deliver(self, rows: list[Row]) -> None:
        self.position += 1
        self.delivered.append(rows)
        self.write(rows)

    @rule(count=st.integers(1, 3))
    def deliver_the_last_batches_again(self, count: int) -> None:
        for rows in self.delivered[-count:]:
            self.write(rows)

    @rule()
    def restart(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.open()

    @rule(tag=TAGS, start=TIMES, length=st.integers(1, 45), count=st.integers(1, 9))
    def buckets_are_right(self, tag: int, start: int, length: int, count: int) -> None:
        found = self.loop.run_until_complete(self.store.buckets(tag, start, start + length, count))
        assert found.width_us == model.bucket_width(start, start + length, count)
        slots: dict[int, list[tuple[float | str, int, int]]] = {}
        for at, sample in sorted(self.held.get(tag, {}).items()):
            if start <= at < start + length:
                slots.setdefault(start + (at - start) // found.width_us * found.width_us, []).append(sample)
        assert found.starts.tolist() == sorted(slots)
        columns = (found.counts, found.minima, found.maxima, found.means, found.firsts, found.lasts, found.qualities)
        for row, at in enumerate(found.starts.tolist()):
            got = [comparable(column[row].item()) for column in columns]
            expected = list(expected_bucket(slots[at]))
            for index in (0, 1, 2, 4, 5, 6):
                assert got[index] == expected[index]
            if expected[0]:
                largest = max(abs(expected[1]), abs(expected[2]))
                assert math.isclose(got[3], expected[3], rel_tol=1e-9, abs_tol=largest * 1e-12)

    @rule(tag=TAGS)
    def statistics_are_right(self, tag: int) -> None:
        found = self.loop.run_until_complete(self.store.statistics(tag, 0, 100))
        samples = [sample for _, sample in sorted(self.held.get(tag, {}).items())]
        values = np.array([v if isinstance(v, float) else math.nan for v, _, _ in samples], np.float64)
        qualities = np.array([quality for _, quality, _ in samples], np.uint8)
        assert found == (model.statistics(values, qualities) if samples else None)

    @invariant()
    def it_holds_what_a_dictionary_holds(self) -> None:
        for tag in (1, 2, 3):
            columns = self.loop.run_until_complete(self.store.read(tag, 0, 100, 1000))
            got = {
                at: (comparable(columns.texts.get(i, value)), quality, received)
                for i, (at, value, quality, received) in enumerate(
                    zip(
                        columns.timestamps.tolist(),
                        columns.values.tolist(),
                        columns.qualities.tolist(),
                        columns.received.tolist(),
                        strict=True,
                    )
                )
            }
            expected = {at: (comparable(v), q, r) for at, (v, q, r) in sorted(self.held.get(tag, {}).items())}
            assert got == expected
            assert columns.timestamps.tolist() == sorted(expected)

    @invariant()
    def it_knows_how_many_it_holds_and_where_it_stands(self) -> None:
        size = self.loop.run_until_complete(self.store.size())
        assert size.samples == sum(map(len, self.held.values()))
        assert self.loop.run_until_complete(self.store.position()) == self.position


TestStore = StoreAgainstADictionary.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
