"""Samples in flight: columns, never one object per sample.

Layout of an encoded batch (little endian): magic `AS1\\0`, count as uint32, then the columns
tag_ids int32[n], qualities uint8[n] padded to 8 bytes, timestamps int64[n], received int64[n],
values float64[n], and last MessagePack: nothing, a map of row index to text, or, when the batch has marks, an
array of that map and the marks as uint8[n].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from andon.kit.quality import USABLE

_MAGIC = b"AS1\0"
_HEADER = 8

IMPORTED: Final = 1
"""Mark of a sample that somebody imported: it is history, not news, whatever its age."""
PINNED: Final = 2
"""Mark of a sample that retention keeps until somebody decides otherwise."""

Row = tuple[int, int, float | str, int, int]
"""(tag_id, timestamp µs, value or text, quality, received µs)"""


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """n samples as columns of length n.

    `tag_ids` int32, `timestamps` and `received` int64 µs UTC, `values` float64 (NaN where the value is text),
    `qualities` uint8. `texts` holds the text values by row index; most batches have none. `marks` uint8: `IMPORTED`
    and `PINNED`, added; None when no sample has any, as nearly always.
    """

    tag_ids: NDArray[np.int32]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    qualities: NDArray[np.uint8]
    received: NDArray[np.int64]
    texts: Mapping[int, str] = field(default_factory=dict)
    marks: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.tag_ids)

    @staticmethod
    def empty() -> SampleBatch:
        """A batch of no samples."""
        return SampleBatch.from_rows([])

    @staticmethod
    def from_rows(rows: Sequence[Row]) -> SampleBatch:
        """Columns from rows; for the edges of the system and for tests, not for the hot path."""
        texts = {i: row[2] for i, row in enumerate(rows) if isinstance(row[2], str)}
        return SampleBatch(
            tag_ids=np.array([row[0] for row in rows], np.int32),
            timestamps=np.array([row[1] for row in rows], np.int64),
            values=np.array([np.nan if isinstance(row[2], str) else row[2] for row in rows], np.float64),
            qualities=np.array([row[3] for row in rows], np.uint8),
            received=np.array([row[4] for row in rows], np.int64),
            texts=texts,
        )

    def rows(self) -> Iterable[Row]:
        """The samples as rows, texts in their places."""
        columns = zip(
            self.tag_ids.tolist(),
            self.timestamps.tolist(),
            self.values.tolist(),
            self.qualities.tolist(),
            self.received.tolist(),
            strict=True,
        )
        for i, (tag, at, value, quality, received) in enumerate(columns):
            yield tag, at, self.texts.get(i, value), quality, received

    def take(self, selection: NDArray[np.bool_] | NDArray[np.intp]) -> SampleBatch:
        """The samples that a mask or an index array selects, in that order."""
        index = np.flatnonzero(selection) if selection.dtype == np.bool_ else selection
        texts: dict[int, str] = {}
        if self.texts:
            texts = {new: self.texts[old] for new, old in enumerate(index.tolist()) if old in self.texts}
        return SampleBatch(
            self.tag_ids[index],
            self.timestamps[index],
            self.values[index],
            self.qualities[index],
            self.received[index],
            texts,
            None if self.marks is None else self.marks[index],
        )

    def marked(self, mark: int) -> NDArray[np.bool_]:
        """Mask of the samples that bear `IMPORTED` or `PINNED`."""
        return np.zeros(len(self), np.bool_) if self.marks is None else np.asarray((self.marks & mark) != 0)

    def with_marks(self, marks: int) -> SampleBatch:
        """The same samples, each with these marks."""
        if not marks and self.marks is None:
            return self
        return replace(self, marks=np.full(len(self), marks, np.uint8) if marks else None)

    def live(self) -> SampleBatch:
        """Without what was imported: what alarms judge and screens show as it comes."""
        return self if self.marks is None else self.take(~self.marked(IMPORTED))

    def usable(self) -> NDArray[np.bool_]:
        """Mask of the samples whose value can be reckoned with."""
        return np.asarray(self.qualities >= USABLE)


def concatenate(batches: Sequence[SampleBatch]) -> SampleBatch:
    """One batch with the samples of all, in order."""
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return SampleBatch.empty()
    texts: dict[int, str] = {}
    offset = 0
    for batch in batches:
        if batch.texts:
            texts.update({offset + i: text for i, text in batch.texts.items()})
        offset += len(batch)
    return SampleBatch(
        np.concatenate([b.tag_ids for b in batches]),
        np.concatenate([b.timestamps for b in batches]),
        np.concatenate([b.values for b in batches]),
        np.concatenate([b.qualities for b in batches]),
        np.concatenate([b.received for b in batches]),
        texts,
        _joined_marks(batches),
    )


def _joined_marks(batches: Sequence[SampleBatch]) -> NDArray[np.uint8] | None:
    if all(batch.marks is None for batch in batches):
        return None
    return np.concatenate([np.zeros(len(b), np.uint8) if b.marks is None else b.marks for b in batches])


def encode(batch: SampleBatch) -> bytes:
    """The batch as bytes, for the log."""
    count = len(batch)
    small = 5 * count
    return b"".join(
        (
            _MAGIC,
            count.to_bytes(4, "little"),
            batch.tag_ids.astype("<i4", copy=False).tobytes(),
            batch.qualities.tobytes(),
            b"\0" * (-small % 8),
            batch.timestamps.astype("<i8", copy=False).tobytes(),
            batch.received.astype("<i8", copy=False).tobytes(),
            batch.values.astype("<f8", copy=False).tobytes(),
            _encode_tail(batch),
        )
    )


def _encode_tail(batch: SampleBatch) -> bytes:
    if batch.marks is not None:
        return msgspec.msgpack.encode((dict(batch.texts), batch.marks.tobytes()))
    return msgspec.msgpack.encode(dict(batch.texts)) if batch.texts else b""


def decode(data: bytes) -> SampleBatch:
    """The batch that `encode` wrote; its columns are read-only views on `data`. ValueError when it is not one."""
    if data[:4] != _MAGIC:
        raise ValueError("not an encoded sample batch")
    count = int.from_bytes(data[4:_HEADER], "little")
    wide = _HEADER + 5 * count + (-5 * count % 8)
    end = wide + 24 * count
    if len(data) < end:
        raise ValueError(f"sample batch of {count} is cut short: {len(data)} of {end} bytes")
    texts, marks = _decode_tail(data[end:], count)
    return SampleBatch(
        tag_ids=np.frombuffer(data, "<i4", count, _HEADER),
        qualities=np.frombuffer(data, np.uint8, count, _HEADER + 4 * count),
        timestamps=np.frombuffer(data, "<i8", count, wide),
        received=np.frombuffer(data, "<i8", count, wide + 8 * count),
        values=np.frombuffer(data, "<f8", count, wide + 16 * count),
        texts=texts,
        marks=marks,
    )


def _decode_tail(tail: bytes, count: int) -> tuple[dict[int, str], NDArray[np.uint8] | None]:
    if not tail:
        return {}, None
    found = msgspec.msgpack.decode(tail, type=dict[int, str] | tuple[dict[int, str], bytes])
    if isinstance(found, dict):
        return found, None
    texts, marks = found
    if len(marks) != count:
        raise ValueError(f"sample batch of {count} has {len(marks)} marks")
    return texts, np.frombuffer(marks, np.uint8)
