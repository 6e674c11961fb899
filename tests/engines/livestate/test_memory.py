"""Live state: what each signal shows now, and its moving windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.engines.livestate.memory import LiveStateLimits, MemoryLiveState
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.quality import Quality
from andon.kit.samples import Row, SampleBatch

NOW = 1_760_000_000 * US_PER_S
MINUTE = 60 * US_PER_S


def row(tag: int, at: int, value: float | str, quality: int = Quality.GOOD, received: int | None = None) -> Row:
    return (tag, at, value, quality, at if received is None else received)


def state_of(*rows: Row) -> MemoryLiveState:
    state = MemoryLiveState()
    state.apply(SampleBatch.from_rows(rows))
    return state


def test_an_unknown_tag_has_no_value_and_no_statistics() -> None:
    state = MemoryLiveState()
    assert state.current(7) is None
    assert state.current(10**9) is None
    assert state.stats(7, "1h", NOW) is None
    assert state.columns(np.array([7, 10**6])).timestamp.tolist() == [0, 0]


def test_the_newest_timestamp_wins_and_late_samples_do_not_replace_it() -> None:
    state = state_of(row(1, NOW, 5.0))
    state.apply(SampleBatch.from_rows([row(1, NOW - US_PER_S, 99.0)]))
    current = state.current(1)
    assert current is not None
    assert (current.timestamp, current.value) == (NOW, 5.0)


def test_a_sample_of_the_same_time_corrects_the_value_and_is_counted_once() -> None:
    state = state_of(row(1, NOW, 5.0))
    state.apply(SampleBatch.from_rows([row(1, NOW, 6.0)]))
    current, stats = state.current(1), state.stats(1, "1h", NOW)
    assert current is not None and current.value == 6.0
    assert stats is not None and stats.count == 1


def test_text_is_kept_beside_and_gives_way_to_a_number() -> None:
    state = state_of(row(1, NOW, "RUNNING"))
    current = state.current(1)
    assert current is not None and current.text == "RUNNING" and math.isnan(current.value)
    state.apply(SampleBatch.from_rows([row(1, NOW + 1, 3.0)]))
    current = state.current(1)
    assert current is not None and current.text is None and current.value == 3.0


def test_bad_uncertain_and_missing_values_stay_out_of_the_statistics() -> None:
    state = state_of(
        row(1, NOW, 10.0),
        row(1, NOW + 1, 1000.0, Quality.BAD),
        row(1, NOW + 2, 1000.0, Quality.UNCERTAIN),
        row(1, NOW + 3, math.nan),
        row(1, NOW + 4, "off"),
        row(1, NOW + 5, 20.0),
    )
    stats = state.stats(1, "1h", NOW + 5)
    assert stats is not None
    assert (stats.avg, stats.min, stats.max, stats.count) == (15.0, 10.0, 20.0, 2)


def test_a_tag_with_only_bad_samples_has_no_statistics() -> None:
    assert state_of(row(1, NOW, 3.0, Quality.BAD)).stats(1, "24h", NOW) is None


def test_samples_leave_the_hour_and_stay_in_the_day() -> None:
    state = state_of(row(1, NOW - 2 * US_PER_HOUR, 1.0), row(1, NOW, 3.0))
    hour, day = state.stats(1, "1h", NOW), state.stats(1, "24h", NOW)
    assert hour is not None and (hour.count, hour.avg) == (1, 3.0)
    assert day is not None and (day.count, day.avg, day.min, day.max) == (2, 2.0, 1.0, 3.0)
    assert state.stats(1, "24h", NOW + 2 * US_PER_DAY) is None


@pytest.mark.parametrize(("slope", "trend"), [(0.5, "increasing"), (-0.5, "decreasing"), (0.0, "stable")])
def test_the_trend_is_the_direction_of_the_line(slope: float, trend: str) -> None:
    rows = [row(1, NOW - i * MINUTE, 50.0 - slope * i) for i in range(50)]
    stats = state_of(*rows).stats(1, "1h", NOW)
    assert stats is not None
    assert stats.trend == trend
    assert stats.slope == pytest.approx(slope * 60)


def test_noise_has_no_trend() -> None:
    noise = np.random.default_rng(1).normal(50, 2, 3600)
    rows = [row(1, NOW - (3600 - i) * US_PER_S, v) for i, v in enumerate(noise.tolist())]
    stats = state_of(*rows).stats(1, "1h", NOW)
    assert stats is not None and stats.trend == "stable"


def test_too_few_points_have_no_trend_rather_than_a_stable_one() -> None:
    stats = state_of(row(1, NOW, 5.0)).stats(1, "1h", NOW)
    assert stats is not None and stats.trend is None and stats.slope is None


def test_received_samples_are_counted_by_the_time_they_came() -> None:
    state = state_of(
        *[row(1, NOW + i, 1.0, received=NOW - 2 * US_PER_HOUR) for i in range(3)],
        *[row(2, NOW + i, 1.0, received=NOW) for i in range(4)],
    )
    assert state.samples_since(NOW - US_PER_HOUR) == 4
    assert state.samples_since(NOW - US_PER_DAY) == 7
    assert state.samples_since(NOW - US_PER_DAY, NOW - US_PER_HOUR) == 3


def test_a_forgotten_tag_is_unknown_again() -> None:
    state = state_of(row(1, NOW, "x"), row(1, NOW + 1, 2.0))
    state.forget(1)
    state.forget(10**9)
    assert state.current(1) is None
    assert state.stats(1, "1h", NOW) is None


def test_tag_ids_outside_the_limit_are_refused_and_counted() -> None:
    state = MemoryLiveState(LiveStateLimits(max_tags=1000))
    state.apply(SampleBatch.from_rows([row(2_000_000_000, NOW, 1.0), row(-1, NOW, 1.0), row(999, NOW, 2.0)]))
    assert state.refused == 2
    current = state.current(999)
    assert current is not None and current.value == 2.0


def test_room_for_more_tags_is_made_without_losing_what_is_known() -> None:
    state = MemoryLiveState(LiveStateLimits(first_capacity=4))
    state.apply(SampleBatch.from_rows([row(3, NOW, 1.5)]))
    state.apply(SampleBatch.from_rows([row(5000, NOW, 2.5)]))
    assert state.columns(np.array([3, 5000, 4])).value.tolist()[:2] == [1.5, 2.5]
    stats = state.stats(3, "1h", NOW)
    assert stats is not None and stats.count == 1


samples = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 200).map(lambda minutes: NOW + minutes * MINUTE // 2),
        st.one_of(st.floats(-1e6, 1e6), st.just(math.nan), st.sampled_from(["a", "b"])),
        st.sampled_from([Quality.GOOD, Quality.BAD, Quality.UNCERTAIN]),
        st.just(NOW),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(samples)
def test_small_and_large_batches_give_the_same(rows: list[Row]) -> None:
    few, many = MemoryLiveState(), MemoryLiveState()
    batch = SampleBatch.from_rows(rows)
    if rows:
        few._apply_few(batch)
        many._apply_many(batch)
    tags = np.arange(5)
    now = NOW + 100 * MINUTE
    assert [repr(few.current(t)) for t in range(5)] == [repr(many.current(t)) for t in range(5)]
    for window in ("1h", "24h"):
        for one, other in zip(few.stats_many(tags, window, now), many.stats_many(tags, window, now), strict=True):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                assert (one.count, one.min, one.max) == (other.count, other.min, other.max)
                assert one.avg == pytest.approx(other.avg, abs=1e-6)


@settings(max_examples=60)
@given(samples, st.integers(1, 40))
def test_windows_agree_with_counting_by_hand(rows: list[Row], batch_size: int) -> None:
    state = MemoryLiveState()
    seen: set[tuple[int, int]] = set()
    distinct = [r for r in rows if not ((r[0], r[1]) in seen or seen.add((r[0], r[1])))]  # type: ignore[func-returns-value]
    distinct.sort(key=lambda r: r[1])
    for i in range(0, len(distinct), batch_size):
        state.apply(SampleBatch.from_rows(distinct[i : i + batch_size]))
    now = NOW + 100 * MINUTE
    first = (now // MINUTE - 59) * MINUTE
    for tag in range(5):
        values = [
            r[2]
            for r in distinct
            if r[0] == tag and first <= r[1] <= now and r[3] == Quality.GOOD and not isinstance(r[2], str)
        ]
        values = [v for v in values if not math.isnan(v)]
        stats = state.stats(tag, "1h", now)
        if not values:
            assert stats is None
            continue
        assert stats is not None
        assert (stats.count, stats.min, stats.max) == (len(values), min(values), max(values))
        assert stats.avg == pytest.approx(sum(values) / len(values), abs=1e-6)
