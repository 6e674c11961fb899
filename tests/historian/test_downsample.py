"""A chart of few points looks like the chart of all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.historian.downsample import filled, lttb, minmax

VALUES = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0]))
CURVES = st.lists(st.tuples(st.integers(1, 1000), VALUES), min_size=1, max_size=200)


def curve(points: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Timestamps from steps, and values."""
    return np.cumsum([step for step, _ in points]).astype(np.int64), np.array([value for _, value in points])


@given(CURVES, st.integers(4, 60), st.sampled_from([lttb, minmax]))
@settings(max_examples=300)
def test_the_chosen_points_are_no_more_than_asked_ascending_and_hold_both_ends(points, n, method) -> None:
    times, values = curve(points)
    chosen = method(times, values, n)
    assert len(chosen) <= max(n, 1)
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] == 0
    assert chosen[-1] == len(values) - 1
    if len(values) <= n:
        assert len(chosen) == len(values)


@given(CURVES, st.integers(4, 60))
def test_minmax_keeps_the_extremes_of_every_span(points, n) -> None:
    times, values = curve(points)
    chosen = minmax(times, values, n)
    spans = max((n - 2) // 2, 1)
    span = (times - times[0]) * spans // (times[-1] - times[0] + 1)
    for number in np.unique(span):
        there = values[span == number]
        kept = values[chosen][span[chosen] == number]
        if np.isnan(there).all():
            assert np.isnan(kept).any()
        else:
            assert np.nanmin(kept) == np.nanmin(there)
            assert np.nanmax(kept) == np.nanmax(there)


@given(CURVES, st.integers(4, 60))
def test_lttb_of_a_curve_without_gaps_gives_just_as_many_points_as_asked(points, n) -> None:
    times, values = curve([(step, 0.0 if math.isnan(value) else value) for step, value in points])
    assert len(lttb(times, values, n)) == min(n, len(values))


def test_lttb_keeps_a_lonely_spike() -> None:
    values = np.zeros(10_000)
    values[4_321] = 50
    assert 4_321 in lttb(np.arange(10_000), values, 100)


def test_lttb_chooses_what_its_author_would() -> None:
    """Against the algorithm written down plainly, point by point."""
    rng = np.random.default_rng(1)
    times, values = np.cumsum(rng.integers(1, 50, 500)), np.cumsum(rng.normal(size=500))
    n, count = 40, 500
    edges = [1 + i * (count - 2) // (n - 2) for i in range(n - 1)]
    expected = [0]
    for bucket in range(n - 2):
        following = range(edges[bucket + 1], edges[bucket + 2]) if bucket < n - 3 else [count - 1]
        x2, y2 = np.mean([times[i] for i in following]), np.mean([values[i] for i in following])
        x1, y1 = times[expected[-1]], values[expected[-1]]
        areas = {
            i: abs((x1 - x2) * (values[i] - y1) - (x1 - times[i]) * (y2 - y1))
            for i in range(edges[bucket], edges[bucket + 1])
        }
        expected.append(max(areas, key=areas.__getitem__))
    expected.append(count - 1)
    assert lttb(times, values, n).tolist() == expected


@pytest.mark.parametrize("method", [lttb, minmax])
def test_a_gap_stays_a_gap(method) -> None:
    values = np.sin(np.arange(5_000) / 50)
    values[2_000:2_600] = math.nan
    chosen = method(np.arange(5_000) * 1_000_000, values, 100)
    at = values[chosen]
    assert np.isnan(at).any()
    assert not np.isnan(values[chosen[chosen < 2_000]]).any()
    assert chosen[(chosen < 2_000)].max() > 1_900
    assert chosen[(chosen >= 2_600)].min() < 2_700


def test_of_too_many_gaps_lttb_keeps_the_longest() -> None:
    values = np.ones(4_000)
    values[::4] = math.nan
    values[1_000:1_400] = math.nan
    chosen = lttb(np.arange(4_000), values, 20)
    assert len(chosen) <= 20
    assert any(1_000 <= index < 1_400 for index in chosen.tolist())


@pytest.mark.parametrize("method", [lttb, minmax])
def test_nothing_but_gaps_is_a_gap(method) -> None:
    chosen = method(np.arange(100), np.full(100, math.nan), 10)
    assert 2 <= len(chosen) <= 10


STARTS = np.array([20, 30, 60], np.int64)
MEANS = np.array([1.0, math.nan, 4.0])
GRID = np.arange(10, 90, 10, dtype=np.int64)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("null", [None, 1, None, None, None, 4, None, None]),
        ("previous", [None, 1, 1, 1, 1, 4, 4, 4]),
        ("linear", [None, 1, 1.75, 2.5, 3.25, 4, None, None]),
    ],
)
def test_buckets_without_samples_are_filled_as_asked(mode, expected) -> None:
    grid, values = filled(STARTS, MEANS, GRID, mode)
    assert grid.tolist() == GRID.tolist()
    assert [None if math.isnan(value) else value for value in values.tolist()] == expected


def test_without_a_fill_buckets_stay_as_they_are() -> None:
    grid, values = filled(STARTS, MEANS, GRID, "none")
    assert grid is STARTS
    assert values is MEANS


@pytest.mark.parametrize("mode", ["null", "previous", "linear"])
def test_no_buckets_at_all_give_an_empty_curve(mode) -> None:
    none = np.empty(0, np.int64)
    assert np.isnan(filled(none, none.astype(np.float64), GRID, mode)[1]).all()
