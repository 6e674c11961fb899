"""Time is int64 microseconds since 1970-01-01 UTC everywhere inside; ISO 8601 only at the edges."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from functools import lru_cache

US_PER_S = 1_000_000
US_PER_MS = 1_000
_NS_PER_US = 1_000
US_PER_HOUR = 3_600 * US_PER_S
US_PER_DAY = 24 * US_PER_HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers are told apart by size: seconds until the year 5138, then ms, µs, and from 1978 on ns.
_MAX_SECONDS = 10**11
_MAX_MILLIS = 10**14
MAX_US = 253_402_300_799 * US_PER_S  # 9999-12-31T23:59:59Z, the last second that datetime can show


def now_us() -> int:
    """Wall clock, µs UTC."""
    return time.time_ns() // 1_000


def parse_timestamp(value: object) -> int:
    """Timestamp in µs UTC from ISO 8601 text (no offset means UTC) or an epoch number (s, ms, µs or ns).

    Raises ValueError when it is neither, or lies before 1970 or after 9999.
    """
    if isinstance(value, str):
        us = us_of_iso(value.strip())
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"timestamp must be ISO 8601 text or an epoch number, not {type(value).__name__}")
    elif isinstance(value, float) and value != value:
        raise ValueError("timestamp is not a number")
    else:
        us = _from_number(value)
    if not 0 <= us <= MAX_US:
        raise ValueError(f"timestamp {value!r} lies outside 1970 to 9999")
    return us


def us_of_iso(text: str) -> int:
    """µs UTC, of any year, of ISO 8601 text; no offset means UTC. ValueError when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"timestamp {text[:40]!r} is not ISO 8601, such as 2025-01-11T10:00:00.000Z") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * US_PER_S + delta.microseconds


def _from_number(number: float) -> int:
    if abs(number) < _MAX_SECONDS:
        return round(number * US_PER_S)
    if abs(number) < _MAX_MILLIS:
        return round(number * US_PER_MS)
    if abs(number) <= MAX_US:
        return round(number)
    if math.isinf(number):
        raise ValueError("timestamp is not a number")
    return round(number / _NS_PER_US)


def to_iso(us: int) -> str:
    """ISO 8601 in UTC with milliseconds (`2025-01-11T10:00:00.000Z`); microseconds only when there are any."""
    seconds, fraction = divmod(us, US_PER_S)
    base = _whole_seconds(seconds)
    if fraction % US_PER_MS:
        return f"{base}.{fraction:06d}Z"
    return f"{base}.{fraction // US_PER_MS:03d}Z"


@lru_cache(maxsize=1_024)
def _whole_seconds(seconds: int) -> str:
    """Live samples share a few seconds: writing them anew each time would take most of `to_iso`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
