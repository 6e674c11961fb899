"""Live state as bytes, a part at a time: what a process that starts is warmed with.

A part is zlib over MessagePack. Windows are sparse: only spans that still lie inside the window are written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.port import Window

TAGS_A_PART: Final = 256
"""So many that copying a part keeps the event loop for less than a millisecond."""


@dataclass(frozen=True, slots=True)
class WindowRing:
    """The filled slots of one window: `rows` (of the part) and `slots` say where, `spans` and `cells` what.

    `cells` is (n, 4): count, sum, minimum, maximum.
    """

    rows: NDArray[np.int32]
    slots: NDArray[np.int32]
    spans: NDArray[np.int32]
    cells: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LiveColumns:
    """The state of some tags, as columns of length n; see `Current` for their meaning."""

    tag_ids: NDArray[np.int32]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    qualities: NDArray[np.uint8]
    received: NDArray[np.int64]
    texts: Mapping[int, str] = field(default_factory=dict)  # by tag id
    windows: Mapping[Window, WindowRing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceivedCounts:
    """How many samples came, by five-second spans counted from 1970."""

    spans: NDArray[np.int64]
    counts: NDArray[np.int64]


class _Ring(msgspec.Struct, array_like=True):
    rows: bytes
    slots: bytes
    spans: bytes
    cells: bytes


class _Part(msgspec.Struct, array_like=True):
    number: int
    tag_ids: bytes
    timestamps: bytes
    values: bytes
    qualities: bytes
    received: bytes
    texts: dict[int, str]
    windows: dict[Window, _Ring]


class _Counts(msgspec.Struct, array_like=True):
    number: int
    spans: bytes
    counts: bytes


def parts_of(tag_ids: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """The tags in parts of `TAGS_A_PART`."""
    for at in range(0, len(tag_ids), TAGS_A_PART):
        yield tag_ids[at : at + TAGS_A_PART]


def encode_part(columns: LiveColumns, number: int) -> bytes:
    """The part as bytes; `number` is the last batch that it contains."""
    windows = {name: _Ring(*(_bytes(each) for each in _arrays(ring))) for name, ring in columns.windows.items()}
    part = _Part(
        number,
        _bytes(columns.tag_ids),
        _bytes(columns.timestamps),
        _bytes(columns.values),
        _bytes(columns.qualities),
        _bytes(columns.received),
        dict(columns.texts),
        windows,
    )
    return zlib.compress(msgspec.msgpack.encode(part), 1)


def decode_part(data: bytes) -> tuple[LiveColumns, int]:
    """The part, and the last batch that it contains. ValueError when it is damaged."""
    part = msgspec.msgpack.decode(_inflated(data), type=_Part)
    windows = {
        name: WindowRing(
            np.frombuffer(ring.rows, "<i4"),
            np.frombuffer(ring.slots, "<i4"),
            np.frombuffer(ring.spans, "<i4"),
            np.frombuffer(ring.cells, "<f8").reshape(-1, 4),
        )
        for name, ring in part.windows.items()
    }
    columns = LiveColumns(
        np.frombuffer(part.tag_ids, "<i4"),
        np.frombuffer(part.timestamps, "<i8"),
        np.frombuffer(part.values, "<f8"),
        np.frombuffer(part.qualities, np.uint8),
        np.frombuffer(part.received, "<i8"),
        part.texts,
        windows,
    )
    return columns, part.number


def encode_counts(counts: ReceivedCounts, number: int) -> bytes:
    """The counters as bytes."""
    held = counts.counts > 0
    body = _Counts(number, _bytes(counts.spans[held]), _bytes(counts.counts[held]))
    return zlib.compress(msgspec.msgpack.encode(body), 1)


def decode_counts(data: bytes) -> tuple[ReceivedCounts, int]:
    """The counters, and the last batch that they contain. ValueError when they are damaged."""
    body = msgspec.msgpack.decode(_inflated(data), type=_Counts)
    return ReceivedCounts(np.frombuffer(body.spans, "<i8"), np.frombuffer(body.counts, "<i8")), body.number


def _arrays(ring: WindowRing) -> tuple[NDArray[np.generic], ...]:
    return ring.rows, ring.slots, ring.spans, ring.cells


def _bytes(column: NDArray[np.generic]) -> bytes:
    return column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes()


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise ValueError(f"a part of a snapshot is damaged: {error}") from error
