"""A live state goes into bytes and comes out the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.engines.livestate.memory import LiveStateLimits, MemoryLiveState
from andon.engines.livestate.snapshot import (
    TAGS_A_PART,
    decode_counts,
    decode_part,
    encode_counts,
    encode_part,
    parts_of,
)
from andon.kit.clock import US_PER_HOUR, US_PER_S
from andon.kit.samples import Row, SampleBatch
from engines.livestate.equal import assert_equal

NOW = 1_760_000_000 * US_PER_S
TAGS = [1, 2, 900, 5]
ROWS = st.tuples(
    st.sampled_from(TAGS),
    st.integers(-90_000, 10).map(lambda seconds: NOW + seconds * US_PER_S),
    st.one_of(st.floats(-1e6, 1e6), st.just("RUNNING ✓")),
    st.sampled_from([0, 20, 68, 192]),
    st.integers(-80_000, 0).map(lambda seconds: NOW + seconds * US_PER_S),
)


def copied(state: MemoryLiveState) -> MemoryLiveState:
    copy = MemoryLiveState()
    for tags in parts_of(state.seen()):
        columns, number = decode_part(encode_part(state.export(tags, NOW), 7))
        assert number == 7
        copy.restore(columns)
    counts, number = decode_counts(encode_counts(state.received.export(), 9))
    assert number == 9
    copy.received.restore(counts)
    return copy


@given(st.lists(ROWS, max_size=60), st.lists(ROWS, max_size=20))
@settings(max_examples=50)
def test_a_copy_answers_as_the_original_and_goes_on_like_it(before: list[Row], after: list[Row]) -> None:
    state = MemoryLiveState()
    state.apply(SampleBatch.from_rows(before))
    copy = copied(state)
    assert_equal(state, copy, TAGS, NOW)
    for each in (state, copy):
        each.apply(SampleBatch.from_rows(after))
    assert_equal(state, copy, TAGS, NOW)


def test_many_tags_go_in_several_parts() -> None:
    count = 3 * TAGS_A_PART + 1
    state = MemoryLiveState()
    state.apply(SampleBatch.from_rows([(tag, NOW, float(tag), 192, NOW) for tag in range(1, count + 1)]))
    assert len(list(parts_of(state.seen()))) == 4
    assert_equal(state, copied(state), range(1, count + 1), NOW)


def test_a_full_tag_takes_few_bytes() -> None:
    """A snapshot has to pass through a Redis of 512 MB: 20,000 tags with a full hour and day fit several times."""
    state = MemoryLiveState()
    times = NOW - np.arange(0, 86_400, 10) * US_PER_S
    values = np.round(np.random.default_rng(1).normal(50, 5, len(times)), 1)
    columns = (np.ones(len(times), np.int32), times, values, np.full(len(times), 192, np.uint8), times)
    state.apply(SampleBatch(*columns))
    assert len(encode_part(state.export(state.seen(), NOW), 1)) < 4_000


def test_a_damaged_part_is_refused() -> None:
    with pytest.raises(ValueError, match="damaged"):
        decode_part(b"not compressed")
    with pytest.raises(ValueError, match="max_tags"):
        state = MemoryLiveState()
        state.apply(SampleBatch.from_rows([(50, NOW, 1.0, 192, NOW)]))
        MemoryLiveState(LiveStateLimits(max_tags=10)).restore(state.export(state.seen(), NOW))


def test_how_many_came_in_the_last_hour_is_taken_from_its_sums() -> None:
    state, copy = MemoryLiveState(), MemoryLiveState()
    times = [NOW - minutes * 60 * US_PER_S for minutes in range(50)]
    state.apply(SampleBatch.from_rows([(tag, at, 1.0, 192, at) for at in times for tag in (1, 2)]))
    copy.restore(state.export(state.seen(), NOW))
    assert copy.samples_since(NOW - US_PER_HOUR) == 100
