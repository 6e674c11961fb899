"""Rows of measurements: what signals say at the same time stands in one row."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from andon.api.looms import merged_rows
from andon.historian.model import Columns
from andon.kit.clock import to_iso

NAMES = ("bbw_value", "temperature", "vibration", "quality_flag")
AT = 1_736_589_600_000_000

Oracle = dict[str, dict[int, float]]


def columns(samples: dict[int, float], limit: int, newest_first: bool) -> Columns:
    """The first `limit` samples as the historian gives them."""
    times = sorted(samples, reverse=newest_first)[:limit]
    values = np.array([samples[at] for at in times], np.float64)
    stamps = np.array(times, np.int64) + AT
    return Columns(stamps, values, np.full(len(times), 192, np.uint8), stamps)


@given(
    st.fixed_dictionaries({}, optional={name: st.dictionaries(st.integers(0, 12), st.floats(0, 9)) for name in NAMES}),
    st.integers(1, 20),
    st.booleans(),
)
def test_rows_hold_every_value_of_their_time_and_null_for_the_others(
    signals: Oracle, limit: int, newest_first: bool
) -> None:
    found = {name: columns(samples, limit, newest_first) for name, samples in signals.items()}
    rows = merged_rows("loom-001", found, limit, newest_first)
    times = sorted({at for samples in signals.values() for at in samples}, reverse=newest_first)[:limit]
    assert [row["time"] for row in rows] == [to_iso(AT + at) for at in times]
    for at, row in zip(times, rows, strict=True):
        assert (row["loom_id"], row["sensor_id"]) == ("loom-001", None)
        for name in NAMES:
            value = signals.get(name, {}).get(at)
            assert row[name] == (int(value) if name == "quality_flag" and value is not None else value)


def test_a_value_that_is_no_number_is_null_and_a_text_stays_text() -> None:
    nothing, at = np.array([np.nan]), np.array([AT], np.int64)
    quality = np.zeros(1, np.uint8)
    found = {
        "bbw_value": Columns(at, nothing, quality, at),
        "quality_flag": Columns(at, nothing, quality, at),
        "sensor_id": Columns(at, nothing, quality, at, {0: "bbw-7"}),
    }
    (row,) = merged_rows("loom-001", found, 10, False)
    assert (row["bbw_value"], row["quality_flag"], row["sensor_id"]) == (None, None, "bbw-7")
