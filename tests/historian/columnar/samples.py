"""Samples for the tests of history's files: any that could come, and some like a plant's."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from andon.historian.stores.columnar.sorting import sorted_unique
from andon.kit.samples import SampleBatch

T0 = 1_736_589_600_000_000  # 2025-01-11T10:00:00Z
MINUTE = 60_000_000
HOUR = 60 * MINUTE

TAGS = st.sampled_from([0, 1, 2, 3, 7, 2**31 - 1])
TIMES = st.one_of(
    st.integers(0, 2 * HOUR).map(lambda us: T0 + us),
    st.integers(0, 7_200_000).map(lambda ms: T0 + ms * 1000),
    st.integers(-(10**15), 10**16),
)
NUMBERS = st.one_of(
    st.floats(),
    st.integers(-1000, 1000).map(lambda cents: cents / 100),
    st.just(-0.0),
    st.floats(width=32),
)
TEXTS = st.text(max_size=8)
QUALITIES = st.sampled_from([0, 20, 64, 68, 192, 255])
ROWS = st.tuples(TAGS, TIMES, st.one_of(NUMBERS, TEXTS), QUALITIES, st.integers(-(10**15), 10**16))
BATCHES = st.lists(ROWS, max_size=40).map(lambda rows: sorted_unique(SampleBatch.from_rows(rows)))


def plant(tags: int, rows: int, decimals: int | None = 2, seed: int = 1) -> SampleBatch:
    """`tags` signals of `rows` samples each, about a second apart at whole milliseconds."""
    rng = np.random.default_rng(seed)
    count = tags * rows
    times = T0 + np.tile(np.arange(rows) * 1_000_000, tags) + rng.integers(0, 20, count) * 1_000
    values = np.repeat(rng.uniform(0, 100, tags), rows) + rng.normal(0, 1, count)
    return SampleBatch(
        np.repeat(np.arange(1, tags + 1, dtype=np.int32), rows),
        times,
        values if decimals is None else np.round(values, decimals),
        np.full(count, 192, np.uint8),
        times + rng.integers(500, 5_000, count),
    )


def kept(batch: SampleBatch) -> list[tuple[object, ...]]:
    """Rows as history keeps them: arrival to the ms, what is no finite number absent."""
    rows = []
    for tag, at, value, quality, received in batch.rows():
        if isinstance(value, float):
            seen: object = value.hex() if math.isfinite(value) else None
        else:
            seen = value.encode("utf-8", "replace").decode()
        rows.append((tag, at, seen, quality, at + (received - at + 500) // 1000 * 1000))
    return rows
