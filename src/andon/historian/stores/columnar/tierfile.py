"""Rows of a rollup tier in a Parquet file, sorted by (tag, start)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from andon.historian.rollup import TierRows, concatenated
from andon.historian.stores.columnar.encodings import DELTA, NONE, SNAPPY, SPLIT, Encodings, encode
from andon.historian.stores.columnar.flat import FlatBuilder, FlatGroups, Layout
from andon.historian.stores.columnar.safefile import whole
from andon.historian.stores.columnar.sortedfile import Rows, Selection, SortedFile, SortedWriter, Summary, joined_column
from andon.historian.stores.columnar.tagindex import TagIndex

ROW_GROUP: Final = 16_384
SMALL_GROUP: Final = 2_048
"""Rows of the first groups: a month of one signal's hours is thirty groups of as many files, read for 24 rows each."""
FLAT_GROUP: Final = 4_096
"""Rows of the largest flat groups: all that lies between the rows and columns that are wanted is read, too."""
_GROUPS_A_SIZE: Final = 32
TierSummary = Summary

_TIME: Final = pa.timestamp("us", "UTC")
_COLUMNS: Final = {
    "tag_id": ("tag_ids", pa.int32()),
    "start": ("starts", _TIME),
    "count": ("counts", pa.int64()),
    "total": ("totals", pa.int64()),
    "good": ("goods", pa.int64()),
    "min": ("minima", pa.float64()),
    "max": ("maxima", pa.float64()),
    "mean": ("means", pa.float64()),
    "m2": ("m2s", pa.float64()),
    "first": ("firsts", pa.float64()),
    "first_at": ("first_ats", _TIME),
    "last": ("lasts", pa.float64()),
    "last_at": ("last_ats", _TIME),
    "quality": ("qualities", pa.uint8()),
}
SCHEMA: Final = pa.schema([pa.field(name, type_, type_ == pa.float64()) for name, (_, type_) in _COLUMNS.items()])
_READ: Final = tuple(name for name in _COLUMNS if name != "tag_id")
_STATISTICS: Final = ("tag_id", "start")
_ENCODINGS: Final = Encodings(
    ("tag_id", "min", "max", "first", "last", "quality"),
    {
        **dict.fromkeys(("start", "count", "total", "good", "first_at", "last_at"), DELTA),
        "mean": SPLIT,
        "m2": SPLIT,
    },
    SNAPPY,
)
_PLAIN: Final = Encodings((), {}, NONE)
_LAYOUT: Final = Layout(
    {
        name: np.dtype("f8" if type_ == pa.float64() else "u1" if type_ == pa.uint8() else "i8")
        for name, (_, type_) in _COLUMNS.items()
        if name != "tag_id"
    },
    time="start",
    optional=frozenset(("min", "max", "mean", "first", "last")),
    count="count",
)


def write_tier(path: Path, rows: TierRows, *, meta: Mapping[str, str], flat: bool = False) -> TierSummary:
    """Write rows that are sorted by (tag, start) and unique. On the disk when it returns; OSError otherwise.

    `flat`: see `TierWriter`. ValueError when they are not sorted.
    """
    with whole(path) as file:
        writer = TierWriter(file, flat=flat)
        writer.add(rows)
        return writer.finish(meta)


class TierWriter:
    """Writes a file of a tier bit by bit; what waits for a row group to be full is all that it keeps.

    `flat`: twice the bytes, of which a few rows are read for a fifth of the CPU.
    """

    def __init__(self, file: BinaryIO, *, flat: bool = False) -> None:
        self._writer = SortedWriter(file)
        self._flat = FlatBuilder(_LAYOUT) if flat else None
        self._waiting: list[TierRows] = []
        self._groups = 0

    @property
    def _size(self) -> int:
        """Rows of the next group: doubled again and again, so that a large file does not get a large footer."""
        most = ROW_GROUP if self._flat is None else FLAT_GROUP
        return min(SMALL_GROUP << self._groups // _GROUPS_A_SIZE, most)

    def add(self, rows: TierRows) -> None:
        """More rows, which lie behind the last ones. ValueError when they are not sorted."""
        self._waiting.append(rows)
        count = sum(map(len, self._waiting))
        if count < ROW_GROUP:
            return
        joined, at = concatenated(self._waiting), 0
        while count - at >= (size := self._size):
            self._add(joined.take(slice(at, at + size)))
            at += size
        self._waiting = [joined.take(slice(at, count))]

    def finish(self, meta: Mapping[str, str]) -> TierSummary:
        """End the file."""
        rest, at = concatenated(self._waiting), 0
        while at < len(rest) or not self._groups:
            size = self._size
            self._add(rest.take(slice(at, at + size)))
            at += size
        return self._writer.finish(meta if self._flat is None else {**meta, **self._flat.metadata()})

    def _add(self, group: TierRows) -> None:
        self._groups += 1
        encoded = encode(_table(group), _ENCODINGS if self._flat is None else _PLAIN, _STATISTICS)
        at = self._writer.add(encoded, group.tag_ids, group.starts)
        if self._flat is not None:
            self._flat.add(encoded, {name: getattr(group, _COLUMNS[name][0]) for name in _READ}, at)


def _table(rows: TierRows) -> pa.Table:
    columns = []
    for name, type_ in _COLUMNS.values():
        column = getattr(rows, name)
        if type_ == pa.float64():
            absent = np.isnan(column)
            columns.append(pa.array(column, mask=absent if absent.any() else None))
        else:
            columns.append(pa.array(column).view(type_))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


class TierFile:
    """A file of a tier, open for reading by several threads. Make it with `open`."""

    def __init__(self, file: SortedFile) -> None:
        self._file = file
        self._flat = FlatGroups.of(file.source, _LAYOUT, file.meta)
        self.meta = file.meta
        self.summary: TierSummary = file.summary

    @property
    def index(self) -> TagIndex:
        """Which rows belong to which tag."""
        return self._file.index

    @staticmethod
    def open(path_or_uri: Path | str, filesystem: Any = None) -> TierFile:
        """Open a file. OSError when it is not there, ValueError when it is not one of a tier."""
        return TierFile(SortedFile.open(path_or_uri, filesystem))

    def read(self, tag_ids: NDArray[np.int32] | None, start: int, end: int) -> TierRows:
        """The rows of some tags (None: of all) with start ≤ their start < end (µs), by tag, then start."""
        selection = self._file.select(self.index.ranges(tag_ids, start, end), start, end)
        if selection is None:
            return TierRows.empty()
        flat = self._flat
        if flat is not None and all(piece.group in flat for piece in selection.pieces):
            return self._copied(flat, selection, start, end)
        found = _tier_rows(self._file.read(selection, _READ))
        return found.take((found.starts >= start) & (found.starts < end))

    def _copied(self, flat: FlatGroups, selection: Selection, start: int, end: int) -> TierRows:
        columns, numbers = flat.read(selection.pieces, start, end, _READ)
        rows = TierRows(self.index.tags_of(numbers), **{_COLUMNS[name][0]: column for name, column in columns.items()})
        inside = selection.inside(numbers)
        return rows if inside is None else rows.take(inside)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _tier_rows(rows: Rows) -> TierRows:
    columns: dict[str, Any] = {"tag_ids": rows.tag_ids}
    for name in _READ:
        attribute, type_ = _COLUMNS[name]
        column = joined_column(rows.table[name])
        columns[attribute] = (column.view(pa.int64()) if type_ == _TIME else column).to_numpy(zero_copy_only=False)
    return TierRows(**columns)
