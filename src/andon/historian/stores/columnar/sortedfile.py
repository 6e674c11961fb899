"""A Parquet file of history, sorted by (tag, time): what the files of samples and of tiers have in common."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

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
    ) -> int:
        """One row group with the tags and times of its rows. ValueError when they do not follow on the last ones.

        Returns how far behind their place in `group` its bytes are in the file.
        """
        self._index.add(tag_ids, times)
        whole = memoryview(group.data)
        at = self._file.tell()
        end = self._footer.add(whole, at)
        self._file.write(whole[len(MAGIC) : end])
        span = (int(times.min()), int(times.max())) if len(times) else (0, 0)
        self._groups.append((len(times), *span, int(has_texts)))
        return at - len(MAGIC)

    def finish(self, meta: Mapping[str, str]) -> Summary:
        """End the file, with its indexes and `meta` in its metadata."""
        index = self._index.build()
        groups = pack([np.array(column, np.int64) for column in zip(*self._groups, strict=True)])
        self._file.write(self._footer.build({**meta, **index.metadata(), _GROUPS: groups, FORMAT: VERSION}))
        return Summary.of(index, self._file.tell())


class Piece(NamedTuple):
    """Rows `low` to `high` of a row group of `size` rows, which begins with the file's row `first`."""

    group: int
    first: int
    size: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of ascending ranges (first, end), and what is read of each row group to have them: at least one piece.

    All of a row group is read, but for what is before the first range or behind the last one.
    """

    ranges: Sequence[tuple[int, int]]
    pieces: Sequence[Piece]

    def numbers(self) -> NDArray[np.int64]:
        """The rows that are read, by their number in the file."""
        return np.concatenate([np.arange(each.first + each.low, each.first + each.high) for each in self.pieces])

    def inside(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which of them lie in the ranges; None: all."""
        if len(self.ranges) == 1:
            return None
        bounds = np.array(self.ranges, np.int64)
        return np.asarray(numbers < bounds[np.searchsorted(bounds[:, 0], numbers, "right") - 1, 1])


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

    `meta`: its metadata, `source`: its bytes. ValueError when it is not a file of history.
    """

    def __init__(self, source: pa.NativeFile, *, remote: bool = False) -> None:
        self.source = source
        self._remote = remote
        self._metadata = pq.read_metadata(source)
        found = self._metadata.metadata or {}
        self.meta: Mapping[str, str] = {key.decode(): text.decode() for key, text in found.items()}
        if self.meta.get(FORMAT, VERSION) != VERSION:
            raise NewerFormatError(
                f"it is of format {self.meta[FORMAT]}, this version of Andon knows {VERSION} at most"
            )
        self.index = TagIndex.from_metadata(self.meta)
        self.summary = Summary.of(self.index, self.source.size())
        counts, self._firsts, self._lasts, self._texts = (each.tolist() for each in unpack(self.meta[_GROUPS], 4))
        self._starts = [0, *itertools.accumulate(counts)]
        if not self.index.rows == self._starts[-1] == self._metadata.num_rows:
            raise ValueError("the index of tags is that of another file")

    @staticmethod
    def open(path_or_uri: Path | str, filesystem: Any = None) -> SortedFile:
        """Open a file of this machine, or of a pyarrow filesystem. OSError when it is not there."""
        path = str(path_or_uri)
        if filesystem is None:
            return SortedFile(pa.memory_map(path))
        return SortedFile(filesystem.open_input_file(path), remote=True)

    def select(self, ranges: Sequence[tuple[int, int]], start: int, end: int) -> Selection | None:
        """Rows of ascending ranges, except row groups that have none in that time (µs). None when there are no rows."""
        starts = self._starts
        touched = {
            group
            for first, last in ranges
            for group in range(bisect_right(starts, first) - 1, bisect_left(starts, last))
        }
        pieces = [
            Piece(
                group,
                first,
                last - first,
                max(ranges[0][0], first) - first,
                min(ranges[-1][1], last) - first,
            )
            for group in sorted(touched)
            if self._firsts[group] < end and self._lasts[group] >= start
            for first, last in [starts[group : group + 2]]
        ]
        return Selection(ranges, pieces) if pieces else None

    def read(self, selection: Selection, columns: Sequence[str], texts: Sequence[str] = ()) -> Rows:
        """The rows of a selection. `texts` are columns that are read, too, when a row group has any text."""
        pieces = selection.pieces
        groups = [piece.group for piece in pieces]
        wanted = [*columns, *texts] if any(self._texts[group] for group in groups) else list(columns)
        # A ParquetFile that several threads use at once crashes. Making one costs 30 µs.
        # From afar, the columns of a row group are fetched together.
        parquet = pq.ParquetFile(self.source, metadata=self._metadata, pre_buffer=self._remote)
        table = parquet.read_row_groups(groups, wanted, use_threads=False)
        numbers = selection.numbers()
        table = table.slice(pieces[0].low, len(numbers))
        inside = selection.inside(numbers)
        if inside is not None:
            numbers, table = numbers[inside], table.filter(pa.array(inside))
        return Rows(table, self.index.tags_of(numbers))

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()
