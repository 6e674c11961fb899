"""Row groups whose columns lie in the file as they do in memory: rows are copied from there, nothing is decoded.

Plain and not compressed, a column of Parquet ends with its values, one behind the other; those that are null are left
out. The writer looks whether it does, and notes in the file's metadata where the values begin. To other readers the
file is like any other. It is for what is read a few rows at a time from many files: decoding a row group to have these
would take twenty times as long as all that is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from andon.historian.runs import spread
from andon.historian.stores.columnar.encodings import Encoded
from andon.historian.stores.columnar.packed import pack, unpack
from andon.historian.stores.columnar.sortedfile import Piece

_FLAT: Final = "andon.flat"

Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """`types`: of the columns, in the file's order, as the file has them. `optional`: those that are null (NaN) in rows
    whose `count` is 0.
    """

    types: Mapping[str, np.dtype[Any]]
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
        values = column.astype(self._layout.types[name]).tobytes()
        begin = max(group.ends[name] - len(values), 0)
        return begin if group.data.slice(begin, len(values)).to_pybytes() == values else None


class FlatGroups:
    """Reads rows of a file's flat row groups; several threads may use it at once."""

    def __init__(self, source: pa.NativeFile, layout: Layout, packed: str) -> None:
        self._source = source
        self._layout = layout
        self._held, *places = (each.tolist() for each in unpack(packed, 1 + len(layout.types)))
        self._places = [dict(zip(layout.types, each, strict=True)) for each in zip(*places, strict=True)]

    @staticmethod
    def of(source: pa.NativeFile, layout: Layout, meta: Mapping[str, str]) -> FlatGroups | None:
        """Those of a file with this metadata, None when it has none."""
        return FlatGroups(source, layout, meta[_FLAT]) if _FLAT in meta else None

    def __contains__(self, group: int) -> bool:
        return bool(self._places[group][self._layout.count])

    def read(self, piece: Piece, names: Sequence[str]) -> dict[str, Column]:
        """The rows of a piece; `names` of columns in the file's order, the count among them."""
        group, _, size, low, high = piece
        places, types = self._places[group], self._layout.types
        begin = places[names[0]]
        # All at once: each call lets go of the interpreter's lock, and may wait for it afterwards.
        data = self._source.read_at(places[names[-1]] + 8 * size - begin, begin)

        def column(name: str, first: int, end: int) -> Column:
            type_ = types[name]
            at = places[name] - begin + first * type_.itemsize
            return np.frombuffer(data, type_, end - first, at).copy()

        if self._held[group] == size:
            return {name: column(name, low, high) for name in names}
        held = column(self._layout.count, 0, high) > 0
        inside, first = held[low:], int(np.count_nonzero(held[:low]))
        end = first + int(np.count_nonzero(inside))
        return {
            name: spread(column(name, first, end), inside, np.nan)
            if name in self._layout.optional
            else column(name, low, high)
            for name in names
        }
