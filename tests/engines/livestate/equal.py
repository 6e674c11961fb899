"""When two live states answer the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import pytest

from andon.engines.livestate.port import LiveState


def assert_equal(one: LiveState, other: LiveState, tags: Sequence[int], now: int) -> None:
    """Current values exactly; statistics but for the last bits, which depend on the order of adding up."""
    ids = np.array(tags, np.int32)
    for a, b in zip(one.current_many(ids), other.current_many(ids), strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert a._replace(value=0.0) == b._replace(value=0.0)
            assert a.value == b.value or (math.isnan(a.value) and math.isnan(b.value))
    for window in ("1h", "24h"):
        rows = zip(one.stats_many(ids, window, now), other.stats_many(ids, window, now), strict=True)
        for first, second in rows:
            assert (first is None) == (second is None)
            if first is not None and second is not None:
                assert astuple(first) == tuple(
                    pytest.approx(each, rel=1e-9, abs=1e-9) if isinstance(each, float) else each
                    for each in astuple(second)
                )
    assert one.samples_since(0) == other.samples_since(0)
