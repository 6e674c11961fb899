"""Reads data messages that look like an earlier one: the same metrics in the same order, other times and values.

Machines repeat themselves, and protobuf's objects cost most of what a data message costs. A `Shape` knows where in
the bytes of such a message times and values stand and which bytes must be as they were. A message that does not fit
is none of its business: protobuf reads it, as it did the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.wire.sparkplug.payload import OpenData, Row, open_data

Bytes = NDArray[np.uint8]

_TIMESTAMP, _METRIC, _SEQ = 0x08, 0x12, 0x18
"""How the fields of a payload begin."""
_VARINT, _EIGHT, _BLOCK, _FOUR = 0, 1, 2, 5
"""Protobuf's ways to write a field."""
_METRIC_TIME: Final = 3
_AS_BEFORE: Final = {1: _BLOCK, 2: _VARINT, 4: _VARINT, 5: _VARINT, 6: _VARINT, 7: _VARINT}
"""Fields of a metric that every message repeats: name, alias, data type, historical, transient, null."""
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN = 10, 11, 12, 13, 14
_VALUES: Final = {_INT: _VARINT, _LONG: _VARINT, _FLOAT: _FOUR, _DOUBLE: _EIGHT, _BOOLEAN: _VARINT}
_MOST_VARINT = 9
"""Bytes; ten are a negative number, which protobuf may read."""


class _Span(NamedTuple):
    """Bytes of a field's content, and which field it is."""

    at: int
    size: int
    field: int


class _Spans(NamedTuple):
    """Where a metric's time and value stand, None where it has none."""

    time: _Span | None
    value: _Span | None


class _Column:
    """Fields of some metrics that are written alike: their places, read at once."""

    def __init__(self, rows: Sequence[int], spans: Sequence[_Span]) -> None:
        self.rows = np.array(rows, np.intp)
        self.field, self.size = spans[0].field, spans[0].size
        self._places = np.array([[span.at] for span in spans], np.intp) + np.arange(self.size, dtype=np.intp)

    def read(self, block: Bytes) -> NDArray[Any] | None:
        """What stands there; None when it is written otherwise."""
        found = block.take(self._places)
        if self.field == _DOUBLE:
            return found.view("<f8")[:, 0]
        if self.field == _FLOAT:
            return found.view("<f4")[:, 0]
        return self._varints(found)

    def _varints(self, found: Bytes) -> NDArray[Any] | None:
        if (found[:, :-1] < 0x80).any() or (found[:, -1] >= 0x80).any():
            return None  # a number of another length
        numbers = np.zeros(len(found), np.uint64)
        for digit in range(self.size):
            numbers |= (found[:, digit] & 0x7F).astype(np.uint64) << np.uint64(7 * digit)
        if self.field == _BOOLEAN:
            return np.asarray(numbers != 0)
        return None if self.field == _INT and (numbers >> np.uint64(32)).any() else numbers


Filling = list[tuple[NDArray[np.intp], NDArray[Any]]]
"""Rows of a message, and what they hold: together a column or a part of one."""


class Repeated(NamedTuple):
    """What a message that fits a shape brings that is new."""

    shape: Shape
    times: Filling
    values: Filling

    def rows(self) -> list[Row]:
        """As `read_rows`."""
        shape = self.shape
        times, values = _filled(shape.times, self.times), _filled(shape.values, self.values)
        return list(zip(shape.keys, times, shape.fields, values, shape.qualities, shape.historical, strict=True))


class Shape:
    """What the metrics of a message look like, column by column; of times and values only what never changes.

    Make it with `learn`. `understood` is for whoever reads the messages through a birth.
    """

    def __init__(self, block: bytes, rows: Sequence[Row], spans: Sequence[_Spans]) -> None:
        whole = np.frombuffer(block, np.uint8)
        fixed = np.ones(len(whole), np.bool_)
        for span in (each for both in spans for each in both if each is not None):
            fixed[span.at : span.at + span.size] = False
        self._fixed_at = np.flatnonzero(fixed)
        self._fixed = whole[self._fixed_at].tobytes()
        self._size = len(whole)
        self.keys, self.times, self.fields, self.values, self.qualities, self.historical = zip(*rows, strict=True)
        self.understood: Any = None
        self._time_columns = list(_columns([each.time for each in spans]))
        self._value_columns = list(_columns([each.value for each in spans]))

    @staticmethod
    def learn(block: bytes, rows: Sequence[Row]) -> Shape | None:
        """From the bytes of metrics and what protobuf reads in them; None when there is more than times and values."""
        spans = _spans_of(block)
        if not spans or len(spans) != len(rows):
            return None
        shape = Shape(block, rows, spans)
        read = shape.read(block, 0)
        return shape if read is not None and read.rows() == list(rows) else None

    def read(self, data: bytes, at: int) -> Repeated | None:
        """What the metrics that begin at `at` bring; None when they look otherwise."""
        block = np.frombuffer(data, np.uint8, self._size, at)
        if block.take(self._fixed_at).tobytes() != self._fixed:
            return None
        times = _read(self._time_columns, block)
        values = _read(self._value_columns, block)
        return None if times is None or values is None else Repeated(self, times, values)


def _columns(spans: Sequence[_Span | None]) -> Iterator[_Column]:
    alike: dict[tuple[int, int], list[int]] = {}
    for row, span in enumerate(spans):
        if span is not None:
            alike.setdefault((span.field, span.size), []).append(row)
    for rows in alike.values():
        yield _Column(rows, [span for row in rows if (span := spans[row]) is not None])


def _read(columns: Sequence[_Column], block: Bytes) -> Filling | None:
    filling: Filling = []
    for column in columns:
        found = column.read(block)
        if found is None:
            return None
        filling.append((column.rows, found))
    return filling


def _filled(before: Sequence[object], filling: Filling) -> Sequence[object]:
    filled = list(before)
    for rows, found in filling:
        for row, value in zip(rows.tolist(), found.tolist(), strict=True):
            filled[row] = value
    return filled


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A varint and where it ends. IndexError when it does not."""
    value = shift = 0
    while True:
        digit = data[at]
        value |= (digit & 0x7F) << shift
        at += 1
        if digit < 0x80:
            return value, at
        shift += 7


def _spans_of(block: bytes) -> list[_Spans] | None:
    """Of each metric; None when a field is among them that not every message repeats."""
    found, at = [], 0
    try:
        while at < len(block):
            if block[at] != _METRIC:
                return None
            size, at = _number(block, at + 1)
            spans = _metric(block, at, at + size)
            if spans is None:
                return None
            found.append(spans)
            at += size
    except IndexError:
        return None
    return found if at == len(block) else None


def _metric(block: bytes, at: int, end: int) -> _Spans | None:
    time: _Span | None = None
    value: _Span | None = None
    while at < end:
        key, at = _number(block, at)
        field, written = key >> 3, key & 7
        after = _end(block, at, written)
        span = _Span(at, after - at, field)
        if written == _VARINT and span.size > _MOST_VARINT:
            return None
        if field == _METRIC_TIME and written == _VARINT:
            time = span
        elif _VALUES.get(field) == written:
            value = span
        elif _AS_BEFORE.get(field) != written:
            return None
        at = after
    return _Spans(time, value) if at == end else None


def _end(block: bytes, at: int, written: int) -> int:
    if written == _VARINT:
        return _number(block, at)[1]
    if written == _BLOCK:
        size, at = _number(block, at)
        return at + size
    if written in (_EIGHT, _FOUR):
        return at + (8 if written == _EIGHT else 4)
    raise IndexError


class _Framed(NamedTuple):
    """A payload of a time, metrics and a sequence number: where its metrics begin and end."""

    timestamp_ms: int
    seq: int
    begin: int
    end: int


def _frame(data: bytes) -> _Framed | None:
    """As everybody writes them, in the order of the fields' numbers; None when it is not like that at its ends."""
    timestamp = at = 0
    if data and data[0] == _TIMESTAMP:
        timestamp, at = _number(data, 1)
        if at > 1 + _MOST_VARINT:
            return None
    for size in (2, 3):
        end = len(data) - size
        if end >= at and data[end] == _SEQ and data[-1] < 0x80 and (size == 2 or data[-2] >= 0x80):
            return _Framed(timestamp, _number(data, end + 1)[0], at, end)
    return None


class Shapes:
    """The last few shapes of one source's data messages, by their size."""

    _MOST = 4

    def __init__(self) -> None:
        self._known: dict[int, Shape | None] = {}
        self._missed = 0

    def open(self, data: bytes) -> OpenData:
        """As `open_data`, which reads what fits none of the shapes. PayloadError as there."""
        try:
            frame = _frame(data)
        except IndexError:
            frame = None
        if frame is None:
            return open_data(data)
        shape = self._known.get(frame.end - frame.begin)
        repeated = None if shape is None else shape.read(data, frame.begin)
        if repeated is None:
            return self._opened(data, frame)
        self._missed = 0
        return OpenData(frame.timestamp_ms, frame.seq, True, (), repeated)

    def _opened(self, data: bytes, frame: _Framed) -> OpenData:
        """By protobuf. A source that never repeats itself is looked at less and less often."""
        opened = open_data(data)
        self._missed += 1
        if self._missed & (self._missed - 1) == 0 and opened.has_seq and len(opened.metrics) > 1:
            block = data[frame.begin : frame.end]
            if len(self._known) >= self._MOST:
                del self._known[next(iter(self._known))]
            self._known[len(block)] = Shape.learn(block, opened.rows())
        return opened
