"""Trends of a signal over a range: a straight line, and how far to trust it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.regression import Trend, describe, fit
from andon.historian.model import Buckets
from andon.kit.clock import US_PER_HOUR


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time (µs UTC)."""

    timestamp: int
    value: float


@dataclass(frozen=True, slots=True)
class TrendLine:
    """A line through k ≥ 3 bucket means, weighted by their counts.

    `slope` in units per hour, `r2` the share of the variance that it explains, `confidence` the probability that
    the slope's direction is not chance, were the buckets independent: of a slowly swinging signal it promises too much.
    """

    trend: Trend
    slope: float
    r2: float
    confidence: float
    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class TrendAnalysis:
    """The means a chart shows, and the line through them; None under three of them."""

    points: tuple[Point, ...]
    line: TrendLine | None


def analyse(buckets: Buckets) -> TrendAnalysis:
    """The trend of one tag. Buckets without a usable value do not count."""
    used = np.flatnonzero(buckets.counts > 0)
    times = buckets.starts[used] + buckets.width_us // 2
    means = buckets.means[used]
    points = tuple(Point(at, mean) for at, mean in zip(times.tolist(), means.tolist(), strict=True))
    if not points:
        return TrendAnalysis((), None)
    observed_range = float(buckets.maxima[used].max() - buckets.minima[used].min())
    return TrendAnalysis(points, _line(times, means, buckets.counts[used].astype(np.float64), observed_range))


def _line(
    times: NDArray[np.int64], means: NDArray[np.float64], counts: NDArray[np.float64], observed_range: float
) -> TrendLine | None:
    hours = (times - times[0]) / US_PER_HOUR
    lines = fit(hours[None, :], means[None, :], counts[None, :])
    slope, intercept, t = float(lines.slope[0]), float(lines.intercept[0]), float(lines.t[0])
    trend = describe(float(lines.change[0]), observed_range, bool(lines.clear[0]))
    if trend is None:
        return None
    return TrendLine(
        trend,
        slope,
        float(lines.r2[0]),
        direction_confidence(t, len(times) - 2),
        Point(int(times[0]), intercept),
        Point(int(times[-1]), intercept + slope * float(hours[-1])),
    )


def direction_confidence(t: float, degrees_of_freedom: int) -> float:
    """Two-sided probability of Student's t, 0 to 1.

    By Wallace's normal approximation (1959), off by at most 0.015, at one degree of freedom.
    """
    df = degrees_of_freedom
    if df < 1:
        return 0.0
    z = (8 * df + 1) / (8 * df + 3) * math.sqrt(df * math.log1p(t * t / df))
    return math.erf(z / math.sqrt(2))
