"""Reading a Parquet file of history by tag: what the files of samples and of tiers have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from andon.historian.stores.columnar.tagindex import TagIndex


class SortedFile:
    """A Parquet file with a `TagIndex`, open for reading by several threads.

    `meta`: the file's own metadata; `size` in bytes. OSError when it is not there, ValueError when it is not a file
    of history.
    """

    def __init__(self, path_or_uri: Path | str, filesystem: Any = None) -> None:
        path = str(path_or_uri)
        source = pa.memory_map(path) if filesystem is None else filesystem.open_input_file(path)
        self._parquet = pq.ParquetFile(source)
        self.size: int = source.size()
        metadata = self._parquet.metadata
        self.meta: Mapping[str, str] = {key.decode(): text.decode() for key, text in (metadata.metadata or {}).items()}
        self.index = TagIndex.from_metadata(self.meta)
        counts = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        self._starts = np.cumsum([0, *counts], dtype=np.int64)

    def rows(
        self, ranges: Sequence[tuple[int, int]], columns: Sequence[str]
    ) -> tuple[pa.Table, NDArray[np.bool_] | None]:
        """A table that holds the rows of ascending ranges (first, end), and which of its rows those are (None: all)."""
        bounds = np.array(ranges, np.int64)
        low = np.searchsorted(self._starts, bounds[:, 0], "right") - 1
        high = np.searchsorted(self._starts, bounds[:, 1], "left")
        groups = sorted({group for pair in zip(low, high, strict=True) for group in range(*pair)})
        table = self._parquet.read_row_groups(groups, list(columns), use_threads=False)
        if len(ranges) == 1:
            first, end = ranges[0]
            return table.slice(first - int(self._starts[groups[0]]), end - first), None
        numbers = np.concatenate([np.arange(self._starts[group], self._starts[group + 1]) for group in groups])
        place = np.searchsorted(bounds[:, 0], numbers, "right") - 1
        return table, (place >= 0) & (numbers < bounds[place, 1])

    def close(self) -> None:
        """Let go of the file."""
        self._parquet.close()
