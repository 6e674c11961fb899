"""From a part's signals to samples of tags: kinds, units, times and marks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from andon.ingest.imports.model import PartError, SignalSamples
from andon.kit.clock import to_iso
from andon.kit.samples import IMPORTED, PINNED, SampleBatch, concatenate
from andon.kit.units import conversion
from andon.registry.directory import TagInfo

_LATEST = 253_402_300_799_000_000  # 9999-12-31T23:59:59Z


def check_times(signals: Sequence[SignalSamples], newest: int) -> None:
    """PartError for a time before 1970, or after `newest` (µs)."""
    for signal in signals:
        wrong = np.flatnonzero((signal.timestamps < 0) | (signal.timestamps > newest))
        if len(wrong):
            at = int(signal.timestamps[wrong[0]])
            shown = to_iso(at) if 0 <= at <= _LATEST else f"{at} µs"
            raise PartError(
                f"the timestamp {shown} lies {'before 1970' if at < 0 else 'in the future'}",
                column="timestamp",
                cure="correct the column, or its time zone",
            )


def as_batch(signals: Sequence[tuple[TagInfo, SignalSamples]], received: int, keep: bool) -> SampleBatch:
    """All samples of a part, imported and, with `keep`, pinned. PartError when a value does not fit its tag."""
    batches = [_batch(tag, signal, received) for tag, signal in signals]
    return concatenate(batches).with_marks(IMPORTED | PINNED if keep else IMPORTED)


def _batch(tag: TagInfo, signal: SignalSamples, received: int) -> SampleBatch:
    values, texts = _fitting(tag, signal)
    count = len(signal)
    return SampleBatch(
        np.full(count, tag.id, np.int32),
        signal.timestamps,
        values,
        signal.qualities,
        np.full(count, received, np.int64),
        texts,
    )


def _fitting(tag: TagInfo, signal: SignalSamples) -> tuple[NDArray[np.float64], Mapping[int, str]]:
    """Values and texts as the tag holds them."""
    if tag.kind == "text":
        if signal.texts:
            return signal.values, signal.texts
        return np.full(len(signal), np.nan), {row: f"{value:g}" for row, value in enumerate(signal.values.tolist())}
    if signal.texts:
        row, text = next(iter(signal.texts.items()))
        raise PartError(
            f"{text[:40]!r} at {to_iso(int(signal.timestamps[row]))} is text, and tag {tag.name} holds {tag.kind}s",
            column=signal.name or tag.name,
            cure="leave the column out, or give it another name",
        )
    if tag.kind == "boolean" and not np.isin(signal.values, (0.0, 1.0)).all():
        raise PartError(f"tag {tag.name} holds true and false", column=signal.name or tag.name, cure="send 0 and 1")
    return _converted(tag, signal), {}


def _converted(tag: TagInfo, signal: SignalSamples) -> NDArray[np.float64]:
    if tag.kind != "number" or not signal.unit or signal.unit == tag.unit or not tag.unit:
        return signal.values
    factors = conversion(signal.unit, tag.unit)
    if factors is None:
        raise PartError(
            f"{signal.unit[:40]!r} cannot be converted to the tag's unit {tag.unit!r}",
            column=signal.name or tag.name,
            cure="correct the unit",
        )
    return signal.values * factors[0] + factors[1]


def slices(batch: SampleBatch, most: int, text_bytes: int) -> Iterator[SampleBatch]:
    """The batch in records of at most `most` samples and about `text_bytes` of text."""
    start = 0
    while start < len(batch):
        end = min(start + most, len(batch))
        if batch.texts:
            end = _text_end(batch.texts, start, end, text_bytes)
        yield batch if (start, end) == (0, len(batch)) else batch.take(np.arange(start, end))
        start = end


def _text_end(texts: Mapping[int, str], start: int, end: int, text_bytes: int) -> int:
    size = 0
    for row in range(start, end):
        size += len(texts.get(row, "")) * 4
        if size > text_bytes and row > start:
            return row
    return end
