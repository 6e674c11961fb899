"""The port of live state: what the adapters (memory today) have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.regression import Trend
from andon.kit.samples import SampleBatch

if TYPE_CHECKING:
    from andon.engines.livestate.snapshot import LiveColumns

Window = Literal["1h", "24h"]
TagIds = NDArray[np.int32] | NDArray[np.int64]


class Current(NamedTuple):
    """The newest sample of a tag. `value` is NaN when the sample is text; times in µs UTC."""

    timestamp: int
    value: float
    quality: int
    received: int
    text: str | None


class CurrentColumns(NamedTuple):
    """The newest samples of k tags as columns of length k; `timestamp` 0 where the tag was never seen."""

    timestamp: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    received: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WindowStats:
    """A window's good, numeric samples. `slope` in units per hour; None, as `trend`, under three buckets."""

    avg: float
    min: float
    max: float
    count: int
    trend: Trend | None
    slope: float | None


class LiveState(Protocol):
    """Current values and moving windows of all tags.

    Called from the event loop's thread. Reading from another thread is safe, but may mix the fields of two
    successive samples.
    """

    def apply(self, batch: SampleBatch) -> None:
        """Take the samples in: the newest timestamp wins, equal timestamps are corrections."""

    def warm(self, batch: SampleBatch) -> None:
        """The same, for samples read back from history at start."""

    def restore(self, columns: LiveColumns) -> None:
        """Take over the whole state of some tags, of which nothing is known yet: from a snapshot, or history's sums."""

    def current(self, tag_id: int) -> Current | None:
        """The newest sample, or None when the tag was never seen."""

    def columns(self, tag_ids: TagIds) -> CurrentColumns:
        """The newest samples of many tags at once."""

    def current_many(self, tag_ids: TagIds) -> list[Current | None]:
        """`current` of many tags in one go, in their order."""

    def stats(self, tag_id: int, window: Window, now: int) -> WindowStats | None:
        """Statistics of the hour or the day before `now` (µs); None when it holds no good sample."""

    def stats_many(self, tag_ids: TagIds, window: Window, now: int) -> list[WindowStats | None]:
        """`stats` of many tags in one go, in their order."""

    def samples_since(self, since: int, until: int | None = None) -> int:
        """How many samples were received from then on (µs), to within five seconds; at most a day back."""

    def forget(self, tag_id: int) -> None:
        """Drop all that is known of a tag."""
