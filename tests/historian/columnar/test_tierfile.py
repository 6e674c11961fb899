"""Rows of a tier come back from their file as they went in."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.historian.rollup import COLUMNS, TierRows, rollup
from andon.historian.stores.columnar import tierfile
from andon.historian.stores.columnar.partfile import write_part
from andon.historian.stores.columnar.sorting import sorted_unique
from andon.historian.stores.columnar.tierfile import TierFile, write_tier
from andon.kit.samples import SampleBatch
from historian.columnar.samples import BATCHES, HOUR, MINUTE, T0, TIMES, plant

EVER = (-(1 << 63), (1 << 63) - 1)


def same(one: TierRows, other: TierRows) -> bool:
    columns = ((getattr(one, name), getattr(other, name)) for name in COLUMNS)
    return all(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype == np.float64) for a, b in columns)


@given(BATCHES, st.sampled_from([MINUTE, HOUR]), st.booleans(), st.lists(st.integers(0, 10), max_size=3), TIMES, TIMES)
@settings(max_examples=200)
def test_a_tier_file_holds_what_was_written(batch, width, flat, tags, start, end) -> None:
    rows = rollup(batch, width)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tierfile, "ROW_GROUP", 5)
        patch.setattr(tierfile, "FLAT_GROUP", 5)
        path = Path(folder) / "tier.parquet"
        summary = write_tier(path, rows, meta={"hours": "3"}, flat=flat)
        file = TierFile.open(path)
        assert file.meta["hours"] == "3"
        assert (summary.rows, summary.bytes) == (len(rows), path.stat().st_size)
        assert summary.tags.tolist() == file.summary.tags.tolist() == np.unique(rows.tag_ids).tolist()
        if len(rows):
            assert (summary.min_time, summary.max_time) == (rows.starts.min(), rows.starts.max())
        assert same(file.read(None, *EVER), rows)
        wanted = np.isin(rows.tag_ids, tags) & (rows.starts >= start) & (rows.starts < end)
        assert same(file.read(np.array(tags, np.int32), start, end), rows.take(wanted))
        file.close()


def texts_and_numbers(*numbers: float) -> TierRows:
    """Hours of two texts, of numbers, of a text, and of a tag that has both."""
    numbered = [(2, T0 + at, number, 192, T0) for at, number in enumerate(numbers)]
    texts = [(tag, T0 + hour * HOUR, "on", 192, T0) for tag, hour in ((1, 0), (1, 1), (3, 0), (4, 1))]
    rows = [*texts, *numbered, (4, T0, 7.0, 192, T0), (4, T0 + 2 * HOUR, 8.0, 192, T0)]
    return rollup(sorted_unique(SampleBatch.from_rows(rows)), HOUR)


def test_rows_of_a_flat_file_are_read_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tierfile, "SMALL_GROUP", 4)
    rows = texts_and_numbers(1.5, 2.5)
    assert (rows.counts == 0).tolist() == [True, True, False, True, False, True, False]
    write_tier(tmp_path / "flat", rows, meta={}, flat=True)
    write_tier(tmp_path / "packed", rows, meta={})
    flat, packed = TierFile.open(tmp_path / "flat"), TierFile.open(tmp_path / "packed")
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", None)
    assert same(flat.read(None, *EVER), rows)
    for tag in (1, 2, 3, 4):
        assert same(flat.read(np.array([tag], np.int32), *EVER), rows.take(rows.tag_ids == tag))
        with pytest.raises(TypeError):
            packed.read(np.array([tag], np.int32), *EVER)


def test_rows_that_cannot_lie_flat_are_decoded(tmp_path: Path) -> None:
    with np.errstate(over="ignore"):
        rows = texts_and_numbers(1e300, -1e300)
    assert np.isnan(rows.m2s).any(), "a sum of squares beyond what a double holds is null, in a row that has values"
    write_tier(tmp_path / "t", rows, meta={}, flat=True)
    assert same(TierFile.open(tmp_path / "t").read(None, *EVER), rows)


def test_rows_that_are_not_sorted_are_refused(tmp_path: Path) -> None:
    rows = rollup(plant(2, 100), MINUTE)
    with pytest.raises(ValueError, match="sorted"):
        write_tier(tmp_path / "t", rows.take(np.arange(len(rows))[::-1]), meta={})


@pytest.mark.parametrize("flat", [False, True])
def test_other_readers_find_the_same_in_a_tier_as_in_the_samples(tmp_path: Path, flat: bool) -> None:
    batch = plant(5, 2_000)
    write_part(tmp_path / "raw.parquet", batch, meta={})
    write_tier(tmp_path / "minute.parquet", rollup(batch, MINUTE), meta={}, flat=flat)
    counts = "count(*), min(value), max(value), sum(value)"
    sums = "sum(total), min(min), max(max), sum(mean * count)"
    (samples,) = duckdb.sql(f"select {counts} from '{tmp_path}/raw.parquet' where tag_id = 3").fetchall()
    (minutes,) = duckdb.sql(f"select {sums} from '{tmp_path}/minute.parquet' where tag_id = 3").fetchall()
    assert minutes == pytest.approx(samples)
    assert minutes[0] == 2_000


def test_tiers_add_little_to_the_samples(tmp_path: Path) -> None:
    batch = plant(100, 3_600)
    minute = write_tier(tmp_path / "m", rollup(batch, MINUTE), meta={})
    hour = write_tier(tmp_path / "h", rollup(batch, HOUR), meta={}, flat=True)
    assert (minute.bytes + hour.bytes) / len(batch) < 1
    assert T0 % HOUR == 0
    assert hour.rows == 100
