"""Integer columns as a text of few bytes: how a file's metadata holds its indexes."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def pack(columns: Sequence[NDArray[np.int64]]) -> str:
    """Columns of equal length as text."""
    # Neighbours differ by little: of their differences most bytes are 0, and the bytes of a place are alike.
    steps = np.concatenate([np.diff(column, prepend=0) for column in columns]).astype("<i8")
    return base64.b85encode(zlib.compress(steps.view(np.uint8).reshape(-1, 8).T.tobytes(), 6)).decode()


def unpack(text: str, count: int) -> tuple[NDArray[np.int64], ...]:
    """The `count` columns that `pack` was given. ValueError when it did not make this."""
    try:
        places = np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8).reshape(8, -1)
    except zlib.error as error:
        raise ValueError(f"the index of a file of history is damaged: {error}") from error
    steps = np.ascontiguousarray(places.T).view("<i8").reshape(count, -1)
    return tuple(steps.cumsum(axis=1, dtype=np.int64))
