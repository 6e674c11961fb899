"""Raw samples in a Parquet file, sorted by (tag, timestamp).

Columns that any Parquet reader shows: `tag_id`, `timestamp` (UTC), `value` (double), `quality` (OPC code), `delay_ms`
(from the timestamp to its arrival) and `text`. A number that is absent or infinite is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from andon.historian.model import Columns
from andon.historian.stores.columnar.safefile import whole
from andon.historian.stores.columnar.sortedfile import SortedFile
from andon.historian.stores.columnar.tagindex import TagIndex, TagIndexBuilder
from andon.kit.clock import US_PER_MS
from andon.kit.samples import SampleBatch, concatenate

ROW_GROUP: Final = 65_536
_VERSION: Final = "1"
SCHEMA: Final = pa.schema(
    [
        pa.field("tag_id", pa.int32(), nullable=False),
        pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("quality", pa.uint8(), nullable=False),
        pa.field("delay_ms", pa.int64(), nullable=False),
        pa.field("text", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class PartSummary:
    """`min_time` and `max_time` in µs UTC, both included; `tags` int32, ascending."""

    rows: int
    bytes: int
    min_time: int
    max_time: int
    tags: NDArray[np.int32]


def write_part(path: Path, batch: SampleBatch | Iterable[SampleBatch], *, meta: Mapping[str, str]) -> PartSummary:
    """Write samples that are sorted by (tag, timestamp) and unique. On the disk when it returns; OSError otherwise."""
    batches = [batch] if isinstance(batch, SampleBatch) else batch
    with whole(path) as file:
        index = _write(file, batches, meta)
        size = file.tell()
    return _summary(index, size)


def _summary(index: TagIndex, size: int) -> PartSummary:
    if not len(index):
        return PartSummary(0, size, 0, 0, index.tags)
    return PartSummary(index.rows, size, int(index.firsts.min()), int(index.lasts.max()), index.tags)


def _write(file: BinaryIO, batches: Iterable[SampleBatch], meta: Mapping[str, str]) -> TagIndex:
    index = TagIndexBuilder()
    with pq.ParquetWriter(
        file,
        SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=["tag_id", "value", "quality", "text"],
        column_encoding={"timestamp": "DELTA_BINARY_PACKED", "delay_ms": "DELTA_BINARY_PACKED"},
        write_statistics=["tag_id", "timestamp"],
        store_schema=False,
    ) as writer:
        for group in _groups(batches):
            index.add(group.tag_ids, group.timestamps)
            writer.write_table(_table(group), row_group_size=len(group))
        built = index.build()
        writer.add_key_value_metadata({**meta, **built.metadata(), "andon.version": _VERSION})
    return built


def _groups(batches: Iterable[SampleBatch]) -> Iterator[SampleBatch]:
    """Whole tags up to a row group's size; a tag that is larger than that in several."""
    waiting: list[SampleBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        if count >= 2 * ROW_GROUP:
            joined = concatenate(waiting)
            at = 0
            while len(joined) - at >= 2 * ROW_GROUP:
                end = _cut(joined.tag_ids, at)
                yield joined.take(np.arange(at, end))
                at = end
            waiting, count = [joined.take(np.arange(at, len(joined)))], len(joined) - at
    if count:
        joined = concatenate(waiting)
        at = 0
        while at < len(joined):
            end = _cut(joined.tag_ids, at)
            yield joined.take(np.arange(at, end))
            at = end


def _cut(tags: NDArray[np.int32], at: int) -> int:
    """End of the row group that begins at `at`: the next change of tag after its size, or its size at the latest."""
    end = at + ROW_GROUP
    if end >= len(tags):
        return len(tags)
    next_tag = int(np.searchsorted(tags, tags[end], "left"))
    return next_tag if next_tag > at + ROW_GROUP // 2 else end


def _table(batch: SampleBatch) -> pa.Table:
    delay = (batch.received - batch.timestamps + US_PER_MS // 2) // US_PER_MS
    columns = [
        pa.array(batch.tag_ids),
        pa.array(batch.timestamps).view(pa.timestamp("us", "UTC")),
        pa.array(batch.values, mask=~np.isfinite(batch.values)),
        pa.array(batch.qualities),
        pa.array(delay),
        _texts(batch),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


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
        self.summary = _summary(file.index, file.size)

    @staticmethod
    def open(path_or_uri: Path | str, filesystem: Any = None) -> PartFile:
        """Open a file. OSError when it is not there, ValueError when it is not a part."""
        return PartFile(SortedFile(path_or_uri, filesystem))

    def read(self, tag_id: int, start: int, end: int) -> Columns:
        """The samples of a tag with start ≤ timestamp < end (µs), oldest first."""
        found = self.read_many(np.array([tag_id], np.int32), start, end)
        return Columns(found.timestamps, found.values, found.qualities, found.received, found.texts)

    def read_many(self, tag_ids: NDArray[np.int32] | None, start: int, end: int) -> SampleBatch:
        """The samples of some tags (None: of all) with start ≤ timestamp < end (µs), by tag, then time."""
        ranges = self._file.index.ranges(tag_ids, start, end)
        if not ranges:
            return SampleBatch.empty()
        batch = self._rows(ranges)
        within = (batch.timestamps >= start) & (batch.timestamps < end)
        return batch if within.all() else batch.take(within)

    def chunks(self, max_rows: int) -> Iterator[SampleBatch]:
        """All samples, by tag, then time, at most `max_rows` at a time; whole tags where they are not larger."""
        for rows in self._file.index.chunks(max_rows):
            yield self._rows([rows])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _rows(self, ranges: Sequence[tuple[int, int]]) -> SampleBatch:
        table, wanted = self._file.rows(ranges, SCHEMA.names)
        return _batch(table) if wanted is None else _batch(table).take(wanted)


def _batch(table: pa.Table) -> SampleBatch:
    timestamps = table["timestamp"].cast(pa.int64()).to_numpy()
    texts = {}
    column = table["text"]
    if column.null_count < len(column):
        texts = {row: text for row, text in enumerate(column.to_pylist()) if text is not None}
    return SampleBatch(
        table["tag_id"].to_numpy(),
        timestamps,
        table["value"].to_numpy(),
        table["quality"].to_numpy(),
        timestamps + table["delay_ms"].to_numpy() * US_PER_MS,
        texts,
    )
