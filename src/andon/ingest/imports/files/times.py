"""Times as recordings write them, to µs UTC: ISO 8601, epoch numbers, day first with dots, or a given pattern."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.ingest.imports.files.model import wrong_cell
from andon.kit.clock import US_PER_S, parse_timestamp
from andon.kit.errors import InvalidError

_DAY_FIRST: Final = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M")
_SHORTEST: Final = 8  # 20140307 is a number, 2014-3-7 a date
_DIGITS: Final = r"^[+-]?\d+(\.\d*)?$"  # an epoch number, which Arrow might take for a year
_EPOCH: Final = datetime(1970, 1, 1)

_Times = NDArray[np.int64]


class Clock:
    """Reads the times of one file, chunk after chunk.

    Times without a zone are those of the clock on the wall in `timezone`. An hour that comes twice when summer ends is
    told apart by the order of the rows.
    """

    def __init__(self, column: str, timezone: str, time_format: str | None) -> None:
        self.names_no_zone = False
        """Whether times without a zone were among those read."""
        self.column = column
        self._timezone = timezone
        self._format = time_format
        self._last: int | None = None

    def of_texts(self, texts: Any, first_row: int) -> _Times:
        """µs UTC of an Arrow array of texts. InvalidError names the row."""
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pc.utf8_trim_whitespace(texts)
        if self._format is None and not pc.any(pc.match_substring_regex(texts, _DIGITS)).as_py():
            for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
                try:
                    return self.of_moments(texts.cast(kind), first_row)
                except pa.ArrowInvalid:
                    continue
        return self._one_by_one(texts, first_row)

    def of_moments(self, moments: Any, first_row: int) -> _Times:
        """µs UTC of an Arrow array of timestamps."""
        import pyarrow as pa

        self._check_none_missing(moments, first_row)
        zoned = moments.type.tz is not None
        stamps = np.array(moments.cast(pa.timestamp("us", moments.type.tz), safe=False).cast(pa.int64()))
        self.names_no_zone |= not zoned and len(stamps) > 0
        return self._checked(stamps if zoned else self._from_wall(stamps, first_row), first_row)

    def of_numbers(self, numbers: Any, first_row: int) -> _Times:
        """µs UTC of an Arrow array of epoch numbers: seconds, ms or µs, told apart by their size."""
        self._check_none_missing(numbers, first_row)
        found = np.empty(len(numbers), np.int64)
        for row, number in enumerate(numbers.to_pylist()):
            try:
                found[row] = parse_timestamp(number)
            except ValueError as error:
                raise wrong_cell(first_row + row, self.column, number, "a time") from error
        return self._checked(found, first_row)

    def _check_none_missing(self, column: Any, first_row: int) -> None:
        if column.null_count:
            raise wrong_cell(first_row + column.is_null().index(True).as_py(), self.column, "", "a time")

    def _one_by_one(self, texts: Any, first_row: int) -> _Times:
        stamps = np.empty(len(texts), np.int64)
        naive = np.zeros(len(texts), np.bool_)
        for row, text in enumerate(texts.to_pylist()):
            found = None if text is None else self._of_text(text)
            if found is None:
                what = f"a time like {self._format}" if self._format else "a time"
                raise wrong_cell(first_row + row, self.column, text or "", what)
            stamps[row], naive[row] = found
        self.names_no_zone |= bool(naive.any())
        if naive.all():
            stamps = self._from_wall(stamps, first_row)
        elif naive.any() and self._timezone != "UTC":
            row = first_row + int(np.flatnonzero(naive)[0])
            raise InvalidError(
                f"row {row}, column {self.column!r}: this time names no zone, others do",
                field=self.column,
                cure="write all of them with a zone, or all without",
            )
        return self._checked(stamps, first_row)

    def _of_text(self, text: str) -> tuple[int, bool] | None:
        """(µs, whether they are those of the clock on the wall)."""
        if self._format is not None:
            moment = _by_pattern(text, self._format)
            return None if moment is None else _split(moment)
        try:
            return _split(datetime.fromisoformat(text))
        except ValueError:
            pass
        try:
            return parse_timestamp(float(text) if "." in text else int(text)), False
        except ValueError:
            pass
        moments = (_by_pattern(text, pattern) for pattern in _DAY_FIRST)
        return next((_split(moment) for moment in moments if moment is not None), None)

    def _from_wall(self, stamps: _Times, first_row: int) -> _Times:
        if self._timezone == "UTC":
            return stamps
        import pyarrow as pa
        import pyarrow.compute as pc

        wall = pa.array(stamps, pa.timestamp("us"))

        def moments(ambiguous: str, nonexistent: str = "earliest") -> _Times:
            zoned = pc.assume_timezone(wall, self._timezone, ambiguous=ambiguous, nonexistent=nonexistent)
            return np.array(zoned.cast(pa.int64()))

        early, late = moments("earliest"), moments("latest")
        skipped = np.flatnonzero(early != moments("earliest", "latest"))
        if len(skipped):
            raise self._not_on_the_wall(int(stamps[skipped[0]]), first_row + int(skipped[0]))
        return self._in_order(early, late)

    def _in_order(self, early: _Times, late: _Times) -> _Times:
        """Of the two moments of an hour that comes twice, the later one once the rows have passed it."""
        found = early.copy()
        for row in np.flatnonzero(early != late).tolist():
            before = int(found[row - 1]) if row else self._last
            if before is not None and before > found[row]:
                found[row] = late[row]
        if len(found):
            self._last = int(found[-1])
        return found

    def _not_on_the_wall(self, stamp: int, row: int) -> InvalidError:
        shown = (_EPOCH + timedelta(microseconds=stamp)).isoformat(" ")
        return InvalidError(
            f"row {row}, column {self.column!r}: {shown} never was in {self._timezone}: the clock was put forward",
            field=self.column,
            cure="choose the zone that the recorder's clock has all the year, such as UTC or Etc/GMT-1 (--timezone)",
        )

    def _checked(self, stamps: _Times, first_row: int) -> _Times:
        wrong = np.flatnonzero(stamps < 0)
        if len(wrong):
            raise wrong_cell(first_row + int(wrong[0]), self.column, f"{int(stamps[wrong[0]])} µs", "after 1970")
        return stamps


def looks_like_time(text: str, pattern: str | None) -> bool:
    """Whether a cell holds a date; a bare number is none."""
    text = text.strip()
    if pattern is not None:
        return _by_pattern(text, pattern) is not None
    if len(text) < _SHORTEST or text.isdigit():
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return any(_by_pattern(text, each) is not None for each in _DAY_FIRST)
    return True


def _by_pattern(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)
    except ValueError:
        return None


def _split(moment: datetime) -> tuple[int, bool]:
    naive = moment.tzinfo is None
    delta = (moment if naive else moment.astimezone(UTC).replace(tzinfo=None)) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * US_PER_S + delta.microseconds, naive
