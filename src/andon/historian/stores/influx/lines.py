"""Samples as InfluxDB's line protocol. Pure.

A sample is up to three fields of its tag's name: the number itself, when it may be averaged; `_quality`, always
there and the one that decides; and `_delay`, the ms until it was received, when they are many, or when an earlier
write of the same moment may have left one. A number that must not be averaged is `_unusable`, a text is `_text`: so
no field ever changes its type, and a plain mean is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.historian.stores.influx.names import DELAY, QUALITY, TEXT, UNUSABLE, key, text_value
from andon.historian.stores.influx.signals import Place, Whereabouts
from andon.kit.clock import US_PER_HOUR, US_PER_MS
from andon.kit.quality import USABLE
from andon.kit.samples import SampleBatch

TEXT_KIND: Final = 1_000
NOTHING_KIND: Final = 2_000
"""Added to the quality of a text, and of a sample without a value."""

MAX_TIME: Final = 9_223_372_036_854_775
"""µs UTC: InfluxDB counts nanoseconds in 64 bits, which end in the year 2262."""
MAX_TEXT_BYTES: Final = 60_000
_UNTOLD: Final = -(1 << 62)


class Written(NamedTuple):
    """What a batch is in InfluxDB: its lines, and the measurements and hours (µs UTC) that they touch."""

    lines: list[bytes]
    hours: set[tuple[str, int]]


def lines_of(
    batch: SampleBatch, where: Callable[[int], Whereabouts], newest: Mapping[int, int], delay_ms: int
) -> Written:
    """A line for each device and moment, sorted by series and time. The batch is sorted by tag and time, unique.

    `where` says where a tag's samples lie, `newest` the newest moment of each tag that was written before. Samples
    beyond `MAX_TIME` are left out.
    """
    if not len(batch):
        return Written([], set())
    places = _places(batch, where, newest)
    heads: dict[str, int] = {}
    ids = np.array([heads.setdefault(_head(place), len(heads)) for place in places.kinds], np.int64)[places.index]
    keep = np.flatnonzero(np.abs(batch.timestamps) < MAX_TIME)
    order = keep[np.lexsort((batch.timestamps[keep], ids[keep]))]
    ids, times = ids[order], batch.timestamps[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (ids[1:] != ids[:-1]) | (times[1:] != times[:-1])
    fields = _fields(batch, places, order, delay_ms)
    names = list(heads)
    first = np.flatnonzero(begins)
    spans = zip(
        first.tolist(), [*first[1:].tolist(), len(order)], ids[first].tolist(), times[first].tolist(), strict=True
    )
    lines = [
        f"{names[head]} {fields[at] if end == at + 1 else ','.join(fields[at:end])} {time}".encode(errors="replace")
        for at, end, head, time in spans
    ]
    return Written(lines, _hours(batch, places, order))


def _hours(batch: SampleBatch, places: _Places, order: NDArray[np.intp]) -> set[tuple[str, int]]:
    names = [place.measurement for place in places.kinds]
    pairs = np.column_stack((places.index[order], batch.timestamps[order] // US_PER_HOUR))
    return {(names[kind], hour * US_PER_HOUR) for kind, hour in np.unique(pairs, axis=0).tolist()}


class _Places:
    """`kinds` are the different places of a batch, `index` says for each row which; `late`: not its tag's newest."""

    def __init__(self, kinds: Sequence[Place], index: NDArray[np.intp], late: NDArray[np.bool_]) -> None:
        self.kinds = kinds
        self.index = index
        self.late = late


def _places(batch: SampleBatch, where: Callable[[int], Whereabouts], newest: Mapping[int, int]) -> _Places:
    tags, starts, counts = np.unique(batch.tag_ids, return_index=True, return_counts=True)
    kinds: dict[Place, int] = {}
    found = [where(tag) for tag in tags.tolist()]
    last = [kinds.setdefault(each.stretches[-1].place, len(kinds)) for each in found]
    index = np.repeat(np.array(last, np.intp), counts)
    for each, at, count in zip(found, starts.tolist(), counts.tolist(), strict=True):
        if len(each.stretches) > 1:
            times = batch.timestamps[at : at + count]
            for place, since, until in each.between(int(times[0]), int(times[-1]) + 1):
                low, high = np.searchsorted(times, [since, until])
                index[at + low : at + high] = kinds.setdefault(place, len(kinds))
    known = np.array([newest[tag] for tag in tags.tolist()], np.int64)
    return _Places(list(kinds), index, batch.timestamps <= np.repeat(known, counts))


def _fields(batch: SampleBatch, places: _Places, order: NDArray[np.intp], delay_ms: int) -> list[str]:
    """The fields of each sample, in that order."""
    names = [_field_names(place.field) for place in places.kinds]
    delays = (batch.received[order] - batch.timestamps[order] + US_PER_MS // 2) // US_PER_MS
    numbers = np.isfinite(batch.values[order])
    told = places.late[order] | (delays < 0) | (delays >= delay_ms)
    rows = zip(
        places.index[order].tolist(),
        batch.values[order].tolist(),
        batch.qualities[order].tolist(),
        np.where(told, delays, _UNTOLD).tolist(),
        numbers.tolist(),
        map(batch.texts.get, order.tolist()),
        strict=True,
    )
    found = []
    for kind, value, quality, delay, number, text in rows:
        name = names[kind]
        if text is not None:
            field = f"{name.text}={text_value(_shortened(text))},{name.quality}={quality + TEXT_KIND}i"
        elif not number:
            field = f"{name.quality}={quality + NOTHING_KIND}i"
        elif quality >= USABLE:
            field = f"{name.value}={value!r},{name.quality}={quality}i"
        else:
            field = f"{name.unusable}={value!r},{name.quality}={quality}i"
        found.append(field if delay == _UNTOLD else f"{field},{name.delay}={delay}i")
    return found


class _FieldNames(NamedTuple):
    """The field keys of a tag, escaped."""

    value: str
    quality: str
    text: str
    unusable: str
    delay: str


@lru_cache(maxsize=100_000)
def _field_names(field: str) -> _FieldNames:
    return _FieldNames(*(key(field + ending) for ending in ("", QUALITY, TEXT, UNUSABLE, DELAY)))


@lru_cache(maxsize=100_000)
def _head(place: Place) -> str:
    return place.head


def _shortened(text: str) -> str:
    """InfluxDB takes texts up to 64 kB."""
    if len(text) * 4 <= MAX_TEXT_BYTES:
        return text
    return text.encode(errors="replace")[:MAX_TEXT_BYTES].decode(errors="ignore")
