"""Samples that are not in files yet: sorted runs, folded into larger ones as they grow in number.

Runs never change once made, so that a query may look at them while new ones come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from andon.historian.stores.columnar.fresh import Summing
from andon.historian.stores.columnar.sorting import byte_size, merged, sorted_unique
from andon.kit.samples import SampleBatch


@dataclass(frozen=True, slots=True)
class Run:
    """A sorted batch without duplicates. `level`: how often it was folded."""

    batch: SampleBatch
    level: int
    bytes: int
    summing: Summing

    @property
    def min_time(self) -> int:
        """Its oldest timestamp."""
        return self.summing.min_time

    @property
    def max_time(self) -> int:
        """Its newest timestamp."""
        return self.summing.max_time

    @staticmethod
    def of(batch: SampleBatch, level: int) -> Run:
        """A run of a sorted batch, which is not empty."""
        return Run(batch, level, byte_size(batch), Summing(batch))


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs in the order of their arrival: a later one's samples replace an earlier one's."""

    runs: tuple[Run, ...] = ()

    @property
    def rows(self) -> int:
        """Samples; a key that came in two runs counts twice."""
        return sum(len(run.batch) for run in self.runs)

    @property
    def bytes(self) -> int:
        """Bytes in memory."""
        return sum(run.bytes for run in self.runs)

    def add(self, batch: SampleBatch, run_rows: int, fan_out: int) -> Runs:
        """With a batch more, which need not be sorted. A run stays on level 0 until it has `run_rows` samples."""
        new = Run.of(sorted_unique(batch), 0)
        level_0 = [run for run in self.runs if run.level == 0]
        rows = sum(len(run.batch) for run in level_0) + len(new.batch)
        if rows < run_rows and len(level_0) + 1 < 4 * fan_out:
            return Runs((*self.runs, new))
        return Runs((*self.runs, new))._folded(0, fan_out)

    def _folded(self, level: int, fan_out: int) -> Runs:
        """The newest runs, those up to `level`, as one of the next level; levels fall towards the end."""
        kept = tuple(run for run in self.runs if run.level > level)
        fresh = self.runs[len(kept) :]
        if level and len(fresh) < fan_out:
            return self
        joined = Run.of(merged([run.batch for run in fresh]), level + 1)
        return Runs((*kept, joined))._folded(level + 1, fan_out)

    def batches(self) -> Sequence[SampleBatch]:
        """The sorted batches, oldest first."""
        return [run.batch for run in self.runs]

    def whole(self) -> SampleBatch:
        """All samples as one sorted batch."""
        return merged(self.batches())


def cleaned(batch: SampleBatch) -> SampleBatch:
    """Infinite numbers have no place in history: they are kept as absent."""
    infinite = np.isinf(batch.values)
    return replace(batch, values=np.where(infinite, np.nan, batch.values)) if infinite.any() else batch
