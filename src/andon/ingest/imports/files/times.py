"""Times as recordings write them, to µs UTC: ISO 8601, epoch numbers, day first with dots, or a given pattern."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.ingest.imports.files.model import NO_TIME, ReadOptions, Skipped, wrong_cell
from andon.kit.clock import US_PER_S, parse_timestamp
from andon.kit.errors import InvalidError

_DAY_FIRST: Final = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M", "%d.%m.%Y")
_SHORTEST: Final = 8  # 20140307 is a number, 2014-3-7 a date
_DIGITS: Final = r"^[+-]?\d+(\.\d*)?$"  # an epoch number, which Arrow might take for a year
_EPOCH: Final = datetime(1970, 1, 1)

_Times = NDArray[np.int64]


class Clock:
    """Reads the times of one file, chunk after chunk.

    Times without a zone are those of the clock on the wall in `timezone`. An hour that comes twice when summer ends is
    told apart by the order of the rows. What is no time stops the import, or with `skip_bad` is `NO_TIME` and counted.
    """

    def __init__(self, column: str, options: ReadOptions, skipped: Skipped) -> None:
        self.names_no_zone = False
        """Whether times without a zone were among those read."""
        self.column = column
        self._timezone = options.timezone
        self._format = options.time_format
        self._skip_bad = options.skip_bad
        self._skipped = skipped
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

        zoned = moments.type.tz is not None
        stamps = moments.cast(pa.timestamp("us", moments.type.tz), safe=False).cast(pa.int64())
        rows = self._rows_with_time(moments, first_row)
        found = np.array(stamps.drop_null())
        self.names_no_zone |= not zoned and len(found) > 0
        return self._placed(found if zoned else self._from_wall(found, rows), rows, len(moments), first_row)

    def of_numbers(self, numbers: Any, first_row: int) -> _Times:
        """µs UTC of an Arrow array of epoch numbers: seconds, ms, µs or ns, told apart by their size."""
        found = np.full(len(numbers), NO_TIME, np.int64)
        for row, number in enumerate(numbers.to_pylist()):
            try:
                found[row] = parse_timestamp(number)
            except ValueError:
                self._no_time(first_row + row, "" if number is None else number, "a time")
        return found

    def _no_time(self, row: int, text: object, what: str) -> None:
        error = wrong_cell(row, self.column, text, what)
        if not self._skip_bad:
            raise error
        self._skipped.rows += 1
        self._skipped.note(error.message)

    def _rows_with_time(self, column: Any, first_row: int) -> _Times:
        missing = np.array(column.is_null())
        for row in np.flatnonzero(missing).tolist():
            self._no_time(first_row + row, "", "a time")
        return first_row + np.flatnonzero(~missing)

    def _one_by_one(self, texts: Any, first_row: int) -> _Times:
        stamps, naive, rows = [], [], []
        for row, text in enumerate(texts.to_pylist(), first_row):
            found = None if text is None else self._of_text(text)
            if found is None:
                self._no_time(row, text or "", f"a time like {self._format}" if self._format else "a time")
                continue
            stamps.append(found[0])
            naive.append(found[1])
            rows.append(row)
        read = np.array(rows, np.int64)
        moments = self._in_zone(np.array(stamps, np.int64), np.array(naive, np.bool_), read)
        return self._placed(moments, read, len(texts), first_row)

    def _in_zone(self, stamps: _Times, naive: NDArray[np.bool_], rows: _Times) -> _Times:
        self.names_no_zone |= bool(naive.any())
        if naive.all():
            return self._from_wall(stamps, rows)
        if naive.any() and self._timezone != "UTC":
            row = int(rows[np.flatnonzero(naive)[0]])
            raise InvalidError(
                f"row {row}, column {self.column!r}: this time names no zone, others do",
                field=self.column,
                cure="write all of them with a zone, or all without",
            )
        return stamps

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

    def _from_wall(self, stamps: _Times, rows: _Times) -> _Times:
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
            raise self._not_on_the_wall(int(stamps[skipped[0]]), int(rows[skipped[0]]))
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
        return InvalidError(
            f"row {row}, column {self.column!r}: {_shown(stamp)} never was in {self._timezone}: "
            "the clock was put forward",
            field=self.column,
            cure="choose the zone that the recorder's clock has all the year, such as UTC or Etc/GMT-1 (--timezone)",
        )

    def _placed(self, stamps: _Times, rows: _Times, count: int, first_row: int) -> _Times:
        """The times of `count` rows, of which `rows` have one."""
        for place in np.flatnonzero(stamps < 0).tolist():
            self._no_time(int(rows[place]), f"{_shown(int(stamps[place]))} UTC", "after 1970")
        found = np.full(count, NO_TIME, np.int64)
        found[rows - first_row] = np.where(stamps < 0, NO_TIME, stamps)
        return found


def _shown(stamp: int) -> str:
    return (_EPOCH + timedelta(microseconds=stamp)).isoformat(" ")


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
