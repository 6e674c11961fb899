"""What is written to a part is read from it, by us and by everybody else."""

from __future__ import annotations

import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.historian.stores.columnar import partfile
from andon.historian.stores.columnar.partfile import PartFile, write_part
from andon.historian.stores.columnar.safefile import TEMPORARY
from andon.historian.stores.columnar.sorting import sliced
from andon.kit.samples import SampleBatch, concatenate
from historian.columnar.samples import BATCHES, T0, TIMES, kept, plant

EVER = (-(1 << 63), (1 << 63) - 1)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of a few rows, so that small data has many."""
    monkeypatch.setattr(partfile, "ROW_GROUP", 8)


def pieces(batch: SampleBatch, size: int) -> list[SampleBatch]:
    return [sliced(batch, at, min(at + size, len(batch))) for at in range(0, len(batch), size)]


@given(BATCHES, st.integers(1, 50), st.lists(st.integers(0, 10), max_size=3), TIMES, TIMES)
@settings(max_examples=150)
def test_a_part_holds_what_was_written(batch, size, tags, start, end) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(partfile, "ROW_GROUP", 8)
        path = Path(folder) / "part.parquet"
        summary = write_part(path, iter(pieces(batch, size)), meta={"seq": "7"})
        part = PartFile.open(path)
        assert part.meta["seq"] == "7"
        assert (part.summary.rows, part.summary.bytes) == (len(batch), path.stat().st_size)
        assert (summary.rows, summary.bytes, summary.tags.tolist()) == (
            len(batch),
            path.stat().st_size,
            np.unique(batch.tag_ids).tolist(),
        )
        if len(batch):
            times = (int(batch.timestamps.min()), int(batch.timestamps.max()))
            assert (summary.min_time, summary.max_time) == times == (part.summary.min_time, part.summary.max_time)
        assert kept(part.read_many(None, *EVER)) == kept(batch)
        assert kept(concatenate(list(part.chunks(size)))) == kept(batch)
        assert all(len(chunk) <= size for chunk in part.chunks(size))
        within = (batch.timestamps >= start) & (batch.timestamps < end)
        some = part.read_many(np.array(tags, np.int32), start, end)
        assert kept(some) == kept(batch.take(within & np.isin(batch.tag_ids, tags)))
        for tag in {*tags, *np.unique(batch.tag_ids).tolist()}:
            columns = part.read(tag, start, end)
            expected = batch.take(within & (batch.tag_ids == tag))
            assert columns.timestamps.tolist() == expected.timestamps.tolist()
            assert len(columns.texts) == len(expected.texts)
        part.close()
        assert list(Path(folder).iterdir()) == [path]


def test_every_bit_of_a_number_stays(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    numbers = rng.integers(0, 2**63, 100_000, dtype=np.uint64).view(np.float64)
    batch = plant(2, 50_000)
    batch = SampleBatch(batch.tag_ids, batch.timestamps, numbers, batch.qualities, batch.received)
    write_part(tmp_path / "p", batch, meta={})
    found = PartFile.open(tmp_path / "p").read_many(None, *EVER)
    finite = np.isfinite(numbers)
    assert (found.values[finite].view(np.int64) == numbers[finite].view(np.int64)).all()
    assert np.isnan(found.values[~finite]).all()


def test_times_are_stored_in_ms_as_long_as_that_says_all(tmp_path: Path) -> None:
    batch = plant(20, 10_000)
    write_part(tmp_path / "ms", batch, meta={})
    assert str(pq.read_schema(tmp_path / "ms").field("timestamp").type) == "timestamp[ms, tz=UTC]"
    batch.timestamps[-1] += 1
    write_part(tmp_path / "us", pieces(batch, 30_000), meta={"seq": "1"})
    assert str(pq.read_schema(tmp_path / "us").field("timestamp").type) == "timestamp[us, tz=UTC]"
    part = PartFile.open(tmp_path / "us")
    assert part.meta["seq"] == "1"
    assert (part.read_many(None, *EVER).timestamps == batch.timestamps).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ms", "us"]


def test_each_row_group_has_the_encoding_that_suits_its_values(tmp_path: Path) -> None:
    rounded, noise = plant(6, 40_000), plant(6, 40_000, decimals=None)
    noise = SampleBatch(noise.tag_ids + 6, noise.timestamps, noise.values, noise.qualities, noise.received)
    write_part(tmp_path / "p", [rounded, noise], meta={})
    metadata = pq.read_metadata(tmp_path / "p")
    assert metadata.num_row_groups > 5
    first, last = (metadata.row_group(at).column(2) for at in (0, metadata.num_row_groups - 1))
    assert first.path_in_schema == "value"
    assert "RLE_DICTIONARY" in first.encodings
    assert "BYTE_STREAM_SPLIT" in last.encodings


def test_files_stay_small(tmp_path: Path) -> None:
    """What docs/adr/0006 promises, with some room."""
    rounded = write_part(tmp_path / "rounded", plant(100, 3_600), meta={})
    noise = write_part(tmp_path / "noise", plant(100, 3_600, decimals=None), meta={})
    assert rounded.bytes / rounded.rows < 4
    assert noise.bytes / noise.rows < 8.5


def test_other_readers_see_plain_columns(tmp_path: Path) -> None:
    batch = SampleBatch.from_rows(
        [(1, T0, 20.5, 192, T0 + 3_000), (1, T0 + 1000, float("inf"), 0, T0), (2, T0, "running\0", 192, T0)]
    )
    write_part(tmp_path / "a.parquet", batch, meta={})
    at = datetime.fromtimestamp(T0 / 1_000_000, UTC)
    columns = ("tag_id", "timestamp", "value", "quality", "delay_ms", "text")
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [
        dict(zip(columns, row, strict=True))
        for row in [
            (1, at, 20.5, 192, 3, None),
            (1, at + timedelta(milliseconds=1), None, 0, -1, None),
            (2, at, None, 192, 0, "running\0"),
        ]
    ]


def test_files_with_times_in_ms_and_in_us_are_one_data_set(tmp_path: Path) -> None:
    batch = plant(3, 100)
    write_part(tmp_path / "a.parquet", batch, meta={})
    batch.timestamps[:] += 1
    write_part(tmp_path / "b.parquet", batch, meta={})
    schema = pq.read_schema(tmp_path / "b.parquet")
    assert ds.dataset(tmp_path, schema=schema).count_rows() == 600
    times = ds.dataset(tmp_path, schema=schema).to_table()["timestamp"].to_numpy()
    assert len(np.unique(times)) == len(np.unique(batch.timestamps)) * 2


def test_what_is_not_sorted_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    batch = plant(2, 10)
    for wrong in (batch.take(np.arange(20)[::-1]), concatenate([batch, batch]), batch.take(np.array([0, 0]))):
        with pytest.raises(ValueError, match="sorted"):
            write_part(tmp_path / "p", wrong, meta={})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def failing():
        yield plant(3, 100_000)
        raise OSError("disk full")

    (tmp_path / "p").write_bytes(b"the one before")
    with pytest.raises(OSError, match="disk full"):
        write_part(tmp_path / "p", failing(), meta={})
    assert (tmp_path / "p").read_bytes() == b"the one before"
    assert not (tmp_path / ("p" + TEMPORARY)).exists()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all, but long enough to look at"])
def test_what_is_not_a_part_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ValueError):
        PartFile.open(tmp_path / "p")


def test_a_file_without_our_index_and_one_of_a_newer_release_are_value_errors(tmp_path: Path) -> None:
    write_part(tmp_path / "p", plant(1, 5), meta={})
    table = pq.read_table(tmp_path / "p")
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "foreign")
    with pytest.raises(ValueError, match="no index"):
        PartFile.open(tmp_path / "foreign")
    pq.write_table(table.slice(0, 3), tmp_path / "cut")
    with pytest.raises(ValueError, match="another file"):
        PartFile.open(tmp_path / "cut")
    pq.write_table(table.replace_schema_metadata({"andon.format": "2"}), tmp_path / "newer")
    with pytest.raises(ValueError, match="format 2"):
        PartFile.open(tmp_path / "newer")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        PartFile.open(tmp_path / "nowhere")


@pytest.mark.usefixtures("small_groups")
def test_several_threads_read_one_part_at_the_same_time(tmp_path: Path) -> None:
    batch = plant(40, 60)
    write_part(tmp_path / "p", batch, meta={})
    part = PartFile.open(tmp_path / "p")
    wrong: list[int] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for tag in rng.integers(1, 41, 60).tolist():
            found = part.read(tag, *EVER)
            if not np.array_equal(found.values, batch.values[batch.tag_ids == tag]):
                wrong.append(tag)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_numbers_that_climb_are_not_kept_in_a_dictionary(tmp_path: Path) -> None:
    batch = plant(10, 7_000)
    counts = np.arange(len(batch)).astype(np.float64)
    batch = SampleBatch(batch.tag_ids, batch.timestamps, counts, batch.qualities, batch.received)
    summary = write_part(tmp_path / "p", batch, meta={})
    assert summary.bytes / summary.rows < 3
    assert (PartFile.open(tmp_path / "p").read_many(None, *EVER).values == counts).all()


def test_zero_and_minus_zero_stay_apart_in_a_dictionary(tmp_path: Path) -> None:
    batch = plant(2, 1_000)
    signs = np.where(np.arange(2_000) % 3 == 0, -0.0, 0.0)
    write_part(
        tmp_path / "p",
        SampleBatch(batch.tag_ids, batch.timestamps, signs, batch.qualities, batch.received),
        meta={},
    )
    found = PartFile.open(tmp_path / "p").read_many(None, *EVER)
    assert (np.signbit(found.values) == np.signbit(signs)).all()
