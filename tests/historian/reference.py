"""History as a dictionary would keep it: what every store is held against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from andon.historian import model
from andon.historian.model import Buckets, Columns, Source, Statistics, TopStatistic
from andon.historian.retention import RetentionPolicies
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.quality import USABLE, Quality

MINUTE = 60_000_000
Row = tuple[int, int, float | str, int, int, bool]
"""(tag, timestamp, value, quality, received, pinned)"""


@dataclass
class Held:
    """What is known of one key. `tier`: the finest that still has it."""

    value: float | str
    quality: int
    received: int
    pinned: bool
    tier: Source = "raw"

    @property
    def used(self) -> bool:
        return isinstance(self.value, float) and not math.isnan(self.value) and self.quality >= USABLE


@dataclass
class Reference:
    """Samples by tag and timestamp. What retention took stays here, as part of the sum that still stands for it."""

    held: dict[int, dict[int, Held]] = field(default_factory=dict)
    newest: dict[int, tuple[int, float | str, int, int]] = field(default_factory=dict)
    dropped: bool = False

    def write(self, rows: Iterable[Row]) -> None:
        """The last write of a key is what it holds."""
        for tag, at, value, quality, received, pinned in rows:
            samples = self.held.setdefault(tag, {})
            if self.dropped:
                _give_way(samples, at)
            samples[at] = Held(value, quality, received, pinned)
            if tag not in self.newest or at >= self.newest[tag][0]:
                self.newest[tag] = (at, value, quality, received)

    def retain(self, policies: RetentionPolicies, now: int) -> None:
        """Whole days go; a tier stays as long as the finer one has anything of that tag's day."""
        self.dropped = True
        for tag, samples in self.held.items():
            for day in {at // US_PER_DAY for at in samples}:
                mine = {at: held for at, held in samples.items() if at // US_PER_DAY == day}
                end = (day + 1) * US_PER_DAY
                gone = {tier: _over(policies.of(tag).cutoff(tier, now), end) for tier in ("raw", "minute", "hour")}
                for held in mine.values():
                    if gone["raw"] and held.tier == "raw" and not held.pinned:
                        held.tier = "minute"
                raw = any(held.tier == "raw" for held in mine.values())
                for held in mine.values():
                    if gone["minute"] and held.tier == "minute" and not raw:
                        held.tier = "hour"
                fine = any(held.tier != "hour" for held in mine.values())
                for at, held in mine.items():
                    if gone["hour"] and held.tier == "hour" and not fine:
                        del samples[at]

    # Questions

    def raw(self, tag: int, start: int, end: int) -> list[tuple[int, Held]]:
        """The samples that are still there, oldest first."""
        found = self.held.get(tag, {}).items()
        return [(at, held) for at, held in sorted(found) if start <= at < end and held.tier == "raw"]

    def has_sample(self, tag: int, at: int) -> bool:
        """Whether the sample is still there itself."""
        held = self.held.get(tag, {}).get(at)
        return held is not None and held.tier == "raw"

    def within(self, tag: int, start: int, end: int) -> list[Held]:
        """All that a sum over the range holds; a sum that stands for dropped samples counts where it begins."""
        found = []
        for at, held in sorted(self.held.get(tag, {}).items()):
            width = {"raw": 1, "minute": MINUTE, "hour": US_PER_HOUR}[held.tier]
            if start <= at // width * width < end:
                found.append(held)
        return found

    def buckets(self, tag: int, edges: Sequence[int]) -> list[tuple[int, list[Held]]]:
        """(start, what it holds) of the buckets that hold anything."""
        slots = [(a, self.within(tag, a, b)) for a, b in pairwise(edges)]
        return [(start, found) for start, found in slots if found]

    def top(self, tags: Iterable[int], start: int, end: int, statistic: TopStatistic) -> dict[int, float]:
        """The statistic of each tag that has a usable value."""
        sums = {tag: Sums.of(self.within(tag, start, end)) for tag in tags}
        return {tag: float(getattr(each, statistic)) for tag, each in sums.items() if each.count}

    def __len__(self) -> int:
        return sum(held.tier == "raw" for samples in self.held.values() for held in samples.values())


def _give_way(samples: dict[int, Held], at: int) -> None:
    """A sum that stands for dropped samples gives way to samples that come anew."""
    widths: dict[Source, int] = {"minute": MINUTE, "hour": US_PER_HOUR}
    for tier, width in widths.items():
        for other in [o for o, held in samples.items() if held.tier == tier and o // width == at // width]:
            del samples[other]


def _over(cutoff: int | None, end: int) -> bool:
    return cutoff is not None and end <= cutoff


@dataclass
class Sums:
    """The figures of some samples in the order of time."""

    count: int
    min: float
    max: float
    mean: float
    first: float
    last: float
    sd: float
    good_share: float
    worst: int

    @property
    def range(self) -> float:
        return self.max - self.min

    @staticmethod
    def of(samples: Sequence[Held]) -> Sums:
        used = [held.value for held in samples if held.used]
        good = sum(held.quality >= Quality.GOOD for held in samples) / max(len(samples), 1)
        worst = min((held.quality for held in samples), default=0)
        if not used:
            return Sums(0, *[math.nan] * 6, good, worst)
        mean = math.fsum(used) / len(used)
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in used) / (len(used) - 1)) if len(used) > 1 else 0.0
        return Sums(len(used), min(used), max(used), mean, used[0], used[-1], sd, good, worst)


def check_columns(columns: Columns, expected: Sequence[tuple[int, Held]]) -> None:
    """The samples are exactly these; their arrival may be rounded to the millisecond."""
    assert columns.timestamps.tolist() == [at for at, _ in expected]
    assert [comparable(columns.texts.get(i, v)) for i, v in enumerate(columns.values.tolist())] == [
        comparable(held.value) for _, held in expected
    ]
    assert columns.qualities.tolist() == [held.quality for _, held in expected]
    late = columns.received - np.array([held.received for _, held in expected], np.int64)
    assert len(late) == 0 or np.abs(late).max() <= 500


def check_buckets(found: Buckets, expected: Sequence[tuple[int, list[Held]]]) -> None:
    """The buckets are exactly these; means and deviations to within what rounding may do."""
    assert found.starts.tolist() == [start for start, _ in expected]
    for row, (_, samples) in enumerate(expected):
        sums = Sums.of(samples)
        got = Sums(
            int(found.counts[row]),
            *(float(column[row]) for column in (found.minima, found.maxima, found.means, found.firsts, found.lasts)),
            float(found.sds[row]),
            float(found.good_shares[row]),
            int(found.qualities[row]),
        )
        check_sums(got, sums)


def check_sums(got: Sums, expected: Sums) -> None:
    """Figures agree."""
    assert (got.count, got.worst) == (expected.count, expected.worst)
    assert math.isclose(got.good_share, expected.good_share)
    for name in ("min", "max", "first", "last"):
        assert comparable(getattr(got, name)) == comparable(getattr(expected, name)), name
    if expected.count:
        largest = max(abs(expected.min), abs(expected.max))
        assert math.isclose(got.mean, expected.mean, rel_tol=1e-9, abs_tol=largest * 1e-12)
        assert math.isclose(got.sd, expected.sd, rel_tol=1e-6, abs_tol=largest * 1e-9)
    else:
        assert math.isnan(got.mean)
        assert math.isnan(got.sd)


def check_statistics(found: Statistics | None, samples: Sequence[Held]) -> None:
    """Exact where the samples are there; without them the percentiles are approximate and marked."""
    expected = Sums.of(samples)
    if not expected.count:
        assert found is None
        return
    assert found is not None
    got = Sums(
        found.count,
        found.min,
        found.max,
        found.mean,
        found.first,
        found.last,
        found.sd,
        found.good_share,
        expected.worst,
    )
    check_sums(got, expected)
    if found.approximate:
        assert found.min <= found.p5 <= found.median <= found.p95 <= found.max
        return
    values = np.array([held.value if isinstance(held.value, float) else math.nan for held in samples], np.float64)
    exact = model.statistics(values, np.array([held.quality for held in samples], np.uint8))
    assert exact is not None
    assert (found.p5, found.median, found.p95) == (exact.p5, exact.median, exact.p95)


def comparable(value: float | str) -> Any:
    """NaN equal to itself."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value
