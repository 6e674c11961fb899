"""Buckets without a value: listed, or filled in so that it can be seen that they were."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.downsample import Fill, filled
from andon.historian.model import Buckets
from andon.historian.views import bucket_readings, iso_column, value_column

_QUALITIES: Final = {"null": "stale", "previous": "stale", "linear": "uncertain"}
"""Of what was filled in: a last known value, a guess."""


def filled_readings(
    buckets: Buckets, grid: NDArray[np.int64], mode: Fill, *, detailed: bool = False
) -> list[dict[str, Any]]:
    """A reading for each start of the `grid`, which holds those of the buckets. Measured ones are as they were."""
    values = buckets.lasts if mode == "previous" else buckets.means
    _, spread = filled(buckets.starts, values, grid, mode)
    measured = dict(zip(buckets.starts.tolist(), bucket_readings(buckets, detailed=detailed), strict=True))
    quality = _QUALITIES[mode]
    shown: list[dict[str, Any]] = []
    for start, stamp, value in zip(grid.tolist(), iso_column(grid), value_column(spread), strict=True):
        reading = measured.get(start)
        if reading is None or (reading["count"] == 0 and value is not None):
            reading = {"timestamp": stamp, "value": value, "quality": quality, "min": None, "max": None, "count": 0}
            if value is not None:
                reading["filled"] = True
        shown.append(reading)
    return shown
