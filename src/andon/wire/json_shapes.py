"""Reads JSON messages that differ from an earlier one in their time and their value alone.

Most devices send the same message again and again. What was read in one holds for all that have the same bytes around
those two: a `JsonShape` compares these and reads the two, which is a fifth of the work of reading it all.
"""

from __future__ import annotations

import re
from typing import Final

from andon.kit.clock import MAX_US, us_of_iso

_NUMBER: Final = rb"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?"
"""A JSON number that is a finite float64 for certain."""
_TIME: Final = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}(?:[0-9]{3})?Z"
_MESSAGE: Final = re.compile(
    rb'(.*"timestamp"\s*:\s*")(%b)(".*"value"\s*:\s*)(%b)(\s*[,}].*)' % (_TIME, _NUMBER), re.DOTALL
)
_number_at = re.compile(_NUMBER).fullmatch


class JsonShape:
    """The bytes around a message's time and value. Make it with `learn`."""

    __slots__ = ("_after", "_after_size", "_before", "_between", "_number_begin", "_time_begin", "_time_end")

    def __init__(self, before: bytes, time: bytes, between: bytes, after: bytes) -> None:
        self._before, self._between, self._after = before, between, after
        self._time_begin = len(before)
        self._time_end = self._time_begin + len(time)
        self._number_begin = self._time_end + len(between)
        self._after_size = len(after)

    @staticmethod
    def learn(payload: bytes, timestamp: int | None, value: object) -> JsonShape | None:
        """From a message and the `timestamp` (µs UTC) and `value` that were read in it; None when it does not do.

        Without a backslash each quotation mark begins or ends a text: what looks like a field is one. That each is
        there once, and was read as is told, says that it is the message's own.
        """
        if b"\\" in payload or payload.count(b'"timestamp"') != 1 or payload.count(b'"value"') != 1:
            return None
        found = _MESSAGE.fullmatch(payload)
        if found is None:
            return None
        shape = JsonShape(found[1], found[2], found[3], found[5])
        return shape if shape.read(payload) == (timestamp, value) else None

    def read(self, payload: bytes) -> tuple[int, float] | None:
        """(timestamp µs UTC, value) of a message that looks like it; None when this one does not."""
        if not (
            payload.startswith(self._before)
            and payload.startswith(self._between, self._time_end)
            and payload.endswith(self._after)
        ):
            return None
        number = _number_at(payload, self._number_begin, len(payload) - self._after_size)
        if number is None:
            return None
        try:
            at = us_of_iso(payload[self._time_begin : self._time_end].decode())
        except ValueError:
            return None  # no such day or hour: whoever reads it all says so
        return (at, float(number[0])) if 0 <= at <= MAX_US else None
