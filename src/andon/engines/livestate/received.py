"""How many samples came in the last day, by five seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.snapshot import ReceivedCounts
from andon.kit.clock import US_PER_DAY, US_PER_S
from andon.kit.samples import SampleBatch

_WIDTH = 5 * US_PER_S
_SLOTS = US_PER_DAY // _WIDTH + 1


class ReceivedCounter:
    """A ring of counts. A slot remembers which span of time it holds, counted from 1970."""

    def __init__(self) -> None:
        self._spans = np.zeros(_SLOTS, np.int64)
        self._counts = np.zeros(_SLOTS, np.int64)

    def add_one(self, received: int) -> None:
        """One sample came, at a time in µs UTC."""
        self._add(received // _WIDTH, 1)

    def add(self, batch: SampleBatch) -> None:
        """The samples of a batch came."""
        spans, counts = np.unique(batch.received // _WIDTH, return_counts=True)
        for span, count in zip(spans.tolist(), counts.tolist(), strict=True):
            self._add(span, count)

    def estimate(self, spans: NDArray[np.int32], width: int, counts: NDArray[np.float64]) -> None:
        """So many samples are of each span of `width` (µs) from 1970 on: they count as having come at its start."""
        for span in np.unique(spans).tolist():
            self._add(span * width // _WIDTH, int(counts[spans == span].sum()))

    def _add(self, span: int, count: int) -> None:
        slot = span % _SLOTS
        held = int(self._spans[slot])
        if span > held:
            self._spans[slot] = span
            self._counts[slot] = count
        elif span == held:
            self._counts[slot] += count

    def since(self, since: int, until: int | None = None) -> int:
        """How many came from then on (µs), to within five seconds; at most a day back from the newest."""
        newest = int(self._spans.max())
        oldest = max(since // _WIDTH, newest - _SLOTS + 1)
        inside = self._spans >= oldest
        if until is not None:
            inside &= self._spans <= until // _WIDTH
        return int(self._counts[inside].sum())

    def export(self) -> ReceivedCounts:
        """A copy of it."""
        return ReceivedCounts(self._spans.copy(), self._counts.copy())

    def restore(self, counts: ReceivedCounts) -> None:
        """Go on from what another process had counted, and from nothing else."""
        self._spans[:] = self._counts[:] = 0
        slots = counts.spans % _SLOTS
        self._spans[slots] = counts.spans
        self._counts[slots] = counts.counts
