"""What history looks like when it is read: columns, buckets of a chart, statistics. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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


Source = Literal["raw", "minute", "hour"]
"""What an answer was made from: the samples, or the coarsest tier of sums that was needed."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """k buckets that hold at least one sample, oldest first; empty ones are absent.

    `width_us` is their width, 0 when it differs (days across a change of the clock). `starts` int64 µs; `counts`
    the samples that were used, numbers of usable quality (good, or only the clock in doubt);
    `minima`, `maxima`, `means`, `firsts`, `lasts` float64 of those, NaN when none; `qualities` uint8, the worst
    quality of all samples in the bucket. `sds` float64, the sample standard deviation (n - 1; 0 for n = 1, NaN when
    none); `good_shares` float64, the part of all samples whose quality is good (0 to 1).
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
    sds: NDArray[np.float64]
    good_shares: NDArray[np.float64]
    source: Source = "raw"

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the usable values of one tag, in its unit. `sd` is the sample standard deviation (n - 1; 0 for n = 1).

    `count` counts the usable values, `good_share` is the part of all samples whose quality is good (0 to 1).
    `approximate`: the percentiles are those of the minutes' means, because the samples are too many or gone.
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
    approximate: bool = False


TopStatistic = Literal["mean", "min", "max", "sd", "count", "range", "last", "good_share"]
"""What tags can be ranked by; `range` is the difference of max and min."""


@dataclass(frozen=True, slots=True)
class StoreSize:
    """Samples held, and bytes on the disk."""

    samples: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TierReport:
    """One tier on the disk: `files` (or partitions), `rows` (samples, or sums of a minute or hour), `bytes`.

    `oldest`, `newest`: µs UTC, None when it is empty. `next_drop`: when its oldest part is due to be dropped by
    retention, None when nothing ever is; `next_drop_bytes`: how much that frees.
    """

    tier: Source
    files: int
    rows: int
    bytes: int
    oldest: int | None
    newest: int | None
    next_drop: int | None
    next_drop_bytes: int


@dataclass(frozen=True, slots=True)
class StorageReport:
    """What history takes. `samples` are all that it holds, `unsealed` those of them that are not in files yet.

    `uncertain`: how many of `samples` may have been counted before: they came for days that could not be looked at.
    `pinned`: samples that retention leaves alone; `archived_files`, `archived_bytes`: what lies in the archive;
    `durable`: the log position up to which everything is in files, by partition. `full`: why nothing is written now,
    None while all is well; `archive_problem`: why the archive cannot be asked, or takes nothing.
    """

    tiers: tuple[TierReport, ...]
    samples: int
    unsealed: int
    unsealed_bytes: int
    pinned: int
    archived_files: int
    archived_bytes: int
    durable: Mapping[int, int]
    full: str | None = None
    uncertain: int = 0
    archive_problem: str | None = None

    @property
    def bytes(self) -> int:
        """Bytes of all tiers on this machine's disk."""
        return sum(tier.bytes for tier in self.tiers)

    def bytes_per_sample(self) -> float | None:
        """Of the sealed samples, sums not counted; None when there are none."""
        raw = next((tier for tier in self.tiers if tier.tier == "raw"), None)
        return raw.bytes / raw.rows if raw is not None and raw.rows else None


def bucket_width(start: int, end: int, count: int) -> int:
    """Width in µs of `count` buckets that cover start to end; the last may reach beyond the end."""
    return max(-(-(end - start) // count), 1)


def bucket_edges(start: int, end: int, count: int) -> NDArray[np.int64]:
    """The edges of the buckets of `bucket_width`, k + 1 for k buckets; the last one ends at `end`."""
    return np.append(np.arange(start, end, bucket_width(start, end, count), dtype=np.int64), end)


def width_of(edges: NDArray[np.int64]) -> int:
    """The width that all buckets have, the last perhaps being cut short; 0 when they differ."""
    widths = np.diff(edges)
    first = int(widths[0])
    return first if bool((widths[:-1] == first).all()) and widths[-1] <= first else 0


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


def statistics_of_sums(whole: Buckets, means: NDArray[np.float64], counts: NDArray[np.int64]) -> Statistics:
    """Statistics of the one bucket of `whole`: exact but for the percentiles.

    These are the nearest ranks among `means` of shorter spans, each counting as often as it had samples: `counts`.
    """
    used = np.flatnonzero(counts)
    order = used[np.argsort(means[used])]
    reached = np.cumsum(counts[order]) / counts.sum()
    ranks = np.searchsorted(reached, (0.05, 0.5, 0.95)).clip(max=len(order) - 1)
    p5, median, p95 = means[order[ranks]].tolist()
    return Statistics(
        count=int(whole.counts[0]),
        mean=float(whole.means[0]),
        median=median,
        sd=float(whole.sds[0]),
        min=float(whole.minima[0]),
        max=float(whole.maxima[0]),
        p5=p5,
        p95=p95,
        first=float(whole.firsts[0]),
        last=float(whole.lasts[0]),
        good_share=float(whole.good_shares[0]),
        approximate=True,
    )
