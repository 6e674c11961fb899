"""Rows that another row of the same signal and time contradicts: only one value of a moment can be kept, the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.ingest.imports.files.model import Chunk, Skipped


def counted(chunks: Iterator[Chunk], skipped: Skipped, *, long: bool) -> Iterator[Chunk]:
    """The same chunks, their rows with a time; `skipped` learns how many of those are contradicted, at least."""
    for chunk in chunks:
        timed = chunk.timed()
        skipped.contradicted += contradicted(timed, long=long)
        yield timed


def contradicted(chunk: Chunk, *, long: bool) -> int:
    """Rows of a chunk that a later one contradicts. `long`: a row holds a sample of its `tag`."""
    keys = [chunk.times]
    if long:
        keys.insert(0, np.array(chunk.columns["tag"].dictionary_encode().indices.fill_null(-1)))
    elif (chunk.times[1:] > chunk.times[:-1]).all():
        return 0
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order[1:]] == key[order[:-1]] for key in keys])
    columns = [chunk.columns[name] for name in ("value", "text") if name in chunk.columns] if long else None
    return _differing(columns or list(chunk.columns.values()), order[:-1][same], order[1:][same])


def _differing(columns: Sequence[Any], some: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """How many of the pairs of rows hold different values in any column; where one holds none, nothing differs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = np.zeros(len(some), np.bool_)
    for column in columns if len(some) else ():
        differ = pc.not_equal(column.take(pa.array(some)), column.take(pa.array(others)))
        found |= np.array(differ.fill_null(False))
    return int(found.sum())
