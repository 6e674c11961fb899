"""Quality of a sample: one byte with the OPC meaning, which Sparkplug's quality codes map onto."""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    """OPC Data Access quality; the top two bits tell bad, uncertain and good apart."""

    BAD = 0
    STALE = 20  # bad, last known value: the source is away
    UNCERTAIN = 64
    UNCERTAIN_CLOCK = 68  # the value may be fine, the device's clock is not
    GOOD = 192


USABLE = Quality.UNCERTAIN_CLOCK
"""From here on a value counts in averages and against limits: it is good, or only its clock is in doubt."""

_NAMES = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD, "stale": Quality.STALE}


def quality_name(code: int) -> str:
    """`good`, `uncertain`, `bad` or `stale`, as the API and the screens say it."""
    return _BY_CODE[code]


def _name_of(code: int) -> str:
    if code >= Quality.GOOD:
        return "good"
    if code >= Quality.UNCERTAIN:
        return "uncertain"
    return "stale" if code == Quality.STALE else "bad"


_BY_CODE = tuple(map(_name_of, range(256)))


def parse_quality(value: object) -> Quality:
    """Quality from a name, an OPC code (0 to 255) or Sparkplug's 0, 192 and 500. ValueError otherwise."""
    if isinstance(value, str):
        found = _NAMES.get(value.lower())
        if found is None:
            raise ValueError(f"quality {value[:40]!r} is not one of {', '.join(_NAMES)}")
        return found
    if isinstance(value, bool) or not isinstance(value, int) or not (0 <= value <= 255 or value == 500):
        raise ValueError("quality must be good, uncertain, bad, stale, or a code from 0 to 255")
    if value == 500 or value == Quality.STALE:
        return Quality.STALE
    if value >= Quality.GOOD:
        return Quality.GOOD
    return Quality.UNCERTAIN if value >= Quality.UNCERTAIN else Quality.BAD
