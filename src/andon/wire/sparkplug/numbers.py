"""Readings that are all numbers, as columns: what a machine sends again and again is never taken apart.

What a birth says about the metrics of a `Shape` is looked up once. A message that holds more than good, present and
plain numbers is understood metric by metric instead, by `definitions.resolve`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from andon.kit.clock import US_PER_MS
from andon.wire.sparkplug.datatypes import plain_up_to
from andon.wire.sparkplug.definitions import LATEST_MS, Definitions, MetricDefinition, Reading, resolve
from andon.wire.sparkplug.shapes import Filling, Repeated, Shape


class Numbers(Sequence[Reading]):
    """Readings of a message, none null or historical.

    `source`: the same object for all messages whose metrics are the same. `times` µs UTC, one for all or one each.
    """

    def __init__(
        self,
        source: NumberSource,
        times: int | NDArray[np.int64],
        values: NDArray[np.float64],
        resolve: Callable[[], Sequence[Reading]],
    ) -> None:
        self.source = source
        self.times = times
        self.values = values
        self._resolve = resolve

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> Reading: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Reading]: ...
    def __getitem__(self, index: int | slice) -> Reading | Sequence[Reading]:
        return self._resolve()[index]

    def __iter__(self) -> Iterator[Reading]:
        return iter(self._resolve())


class NumberSource:
    """What a birth says about the metrics of a shape."""

    def __init__(self, shape: Shape, definitions: Sequence[MetricDefinition], limits: Sequence[int]) -> None:
        self.definitions = definitions
        self.qualities = np.array(shape.qualities, np.uint8)
        self._count = len(definitions)
        self._most = np.array(limits, np.uint64)

    def values(self, filling: Filling) -> NDArray[np.float64] | None:
        """None when a number is not the value itself."""
        values = np.empty(self._count)
        for rows, found in filling:
            values[rows] = found
            if found.dtype == np.uint64 and (found > self._most[rows]).any():
                return None
        return values

    def times(self, filling: Filling, payload_ms: int) -> int | NDArray[np.int64] | None:
        """µs; None when one is missing or beyond all calendars."""
        if not filling:
            return payload_ms * US_PER_MS if 0 < payload_ms <= LATEST_MS else None
        times = np.full(self._count, payload_ms, np.uint64)
        for rows, found in filling:
            times[rows] = found
        first, last = int(times.min()), int(times.max())
        if first <= 0 or last > LATEST_MS:
            return None
        return first * US_PER_MS if first == last else times.astype(np.int64) * US_PER_MS


def read_numbers(repeated: Repeated, payload_ms: int, definitions: Definitions) -> Numbers | None:
    """The readings of a data message, `payload_ms` where a metric has no time of its own; None: see above."""
    source = _source(repeated.shape, definitions)
    if source is None or payload_ms > LATEST_MS:
        return None
    times = source.times(repeated.times, payload_ms)
    values = None if times is None else source.values(repeated.values)
    if times is None or values is None:
        return None
    return Numbers(source, times, values, lambda: resolve(repeated.rows(), payload_ms, definitions).taken)


def _source(shape: Shape, definitions: Definitions) -> NumberSource | None:
    known: tuple[Definitions, NumberSource | None] | None = shape.understood
    if known is None or known[0] is not definitions:
        known = shape.understood = (definitions, _understand(shape, definitions))
    return known[1]


def _understand(shape: Shape, definitions: Definitions) -> NumberSource | None:
    found: list[MetricDefinition] = []
    limits: list[int] = []
    for key, field, quality, historical in zip(
        shape.keys, shape.fields, shape.qualities, shape.historical, strict=True
    ):
        definition = definitions.get(key)
        limit = None if definition is None or field is None else plain_up_to(definition.datatype, field)
        if definition is None or limit is None or historical or not 0 <= quality <= 255:
            return None
        found.append(definition)
        limits.append(limit)
    return NumberSource(shape, found, limits)
