"""Row groups whose columns lie in the file as they do in memory: rows are copied from there, nothing is decoded.

Plain and not compressed, a column of Parquet ends with its values, one behind the other; those that are null are left
out. The writer looks whether it does, and notes in the file's metadata where the values begin. To other readers the
file is like any other. It is for what is read a few rows at a time from many files: decoding a row group to have these
takes five times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from andon.historian.stores.columnar.encodings import Encoded
from andon.historian.stores.columnar.packed import pack, unpack
from andon.historian.stores.columnar.sortedfile import Piece

_FLAT: Final = "andon.flat"

Column = NDArray[Any]


def _stored(type_: np.dtype[Any]) -> np.dtype[Any]:
    """As Parquet has it: no whole number is narrower than four bytes."""
    return np.dtype("<i4") if type_.itemsize < 4 else type_.newbyteorder("<")


@dataclass(frozen=True, slots=True)
class Layout:
    """`types`: of the columns, in the file's order; `time` is the first. `optional`: those that are null (NaN) in rows
    whose `count` is 0.
    """

    types: Mapping[str, np.dtype[Any]]
    time: str
    optional: frozenset[str]
    count: str


class FlatBuilder:
    """Collects where the columns of a file's row groups begin."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._groups: list[list[int]] = []

    def add(self, group: Encoded, columns: Mapping[str, Column], at: int) -> None:
        """A row group whose bytes begin at `at` of the file, and what it was made from."""
        held = columns[self._layout.count] > 0
        places = [self._place(group, name, columns[name], held) for name in self._layout.types]
        flat = all(place is not None for place in places)
        self._groups.append([int(np.count_nonzero(held)), *(at + (place or 0) if flat else 0 for place in places)])

    def metadata(self) -> dict[str, str]:
        """As an entry of the file's metadata: of each row group the rows that are held, and the columns' places."""
        return {_FLAT: pack(list(np.array(self._groups, np.int64).T))}

    def _place(self, group: Encoded, name: str, column: Column, held: NDArray[np.bool_]) -> int | None:
        """Where the column's values are in the group's bytes; None when they do not lie there like this."""
        if name in self._layout.optional:
            if not np.isnan(column[~held]).all():
                return None
            column = column[held]
        values = column.astype(_stored(self._layout.types[name])).tobytes()
        begin = max(group.ends[name] - len(values), 0)
        return begin if group.data.slice(begin, len(values)).to_pybytes() == values else None


class FlatGroups:
    """Reads rows of a file's flat row groups; several threads may use it at once."""

    def __init__(self, source: pa.NativeFile, layout: Layout, packed: str) -> None:
        self._source = source
        self._layout = layout
        self._stored = {name: _stored(type_) for name, type_ in layout.types.items()}
        self._held, *places = (each.tolist() for each in unpack(packed, 1 + len(layout.types)))
        self._places = [dict(zip(layout.types, each, strict=True)) for each in zip(*places, strict=True)]

    @staticmethod
    def of(source: pa.NativeFile, layout: Layout, meta: Mapping[str, str]) -> FlatGroups | None:
        """Those of a file with this metadata, None when it has none."""
        return FlatGroups(source, layout, meta[_FLAT]) if _FLAT in meta else None

    def __contains__(self, group: int) -> bool:
        return bool(self._places[group][self._layout.count])

    def read(
        self, pieces: Sequence[Piece], start: int, end: int, names: Sequence[str]
    ) -> tuple[dict[str, Column], NDArray[np.int64]]:
        """Columns of the rows of pieces with start ≤ time < end, and the numbers of these rows in the file.

        `names` are in the file's order, the time and the count among them.
        """
        size = sum(piece.high - piece.low for piece in pieces)
        columns = {name: np.empty(size, self._layout.types[name]) for name in names}
        numbers, count = [], 0
        for piece in pieces:
            rows = self._read(piece, start, end, {name: column[count:] for name, column in columns.items()})
            numbers.append(rows + piece.first)
            count += len(rows)
        return {name: column[:count] for name, column in columns.items()}, np.concatenate(numbers)

    def _read(self, piece: Piece, start: int, end: int, into: Mapping[str, Column]) -> NDArray[np.intp]:
        """Fills columns from their beginning. Returns the rows of the group that are there."""
        places, names, layout = self._places[piece.group], list(into), self._layout
        begin = places[names[0]]
        # All at once: each call lets go of the interpreter's lock, and may wait for it afterwards.
        data = self._source.read_at(places[names[-1]] + 8 * piece.size - begin, begin)

        def values(name: str, size: int) -> Column:
            return np.frombuffer(data, self._stored[name], size, places[name] - begin)

        times = values(layout.time, piece.size)[piece.low : piece.high]
        rows = np.flatnonzero((times >= start) & (times < end)) + piece.low
        # What one tag has is in one piece.
        close = len(rows) and rows[-1] - rows[0] + 1 == len(rows)
        chosen = slice(rows[0], rows[-1] + 1) if close else rows
        count = self._held[piece.group]
        for name, column in into.items():
            if count == piece.size or name not in layout.optional:
                column[: len(rows)] = values(name, piece.size)[chosen]
        if count < piece.size:
            held = values(layout.count, piece.size) > 0
            here, stored = held[rows], (np.cumsum(held) - 1)[rows][held[rows]]
            for name in layout.optional.intersection(into):
                column = into[name][: len(rows)]
                column[:] = np.nan
                column[here] = values(name, count)[stored]
        return rows
