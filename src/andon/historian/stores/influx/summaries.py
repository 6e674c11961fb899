"""Statistics of a range: from its samples, and where they are too many or gone, from sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from andon.historian import model
from andon.historian.model import Statistics
from andon.historian.rollup import TierRows, as_buckets
from andon.historian.stores.influx.charts import Charts
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.limits import InfluxLimits
from andon.historian.stores.influx.reading import Reading, joined
from andon.historian.stores.influx.reporting import extent
from andon.historian.stores.influx.signals import Whereabouts
from andon.kit.clock import US_PER_S

_PAGE: Final = 50_000
_MINUTE: Final = 60 * US_PER_S


class Summaries:
    """Answers `HistoryStore.statistics`."""

    def __init__(
        self, client: InfluxClient, limits: InfluxLimits, reading: Reading, charts: Charts, clock: Callable[[], int]
    ) -> None:
        self._client = client
        self._limits = limits
        self._reading = reading
        self._charts = charts
        self._clock = clock

    async def of(self, wheres: Sequence[Whereabouts], start: int, end: int) -> Statistics | None:
        """Statistics of one tag; None when nothing is usable."""
        rows = await self._reading.count(wheres, start, end)
        if rows > self._limits.statistics_samples or await self._charts.lacks_samples(wheres, start):
            return await self._rough(wheres, start, end)
        pages = []
        while len(page := await self._reading.page(wheres, start, end, _PAGE, newest_first=False)):
            pages.append(page)
            start = int(page.timestamps[-1]) + 1
        columns = joined(pages)
        return model.statistics(columns.values, columns.qualities)

    async def _rough(self, wheres: Sequence[Whereabouts], start: int, end: int) -> Statistics | None:
        """Exact but for the percentiles, which are those of the minutes' means."""
        found = await self._charts.sums(wheres, np.array([start, end], np.int64))
        whole = [as_buckets(rows, end - start) for rows, _ in found.values()]
        if not whole or not len(whole[0]) or not whole[0].counts[0]:
            return None
        (one,) = whole
        minutes = await self._minutes(wheres, start, end)
        return model.statistics_of_sums(one, minutes.means, minutes.counts)

    async def _minutes(self, wheres: Sequence[Whereabouts], start: int, end: int) -> TierRows:
        """Sums of the range's minutes, of longer spans where they are too many."""
        oldest, newest = await extent(self._client, self._clock())
        first, last = max(start, oldest) // _MINUTE * _MINUTE, min(end, newest)
        width = -(-(last - first) // self._limits.max_windows // _MINUTE) * _MINUTE or _MINUTE
        edges = np.append(np.arange(first, last, width, dtype=np.int64), last)
        (minutes,) = [rows for rows, _ in (await self._charts.sums(wheres, edges)).values()]
        return minutes
