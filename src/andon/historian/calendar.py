"""Buckets of a calendar: hours, days, weeks and months of a place, whatever its clocks do. Pure.

Widths up to an hour are counted from the local midnight in real time: a day of 25 hours has 25 buckets of `1h`.
Wider ones follow the clock on the wall, so a day is 23, 24 or 25 hours long and `8h` stays with the shifts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.errors import InvalidError

_PATTERN: Final = re.compile(r"(\d{1,5})\s*(s|m|h|d|w|mo|y)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400, "mo": 2_592_000, "y": 31_536_000}
_SHORT: Final = US_PER_HOUR
_MONDAY: Final = date(1970, 1, 5).toordinal()  # weeks begin on Mondays (ISO 8601)
_DAYS: Final = {"d": 1, "w": 7}
_MONTHS: Final = {"mo": 1, "y": 12}
_LAST_YEAR: Final = 9_998
_END: Final = 253_402_300_800 * US_PER_S  # after 9999-12-31 there are no dates to make edges of


@dataclass(frozen=True, slots=True)
class Width:
    """A bucket's width as it was asked for: `count` of `unit` (s, m, h, d, w, mo, y)."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def us(self) -> int:
        """Its usual length in µs; days and longer ones vary."""
        return self.count * _SECONDS[self.unit] * US_PER_S

    @property
    def varies(self) -> bool:
        """Whether its buckets may be of different lengths."""
        return self.us > _SHORT


def parse_width(text: str, field: str = "bucket") -> Width:
    """`15m`, `1h`, `1d`, `1w`, `1mo`, `1y`. InvalidError names `field`."""
    found = _PATTERN.fullmatch(text.strip())
    width = Width(int(found[1]), found[2]) if found else None
    if width is None or width.count == 0 or (width.unit in ("s", "m", "h") and width.us > US_PER_DAY):
        raise InvalidError(
            f"{field} {text[:20]!r} is no width of buckets",
            field=field,
            cure="use a number and s, m, h (up to 24h), d, w, mo or y, such as 15m, 1h, 1d or 1mo",
        )
    return width


@lru_cache(maxsize=256)
def zone_of(name: str, field: str = "timezone") -> ZoneInfo:
    """The time zone of an IANA name. InvalidError names `field`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidError(
            f"there is no time zone {name[:60]!r}", field=field, cure="use an IANA name such as Europe/Berlin or UTC"
        ) from error


def bucket_edges(width: Width, start: int, end: int, zone: ZoneInfo, most: int) -> NDArray[np.int64]:
    """k + 1 ascending edges (µs UTC) of the buckets that hold start to end; the outer ones may reach beyond it.

    InvalidError when there would be more than `most` buckets.
    """
    if (end - start) // width.us > 2 * most:
        raise _too_many(width, most)
    moments = _edges_from(width, _local_date(start, zone), zone)
    edges = np.unique(np.fromiter(_until(moments, end), np.int64))
    edges = edges[max(int(np.searchsorted(edges, start, side="right")) - 1, 0) :]
    if len(edges) - 1 > most:
        raise _too_many(width, most)
    return edges


def _too_many(width: Width, most: int) -> InvalidError:
    return InvalidError(
        f"the range has more than {most} buckets of {width}", field="bucket", cure="ask for wider ones, or less time"
    )


def _until(moments: Iterator[int], end: int) -> Iterator[int]:
    """All moments before `end`, and the first that is not."""
    yield from takewhile(lambda moment: moment < end, (last := _Remember(moments)))
    yield last.seen


class _Remember:
    """An iterator that knows what it gave last."""

    def __init__(self, source: Iterator[int]) -> None:
        self._source = source
        self.seen = 0

    def __iter__(self) -> _Remember:
        return self

    def __next__(self) -> int:
        self.seen = next(self._source)
        return self.seen


def _edges_from(width: Width, first: date, zone: ZoneInfo) -> Iterator[int]:
    """Edges from at or before the local day `first` to the end of all dates; not strictly ascending where a day is
    skipped.
    """
    if width.unit in _MONTHS:
        yield from _months(first, width.count * _MONTHS[width.unit], zone)
    elif width.unit in _DAYS:
        step = width.count * _DAYS[width.unit]
        begin = first.toordinal() - (first.toordinal() - _MONDAY) % step
        for day in range(begin, date.max.toordinal() + 1, step):
            yield midnight(date.fromordinal(day), zone)
    else:
        for day in range(first.toordinal(), date.max.toordinal()):
            yield from _within_day(width.us, date.fromordinal(day), date.fromordinal(day + 1), zone)
        yield midnight(date.max, zone)
    yield _END


def _months(first: date, step: int, zone: ZoneInfo) -> Iterator[int]:
    month = first.year * 12 + first.month - 1
    for begin in range(month - month % step, (date.max.year + 1) * 12, step):
        year, index = divmod(begin, 12)
        yield midnight(date(max(year, 1), index + 1, 1), zone)


def _within_day(width_us: int, day: date, following: date, zone: ZoneInfo) -> Iterator[int]:
    if width_us <= _SHORT:
        yield from range(midnight(day, zone), midnight(following, zone), width_us)
        return
    for wall in range(0, US_PER_DAY, width_us):
        yield _moment(datetime(day.year, day.month, day.day) + timedelta(microseconds=wall), zone)


def midnight(day: date, zone: ZoneInfo) -> int:
    """The first moment of a local day, µs UTC."""
    return _moment(datetime(day.year, day.month, day.day), zone)


def _moment(wall: datetime, zone: ZoneInfo) -> int:
    """Of two moments with the same time on the wall the first; of a time that is skipped, the end of the gap or later.

    The time zone's own arithmetic does so: with fold 0 the offset from before the change counts.
    """
    return round(wall.replace(tzinfo=zone).timestamp()) * US_PER_S


def _local_date(moment: int, zone: ZoneInfo) -> date:
    at = datetime.fromtimestamp(moment // US_PER_S, UTC)
    if at.year > _LAST_YEAR:
        raise InvalidError(f"the range begins after {_LAST_YEAR}", field="from", cure="choose an earlier start")
    return at.astimezone(zone).date()
