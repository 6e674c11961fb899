"""Rows of measurements: what signals say at the same time stands in one row."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.api.looms import merged_rows, read_together
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


class _Growing:
    """A history in which a measurement is stored after some reads."""

    def __init__(self, stored_after: int) -> None:
        self.reads = 0
        self._stored_after = stored_after

    async def read(self, *_: object) -> Columns:
        self.reads += 1
        return columns({10: 1.0, 20: 2.0} if self.reads > self._stored_after else {10: 1.0}, 10, False)


@pytest.mark.parametrize(("stored_after", "reads"), [(0, 4), (1, 8), (2, 8), (3, 8), (4, 4), (9, 4)])
async def test_a_measurement_that_is_stored_meanwhile_is_in_all_signals_or_in_none(
    stored_after: int, reads: int
) -> None:
    history = _Growing(stored_after)
    tags = [SimpleNamespace(id=number, name=name) for number, name in enumerate(NAMES[:3])]
    found = await read_together(history, tags, 0, 100, 10, False)  # type: ignore[arg-type]
    assert {len(each) for each in found.values()} in ({1}, {2})
    assert history.reads == reads


async def test_a_loom_without_signals_has_no_columns() -> None:
    assert await read_together(_Growing(0), [], 0, 100, 10, False) == {}  # type: ignore[arg-type]
