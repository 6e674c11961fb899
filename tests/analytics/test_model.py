"""Trends: what counts as one, and how far to trust it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.analytics.model import analyse, direction_confidence
from andon.historian.model import Buckets
from andon.kit.clock import US_PER_HOUR, US_PER_S

START = 1_760_000_000 * US_PER_S
WIDTH = US_PER_HOUR // 5


def buckets(means: list[float], counts: list[int] | None = None, spread: float = 0.1) -> Buckets:
    values = np.array(means, np.float64)
    count = np.array(counts if counts is not None else [10] * len(means), np.int64)
    starts = START + np.arange(len(means)) * WIDTH
    qualities = np.full(len(means), 192, np.uint8)
    rest = (np.full(len(means), spread), np.ones(len(means)))
    return Buckets(WIDTH, starts, count, values - spread, values + spread, values, values, values, qualities, *rest)


def test_a_rising_signal_has_its_slope_per_hour_and_the_ends_of_its_line() -> None:
    analysis = analyse(buckets([20.0 + 0.5 * i for i in range(10)]))
    line = analysis.line
    assert line is not None
    assert (line.trend, line.slope) == ("increasing", pytest.approx(2.5))
    assert (line.r2, line.confidence) == (pytest.approx(1.0), pytest.approx(1.0))
    assert line.start.value == pytest.approx(20.0)
    assert line.end.value == pytest.approx(24.5)
    assert line.start.timestamp == analysis.points[0].timestamp == START + WIDTH // 2


def test_a_signal_that_only_trembles_is_stable() -> None:
    noise = np.random.default_rng(3).normal(50, 1, 120).tolist()
    line = analyse(buckets(noise)).line
    assert line is not None and line.trend == "stable"
    assert line.confidence < 0.99


def test_a_constant_signal_is_stable() -> None:
    line = analyse(buckets([7.0] * 20, spread=0.0)).line
    assert line is not None
    assert (line.trend, line.slope, line.r2) == ("stable", 0.0, 0.0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_means_have_no_line(count: int) -> None:
    analysis = analyse(buckets([1.0] * count))
    assert analysis.line is None
    assert len(analysis.points) == count


def test_buckets_without_a_usable_value_are_left_out() -> None:
    means = [1.0, math.nan, 2.0, math.nan, 3.0]
    analysis = analyse(buckets(means, [5, 0, 5, 0, 5]))
    assert [point.value for point in analysis.points] == [1.0, 2.0, 3.0]
    assert analysis.line is not None and analysis.line.trend == "increasing"


@pytest.mark.parametrize(
    ("t", "df", "probability"),
    # From tables of Student's t.
    [(12.706, 1, 0.95), (2.776, 4, 0.95), (2.228, 10, 0.95), (1.980, 120, 0.95), (2.617, 120, 0.99), (0.0, 5, 0.0)],
)
def test_confidence_agrees_with_the_tables(t: float, df: int, probability: float) -> None:
    assert direction_confidence(t, df) == pytest.approx(probability, abs=0.016)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=40), st.floats(-100, 100))
def test_the_line_is_least_squares(means: list[float], shift: float) -> None:
    line = analyse(buckets(means)).line
    assert line is not None
    slope, _ = np.polyfit(np.arange(len(means)) * 0.2, means, 1)
    assert line.slope == pytest.approx(slope, abs=1e-6)
    moved = analyse(buckets([each + shift for each in means])).line
    assert moved is not None and moved.slope == pytest.approx(line.slope, abs=1e-6)
