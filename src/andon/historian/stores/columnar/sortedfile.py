"""A Parquet file of history, sorted by (tag, time): what the files of samples and of tiers have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from andon.historian.stores.columnar.encodings import Encoded
from andon.historian.stores.columnar.footer import MAGIC, JoinedFooter
from andon.historian.stores.columnar.packed import pack, unpack
from andon.historian.stores.columnar.tagindex import TagIndex, TagIndexBuilder

FORMAT: Final = "andon.format"
VERSION: Final = "1"
_GROUPS: Final = "andon.groups"


class NewerFormatError(ValueError):
    """A file that a newer release of Andon wrote."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of a file: `min_time` and `max_time` in µs UTC, both included; `tags` int32, ascending."""

    rows: int
    bytes: int
    min_time: int
    max_time: int
    tags: NDArray[np.int32]

    @staticmethod
    def of(index: TagIndex, size: int) -> Summary:
        """From the file's index and its size in bytes."""
        return Summary(index.rows, size, *index.times, index.tags)


class SortedWriter:
    """Writes row groups, sorted by (tag, time), one behind the other, each with its own encodings."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._footer = JoinedFooter()
        self._index = TagIndexBuilder()
        self._groups: list[tuple[int, int, int, int]] = []
        file.write(MAGIC)

    def add(
        self, group: Encoded, tag_ids: NDArray[np.int32], times: NDArray[np.int64], *, has_texts: bool = False
    ) -> None:
        """One row group with the tags and times of its rows. ValueError when they do not follow on the last ones."""
        self._index.add(tag_ids, times)
        whole = memoryview(group.data)
        end = self._footer.add(whole, self._file.tell())
        self._file.write(whole[len(MAGIC) : end])
        span = (int(times.min()), int(times.max())) if len(times) else (0, 0)
        self._groups.append((len(times), *span, int(has_texts)))

    def finish(self, meta: Mapping[str, str]) -> Summary:
        """End the file, with its indexes and `meta` in its metadata."""
        index = self._index.build()
        groups = pack([np.array(column, np.int64) for column in zip(*self._groups, strict=True)])
        self._file.write(self._footer.build({**meta, **index.metadata(), _GROUPS: groups, FORMAT: VERSION}))
        return Summary.of(index, self._file.tell())


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a file: `table` without its column of tags, and the tag of each."""

    table: pa.Table
    tag_ids: NDArray[np.int32]


def joined_column(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


class SortedFile:
    """A file that a `SortedWriter` wrote, open for reading by several threads.

    `meta`: its metadata. ValueError when it is not a file of history.
    """

    def __init__(self, source: pa.NativeFile, *, remote: bool = False) -> None:
        self._source = source
        self._remote = remote
        self._metadata = pq.read_metadata(source)
        found = self._metadata.metadata or {}
        self.meta: Mapping[str, str] = {key.decode(): text.decode() for key, text in found.items()}
        if self.meta.get(FORMAT, VERSION) != VERSION:
            raise NewerFormatError(
                f"it is of format {self.meta[FORMAT]}, this version of Andon knows {VERSION} at most"
            )
        self.index = TagIndex.from_metadata(self.meta)
        self.summary = Summary.of(self.index, self._source.size())
        counts, self._firsts, self._lasts, self._texts = unpack(self.meta[_GROUPS], 4)
        self._starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        if not self.index.rows == int(self._starts[-1]) == self._metadata.num_rows:
            raise ValueError("the index of tags is that of another file")

    @staticmethod
    def open(path_or_uri: Path | str, filesystem: Any = None) -> SortedFile:
        """Open a file of this machine, or of a pyarrow filesystem. OSError when it is not there."""
        path = str(path_or_uri)
        if filesystem is None:
            return SortedFile(pa.memory_map(path))
        return SortedFile(filesystem.open_input_file(path), remote=True)

    def read(
        self, ranges: Sequence[tuple[int, int]], start: int, end: int, columns: Sequence[str], texts: Sequence[str] = ()
    ) -> Rows | None:
        """The rows of ascending ranges (first, end), except row groups that have none in that time (µs).

        `texts` are columns that are read, too, when a row group has any text. None when there are no rows.
        """
        bounds = np.array(ranges, np.int64).reshape(-1, 2)
        groups = self._groups(bounds, start, end)
        if not groups:
            return None
        wanted = [*columns, *texts] if self._texts[groups].any() else list(columns)
        # A ParquetFile that several threads use at once crashes. Making one costs 30 µs.
        # From afar, the columns of a row group are fetched together.
        parquet = pq.ParquetFile(self._source, metadata=self._metadata, pre_buffer=self._remote)
        table = parquet.read_row_groups(groups, wanted, use_threads=False)
        if len(bounds) == 1 and groups[-1] - groups[0] == len(groups) - 1:
            return self._one_piece(table, groups, *ranges[0])
        numbers = np.concatenate([np.arange(self._starts[group], self._starts[group + 1]) for group in groups])
        low, high = np.searchsorted(numbers, (bounds[0, 0], bounds[-1, 1]))
        numbers, table = numbers[low:high], table.slice(low, high - low)
        if len(bounds) > 1:
            inside = numbers < bounds[np.searchsorted(bounds[:, 0], numbers, "right") - 1, 1]
            numbers, table = numbers[inside], table.filter(pa.array(inside))
        return Rows(table, self.index.tags_of(numbers))

    def _one_piece(self, table: pa.Table, groups: list[int], first: int, end: int) -> Rows:
        """The rows first to end, from the table of groups that follow each other."""
        begin = int(self._starts[groups[0]])
        low, high = max(first, begin), min(end, int(self._starts[groups[-1] + 1]))
        return Rows(table.slice(low - begin, high - low), self.index.tags_of(np.arange(low, high)))

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()

    def _groups(self, bounds: NDArray[np.int64], start: int, end: int) -> list[int]:
        low = np.searchsorted(self._starts, bounds[:, 0], "right") - 1
        high = np.searchsorted(self._starts, bounds[:, 1], "left")
        touched = {group for pair in zip(low.tolist(), high.tolist(), strict=True) for group in range(*pair)}
        return [group for group in sorted(touched) if self._firsts[group] < end and self._lasts[group] >= start]
