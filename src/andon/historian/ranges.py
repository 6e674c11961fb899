"""Time ranges as people and programs write them: ISO 8601, epoch numbers, or relative to now (`-24h`)."""

from __future__ import annotations

import re
from typing import Final

from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_MS, US_PER_S, parse_timestamp
from andon.kit.errors import InvalidError

_RELATIVE: Final = re.compile(r"(now)?\s*([+-]?)\s*(\d{1,9})\s*(ms|s|m|h|d|w)")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_UNITS: Final = {
    "ms": US_PER_MS,
    "s": US_PER_S,
    "m": 60 * US_PER_S,
    "h": US_PER_HOUR,
    "d": US_PER_DAY,
    "w": 7 * US_PER_DAY,
}
_LATEST: Final = parse_timestamp("9999-12-31T23:59:59Z")
_CURE: Final = "use ISO 8601 (2025-01-11T10:00:00Z), an epoch number, now, or a distance from now such as -24h"


def parse_moment(text: str, now: int, field: str) -> int:
    """µs UTC from a timestamp, `now`, or a distance from now (`-15m`, `+1h`, `now-7d`). InvalidError names `field`."""
    # In a query string an unescaped plus arrives as a space.
    text = text.strip() if text.lstrip() == text else "+" + text.strip()
    if text == "now":
        return now
    relative = _RELATIVE.fullmatch(text)
    if relative:
        distance = int(relative[3]) * _UNITS[relative[4]]
        return min(max(now - distance if relative[2] == "-" else now + distance, 0), _LATEST)
    try:
        if _NUMBER.fullmatch(text):
            return parse_timestamp(float(text) if "." in text else int(text))
        return parse_timestamp(re.sub(r" (?=\d\d:?\d\d$)", "+", text) if "T" in text else text)
    except ValueError as error:
        raise InvalidError(str(error), field=field, cure=_CURE) from error


def whole_hours(start: int, end: int) -> tuple[int, int]:
    """A range of six hours or more, widened to whole hours: sums of many signals at once are there by the hour."""
    if end - start < 6 * US_PER_HOUR:
        return start, end
    return start // US_PER_HOUR * US_PER_HOUR, -(-end // US_PER_HOUR) * US_PER_HOUR


def parse_range(start: str, end: str, now: int) -> tuple[int, int]:
    """Start and end in µs UTC, start before end. InvalidError names `from` or `to`."""
    first, last = parse_moment(start, now, "from"), parse_moment(end, now, "to")
    if first >= last:
        raise InvalidError("from is not before to", field="from", cure="swap them, or choose an earlier start")
    return first, last
