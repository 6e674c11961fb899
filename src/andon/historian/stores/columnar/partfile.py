"""Raw samples in a Parquet file, sorted by (tag, timestamp).

Columns that any Parquet reader shows: `tag_id`, `timestamp` (UTC; in ms when all of the file's are whole ones, else in
µs), `value` (double; null when absent or infinite), `quality` (OPC code), `delay_ms` (from the timestamp to its
arrival) and `text`.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from andon.historian.model import Columns
from andon.historian.stores.columnar.encodings import DELTA, DICTIONARY, PLAIN, SPLIT, ZSTD, Encoded, Encodings, encode
from andon.historian.stores.columnar.safefile import whole
from andon.historian.stores.columnar.sortedfile import Rows, SortedFile, SortedWriter, Summary, joined_column
from andon.historian.stores.columnar.sorting import sliced
from andon.historian.stores.columnar.tagindex import TagIndex
from andon.kit.clock import US_PER_MS
from andon.kit.samples import SampleBatch, concatenate

ROW_GROUP: Final = 65_536
"""Rows that are read to find one tag's: a millisecond's worth."""
SMALL_GROUP: Final = 8_192
"""The same in files that are many for one question, or are read often and merged soon."""
PartSummary = Summary

_MS: Final = pa.timestamp("ms", "UTC")
_US: Final = pa.timestamp("us", "UTC")
_COLUMNS: Final = ("timestamp", "value", "quality", "delay_ms")
_SUMMED: Final = ("timestamp", "value", "quality")
_STATISTICS: Final = ("tag_id", "timestamp")
_ENCODINGS: Final = Encodings(("tag_id", "value", "quality", "text"), {"timestamp": DELTA, "delay_ms": DELTA})
_FEW_DELAYS: Final = 4_096  # ms from the least to the most; a dictionary holds so many
_WELL_PACKED: Final = 1.0  # bytes a value: what a dictionary packs as well needs no search for better
_FEW_ROWS: Final = 1_024  # of so few there is nothing to gain


def write_part(
    path: Path,
    batch: SampleBatch | Iterable[SampleBatch],
    *,
    meta: Mapping[str, str],
    row_group: int = ROW_GROUP,
    compression: str = ZSTD,
) -> PartSummary:
    """Write samples that are sorted by (tag, timestamp) and unique. On the disk when it returns; OSError otherwise.

    ValueError when they are not sorted. Memory is bounded by the batch in hand and a few row groups.
    """
    groups = _groups([batch] if isinstance(batch, SampleBatch) else batch, row_group)
    first = next(groups, SampleBatch.empty())
    unit = _unit(first)
    with whole(path) as file:
        writer = SortedWriter(file)
        for group in itertools.chain([first], groups):
            if unit == _MS and _unit(group) == _US:
                return _finer(file, writer, itertools.chain([group], groups), meta, compression)
            _add(writer, group, unit, compression)
        return writer.finish(meta)


def _finer(
    file: BinaryIO, writer: SortedWriter, rest: Iterable[SampleBatch], meta: Mapping[str, str], compression: str
) -> PartSummary:
    """What was written in ms so far and the rest, all in µs."""
    writer.finish({})
    with tempfile.TemporaryFile(dir=Path(file.name).parent) as so_far:
        file.seek(0)
        shutil.copyfileobj(file, so_far)
        file.seek(0)
        file.truncate()
        writer = SortedWriter(file)
        for group in itertools.chain(PartFile(SortedFile(pa.PythonFile(so_far))).chunks(ROW_GROUP), rest):
            _add(writer, group, _US, compression)
        return writer.finish(meta)


def _add(writer: SortedWriter, batch: SampleBatch, unit: pa.DataType, compression: str) -> None:
    group = _encoded(_table(batch, unit), replace(_ENCODINGS, compression=compression))
    writer.add(group, batch.tag_ids, batch.timestamps, has_texts=bool(batch.texts))


def _encoded(table: pa.Table, chosen: Encodings) -> Encoded:
    """The row group with the encodings that suit it."""
    delays = table["delay_ms"].to_numpy()
    if len(delays) and int(delays.max()) - int(delays.min()) < _FEW_DELAYS:
        chosen = chosen.changed("delay_ms", DICTIONARY)
    found = encode(table, chosen, _STATISTICS)
    least = found.sizes["value"] / max(len(table), 1)
    if least <= _WELL_PACKED or len(table) < _FEW_ROWS:
        return found
    best = DICTIONARY
    sample = _sample(table.select(["value"]))
    for encoding in (SPLIT, PLAIN):
        size = encode(sample, Encodings((), {"value": encoding}, chosen.compression)).sizes["value"] / len(sample)
        if size < least:
            best, least = encoding, size
    return found if best == DICTIONARY else encode(table, chosen.changed("value", best), _STATISTICS)


def _sample(table: pa.Table) -> pa.Table:
    """A quarter from the middle; all of what is small."""
    length = max(len(table) // 4, min(len(table), ROW_GROUP // 4))
    return table.slice((len(table) - length) // 2, length)


def _unit(batch: SampleBatch) -> pa.DataType:
    """The coarser unit that holds all timestamps."""
    whole_ms = batch.timestamps // US_PER_MS * US_PER_MS == batch.timestamps
    return _MS if whole_ms.all() else _US


def _groups(batches: Iterable[SampleBatch], size: int) -> Iterator[SampleBatch]:
    """Row groups: whole tags, about `size` rows; a tag that is much larger than that in several."""
    waiting: list[SampleBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= 2 * size:
            joined, at = concatenate(waiting), 0
            while len(joined) - at >= 2 * size:
                end = _cut(joined.tag_ids, at, size)
                yield sliced(joined, at, end)
                at = end
            waiting = [sliced(joined, at, len(joined))]
    joined, at = concatenate(waiting), 0
    while at < len(joined):
        end = _cut(joined.tag_ids, at, size)
        yield sliced(joined, at, end)
        at = end


def _cut(tags: NDArray[np.int32], at: int, size: int) -> int:
    """End of the row group that begins at `at`: where a tag ends, if one does in its second half."""
    end = at + size
    if end >= len(tags):
        return len(tags)
    change = int(np.searchsorted(tags[at:end], tags[end], "left")) + at
    return change if change > at + size // 2 else end


def _schema(unit: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            pa.field("tag_id", pa.int32(), nullable=False),
            pa.field("timestamp", unit, nullable=False),
            pa.field("value", pa.float64()),
            pa.field("quality", pa.uint8(), nullable=False),
            pa.field("delay_ms", pa.int64(), nullable=False),
            pa.field("text", pa.string()),
        ]
    )


def _table(batch: SampleBatch, unit: pa.DataType) -> pa.Table:
    times = batch.timestamps if unit == _US else batch.timestamps // US_PER_MS
    present = np.isfinite(batch.values)
    columns = [
        pa.array(batch.tag_ids),
        pa.array(times).view(unit),
        pa.array(batch.values, mask=None if present.all() else ~present),
        pa.array(batch.qualities),
        pa.array((batch.received - batch.timestamps + US_PER_MS // 2) // US_PER_MS),
        _texts(batch),
    ]
    return pa.Table.from_arrays(columns, schema=_schema(unit))


def _texts(batch: SampleBatch) -> pa.Array:
    if not batch.texts:
        return pa.nulls(len(batch), pa.string())
    texts: list[bytes | None] = [None] * len(batch)
    for row, text in batch.texts.items():
        texts[row] = text.encode("utf-8", "replace")
    return pa.array(texts, pa.binary()).cast(pa.string())


class PartFile:
    """A part, open for reading by several threads. Make it with `open`."""

    def __init__(self, file: SortedFile) -> None:
        self._file = file
        self.meta = file.meta
        self.summary: PartSummary = file.summary

    @property
    def index(self) -> TagIndex:
        """Which rows belong to which tag."""
        return self._file.index

    @staticmethod
    def open(path_or_uri: Path | str, filesystem: Any = None) -> PartFile:
        """Open a file. OSError when it is not there, ValueError when it is not a part."""
        return PartFile(SortedFile.open(path_or_uri, filesystem))

    def read(self, tag_id: int, start: int, end: int) -> Columns:
        """The samples of a tag with start ≤ timestamp < end (µs), oldest first."""
        found = self.read_many(np.array([tag_id], np.int32), start, end)
        return Columns(found.timestamps, found.values, found.qualities, found.received, found.texts)

    def read_many(
        self, tag_ids: NDArray[np.int32] | None, start: int, end: int, *, to_sum: bool = False
    ) -> SampleBatch:
        """The samples of some tags (None: of all) with start ≤ timestamp < end (µs), by tag, then time.

        `to_sum`: without texts, and as if they had arrived at once, which no sum tells.
        """
        selection = self._file.select(self.index.ranges(tag_ids, start, end), start, end)
        if selection is None:
            return SampleBatch.empty()
        columns, texts = (_SUMMED, ()) if to_sum else (_COLUMNS, ("text",))
        batch = _batch(self._file.read(selection, columns, texts))
        within = (batch.timestamps >= start) & (batch.timestamps < end)
        return batch if within.all() else batch.take(within)

    def chunks(self, max_rows: int) -> Iterator[SampleBatch]:
        """All samples, by tag, then time, at most `max_rows` at a time; whole tags where they are not larger."""
        for part in self.index.chunks(max_rows):
            selection = self._file.select([part], *_EVER)
            assert selection is not None, "a range of the index holds rows"
            yield _batch(self._file.read(selection, _COLUMNS, ("text",)))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


_EVER: Final = (-(1 << 63), (1 << 63) - 1)


def _microseconds(times: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = times.view(pa.int64()).to_numpy()
    return found * US_PER_MS if times.type == _MS else found


def _batch(rows: Rows) -> SampleBatch:
    table = rows.table
    timestamps = _microseconds(joined_column(table["timestamp"]))
    received = timestamps
    if "delay_ms" in table.column_names:
        received = timestamps + table["delay_ms"].to_numpy() * US_PER_MS
    texts = {}
    if "text" in table.column_names and table["text"].null_count < len(table):
        texts = {row: text for row, text in enumerate(table["text"].to_pylist()) if text is not None}
    return SampleBatch(
        rows.tag_ids,
        timestamps,
        table["value"].to_numpy(),
        table["quality"].to_numpy(),
        received,
        texts,
    )
