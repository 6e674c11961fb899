"""What history looks like when it is read: columns, buckets of a chart, statistics. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from andon.kit.quality import USABLE, Quality


@dataclass(frozen=True, slots=True)
class Columns:
    """n samples of one tag: `timestamps` and `received` int64 µs UTC, `values` float64 (NaN where the value is
    text), `qualities` uint8; `texts` by row index.
    """

    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    qualities: NDArray[np.uint8]
    received: NDArray[np.int64]
    texts: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.timestamps)


@dataclass(frozen=True, slots=True)
class Buckets:
    """k buckets of equal width that hold at least one sample, oldest first; empty ones are absent.

    `starts` int64 µs; `counts` the samples that were used, numbers of usable
    quality (good, or only the clock in doubt);
    `minima`, `maxima`, `means`, `firsts`, `lasts` float64 of those, NaN when none; `qualities` uint8, the worst
    quality of all samples in the bucket.
    """

    width_us: int
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    minima: NDArray[np.float64]
    maxima: NDArray[np.float64]
    means: NDArray[np.float64]
    firsts: NDArray[np.float64]
    lasts: NDArray[np.float64]
    qualities: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.starts)


def joined(parts: Sequence[Buckets]) -> Buckets:
    """The buckets of successive parts of one range."""
    if len(parts) == 1:
        return parts[0]
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in _BUCKET_COLUMNS)
    return Buckets(parts[0].width_us, *columns)


_BUCKET_COLUMNS = tuple(each.name for each in fields(Buckets) if each.name != "width_us")


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the usable values of one tag, in its unit. `sd` is the sample standard deviation (n - 1; 0 for n = 1).

    `count` counts the usable values, `good_share` is the part of all samples whose quality is good (0 to 1).
    """

    count: int
    mean: float
    median: float
    sd: float
    min: float
    max: float
    p5: float
    p95: float
    first: float
    last: float
    good_share: float


@dataclass(frozen=True, slots=True)
class StoreSize:
    """Samples held, and bytes on the disk."""

    samples: int
    bytes: int


def bucket_width(start: int, end: int, count: int) -> int:
    """Width in µs of `count` buckets that cover start to end; the last may reach beyond the end."""
    return max(-(-(end - start) // count), 1)


def usable(values: NDArray[np.float64], qualities: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mask of the values that may be averaged: numbers that are not bad or stale."""
    return np.asarray((qualities >= USABLE) & ~np.isnan(values))


def statistics(values: NDArray[np.float64], qualities: NDArray[np.uint8]) -> Statistics | None:
    """Statistics of samples in the order of their timestamps; None when no value is usable.

    Percentiles interpolate linearly between the nearest ranks (Hyndman and Fan's type 7).
    """
    used = values[usable(values, qualities)]
    if not len(used):
        return None
    p5, median, p95 = np.percentile(used, (5, 50, 95)).tolist()
    return Statistics(
        count=len(used),
        mean=float(used.mean()),
        median=median,
        sd=float(used.std(ddof=1)) if len(used) > 1 else 0.0,
        min=float(used.min()),
        max=float(used.max()),
        p5=p5,
        p95=p95,
        first=float(used[0]),
        last=float(used[-1]),
        good_share=float((qualities >= Quality.GOOD).mean()),
    )
