"""Tags ranked by a statistic of a range. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Buckets, TopStatistic


def ranked(
    tag_ids: Sequence[int], series: Sequence[Buckets], statistic: TopStatistic, count: int, ascending: bool
) -> list[tuple[int, float]]:
    """The `count` first of (tag id, statistic), largest first unless `ascending`; `series` holds one bucket a tag.

    Equal ones come by tag id; tags without a usable value are left out.
    """
    found = [
        (tag, float(figures(buckets, statistic)[0]))
        for tag, buckets in zip(tag_ids, series, strict=True)
        if len(buckets) and buckets.counts[0]
    ]
    sign = 1 if ascending else -1
    return sorted(found, key=lambda pair: (sign * pair[1], pair[0]))[:count]


def figures(buckets: Buckets, statistic: TopStatistic) -> NDArray[np.float64]:
    """The statistic of each bucket."""
    if statistic == "range":
        return buckets.maxima - buckets.minima
    columns = {
        "mean": buckets.means,
        "min": buckets.minima,
        "max": buckets.maxima,
        "sd": buckets.sds,
        "count": buckets.counts,
        "last": buckets.lasts,
        "good_share": buckets.good_shares,
    }
    return np.asarray(columns[statistic], np.float64)
