"""A day that is not over: its hours are closed one by one, and a chart of it reads few files, quickly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.samples import Row, SampleBatch

DAY = 20_000 * US_PER_DAY
HOURS = 10
MINUTES = 60
CROWD = 3


async def test_sums_of_hours_that_are_over_do_not_wait_for_the_end_of_the_day(tmp_path: Path) -> None:
    now = DAY
    limits = LocalStoreLimits(maintenance=False, merge_parts=CROWD, late_window_s=0)
    store = LocalStore.open(tmp_path, limits, clock=lambda: now)
    for hour in range(HOURS):
        rows: list[Row] = [
            (1, DAY + hour * US_PER_HOUR + minute * 60 * US_PER_S, float(minute + hour), 192, DAY)
            for minute in range(MINUTES)
        ]
        now = DAY + hour * US_PER_HOUR + US_PER_HOUR
        await store.write(SampleBatch.from_rows(rows), hour + 1)
        await store.seal()
        await store.maintain()
    files = {tier.tier: tier.files for tier in (await store.storage()).tiers}
    assert files["raw"] == HOURS
    assert files["hour"] <= CROWD + 1 and files["minute"] <= CROWD + 1

    # A correction of an hour that is in the day's file counts there, too.
    late: list[Row] = [(1, DAY + US_PER_HOUR, 1001.0, 192, now)]
    await store.write(SampleBatch.from_rows(late), HOURS + 1)
    await store.seal()
    await store.maintain()
    (found,) = await store.series([1], np.arange(DAY, now + 1, US_PER_HOUR))
    assert found.source == "hour"
    assert found.counts.tolist() == [MINUTES] * HOURS
    assert found.maxima.tolist() == [1001.0 if hour == 1 else MINUTES - 1.0 + hour for hour in range(HOURS)]
    await store.close()


async def test_a_chart_of_hours_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = DAY
    store = LocalStore.open(tmp_path, LocalStoreLimits(maintenance=False, late_window_s=0), clock=lambda: now)
    for hour in range(20, 27):
        rows: list[Row] = [
            (tag, DAY + hour * US_PER_HOUR + minute * 60 * US_PER_S, "text" if tag == 2 else float(hour), 192, DAY)
            for tag in (1, 2, 3)
            for minute in range(MINUTES)
        ]
        await store.write(SampleBatch.from_rows(rows), hour)
        now = DAY + (hour + 1) * US_PER_HOUR
        await store.seal()
        await store.maintain()
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", None)
    found = await store.series([1, 2, 3], np.arange(DAY, now + 1, US_PER_HOUR))
    assert [each.counts.tolist() for each in found] == [[MINUTES] * 7, [0] * 7, [MINUTES] * 7]
    assert found[2].means.tolist() == [20, 21, 22, 23, 24, 25, 26]
    assert await store.top([1, 2, 3], DAY, now, "max", 5) == [(1, 26.0), (3, 26.0)]
    await store.close()


def compression(folder: Path) -> list[tuple[str, str]]:
    """(file, how it is compressed) of the samples."""
    found = []
    for path in sorted((folder / "raw").rglob("*.parquet")):
        group = pq.read_metadata(path).row_group(0)
        (how,) = {group.column(number).compression for number in range(group.num_columns)}
        found.append((path.name.split("-")[0], how))
    return found


@pytest.mark.parametrize(("day_file_bytes", "hour"), [(1 << 30, "LZ4"), (10_000, "ZSTD")])
async def test_what_is_merged_again_is_compressed_quickly_and_what_stays_is_compressed_well(
    tmp_path: Path, day_file_bytes: int, hour: str
) -> None:
    now = DAY
    limits = LocalStoreLimits(maintenance=False, late_window_s=0, day_file_bytes=day_file_bytes)
    store = LocalStore.open(tmp_path, limits, clock=lambda: now)
    for part in range(2):
        rows: list[Row] = [(1, DAY + (2 * second + part) * US_PER_S, 0.5, 192, DAY) for second in range(1_000)]
        await store.write(SampleBatch.from_rows(rows), part + 1)
        await store.seal()
    assert compression(tmp_path) == [("00h", "LZ4"), ("00h", "LZ4")]
    now = DAY + US_PER_HOUR
    await store.maintain()
    assert compression(tmp_path) == [("00h", hour)]
    await store.close()


async def test_a_day_that_is_over_is_compressed_well(tmp_path: Path) -> None:
    now = DAY
    store = LocalStore.open(tmp_path, LocalStoreLimits(maintenance=False, late_window_s=0), clock=lambda: now)
    for hour in range(2):
        rows: list[Row] = [(1, DAY + hour * US_PER_HOUR + part * US_PER_S, 0.5, 192, DAY) for part in range(10)]
        await store.write(SampleBatch.from_rows(rows), hour + 1)
        await store.seal()
    now = DAY + US_PER_DAY
    await store.maintain()
    assert compression(tmp_path) == [("day", "ZSTD")]
    await store.close()
