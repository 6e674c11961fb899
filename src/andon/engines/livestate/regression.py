"""A straight line through points, and the word for where it goes. Ordinary least squares, weighted."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Trend = Literal["increasing", "decreasing", "stable"]

MIN_POINTS = 3
# A slope has to stand three standard errors clear of zero, and the line has to cross a tenth of the
# observed range: without the second rule any long, quiet signal would be called rising or falling.
_CLEAR_OF_NOISE = 3.0
_SHARE_OF_RANGE = 0.1


class Lines(NamedTuple):
    """k fitted lines as columns of length k; NaN where there were fewer than three points.

    `slope` is in y units per x unit, `change` is the line's rise over the points' extent in x, `r2` the share
    of the variance that the line explains, `t` the slope in its standard errors, without sign.
    """

    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    change: NDArray[np.float64]
    r2: NDArray[np.float64]
    t: NDArray[np.float64]

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Whether the slope stands clear of the scatter."""
        return np.asarray(self.t >= _CLEAR_OF_NOISE)


def fit(x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]) -> Lines:
    """Weighted least squares along the last axis; shapes (k, n). Points of weight 0 do not count."""
    with np.errstate(divide="ignore", invalid="ignore"):
        points = np.count_nonzero(weights, axis=-1)
        total = weights.sum(axis=-1)
        x_mean = (weights * x).sum(axis=-1) / total
        y_mean = (weights * y).sum(axis=-1) / total
        dx, dy = x - x_mean[..., None], y - y_mean[..., None]
        sxx, sxy, syy = ((weights * a * b).sum(axis=-1) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
        enough = (points >= MIN_POINTS) & (sxx > 0)
        slope = np.where(enough, sxy / sxx, np.nan)
        r2 = np.where(syy > 0, np.clip(sxy * sxy / (sxx * syy), 0.0, 1.0), 0.0)
        # t² of the slope, from r²: t² = r²·(n-2)/(1-r²). Rounding leaves r² just below 1 on an exact line.
        t_squared = r2 * (points - 2) / np.maximum(1.0 - r2, 1e-12)
    present = weights > 0
    extent = np.where(present, x, -np.inf).max(axis=-1) - np.where(present, x, np.inf).min(axis=-1)
    return Lines(
        slope,
        y_mean - slope * x_mean,
        slope * np.where(enough, extent, np.nan),
        np.where(enough, r2, np.nan),
        np.where(enough, np.sqrt(t_squared), np.nan),
    )


def describe(change: float, observed_range: float, clear: bool) -> Trend | None:
    """`increasing`, `decreasing` or `stable`; None when there was no line to judge."""
    if math.isnan(change):
        return None
    if not clear or abs(change) < _SHARE_OF_RANGE * observed_range:
        return "stable"
    return "increasing" if change > 0 else "decreasing"
