"""Samples on their way into columns: appended one by one, taken as batches of bounded size."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from andon.kit.samples import SampleBatch

_NAN = float("nan")


class BatchBuilder:
    """Grows columns without a Python object per sample. A full batch is put aside and a new one begun."""

    def __init__(self, batch_samples: int, batch_text_bytes: int) -> None:
        self._batch_samples = batch_samples
        self._batch_text_bytes = batch_text_bytes
        self._full: list[SampleBatch] = []
        self._full_samples = 0
        self._begin()

    def __len__(self) -> int:
        return self._full_samples + len(self._tags)

    def add(self, tag_id: int, timestamp: int, value: float | str, quality: int, received: int) -> None:
        """One sample; times µs UTC."""
        if isinstance(value, str):
            self._texts[len(self._tags)] = value
            self._text_bytes += len(value)
            value = _NAN
        self._tags.append(tag_id)
        self._times.append(timestamp)
        self._values.append(value)
        self._qualities.append(quality)
        self._received.append(received)
        if len(self._tags) >= self._batch_samples or self._text_bytes >= self._batch_text_bytes:
            self._put_aside()

    def add_numbers(
        self,
        tag_ids: Sequence[int],
        timestamps: Sequence[int],
        values: Sequence[float],
        qualities: Sequence[int],
        received: int,
    ) -> None:
        """Several numeric samples that arrived together; the sequences have one length."""
        # An array of a list, and that on to the other, takes half as long as item by item.
        columns = (array("i", tag_ids), array("q", timestamps), array("d", values), array("B", qualities))
        self.add_columns(*columns, received)

    def add_columns(
        self,
        tag_ids: array[int],
        timestamps: int | array[int] | NDArray[np.int64],
        values: array[float] | NDArray[np.float64],
        qualities: array[int],
        received: int,
    ) -> None:
        """As `add_numbers`, of columns that are made already; one timestamp may stand for all."""
        count = len(tag_ids)
        self._tags += tag_ids
        if isinstance(timestamps, int):
            self._times += array("q", (timestamps,)) * count
        else:
            self._times.frombytes(timestamps.tobytes())
        self._values.frombytes(values.tobytes())
        self._qualities += qualities
        self._received += array("q", (received,)) * count
        if len(self._tags) >= self._batch_samples:
            self._put_aside()

    def take(self) -> list[SampleBatch]:
        """All samples so far, in order; the builder is empty afterwards."""
        if len(self._tags):
            self._put_aside()
        taken, self._full, self._full_samples = self._full, [], 0
        return taken

    def _put_aside(self) -> None:
        self._full.append(
            SampleBatch(
                np.frombuffer(self._tags, np.int32),
                np.frombuffer(self._times, np.int64),
                np.frombuffer(self._values, np.float64),
                np.frombuffer(self._qualities, np.uint8),
                np.frombuffer(self._received, np.int64),
                self._texts,
            )
        )
        self._full_samples += len(self._tags)
        self._begin()

    def _begin(self) -> None:
        self._tags = array("i")
        self._times = array("q")
        self._values = array("d")
        self._qualities = array("B")
        self._received = array("q")
        self._texts: dict[int, str] = {}
        self._text_bytes = 0
