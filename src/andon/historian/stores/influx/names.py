"""Names in InfluxDB: what measurements and fields are called, and how text is escaped. Pure."""

from __future__ import annotations

import re
from typing import Final

STATE: Final = "andon_state"
RAW: Final = "andon_raw"
MINUTE: Final = "andon_minute"
HOUR: Final = "andon_hour"
"""The retention policies: what Andon remembers of itself, samples, and their sums."""

POSITIONS: Final = "andon_position"
SERIES: Final = "andon_series"
TOUCHED: Final = "andon_touched"
FLOORS: Final = "andon_floor"
NEWEST: Final = "andon_newest"
PINNED_DAYS: Final = "andon_pinned"
UNREGISTERED: Final = "unregistered"
"""The measurement of samples whose tag nobody knows."""

QUALITY, TEXT, UNUSABLE, DELAY = "_quality", "_text", "_unusable", "_delay"
_SUFFIXES: Final = (QUALITY, TEXT, UNUSABLE, DELAY)
_RESERVED: Final = frozenset({"time", "organisation", "location", "device_id", "tag_id"})
_TIERS: Final = (":minute", ":hour")
_LINE: Final = re.compile(r"[,= ]")
# A backslash cannot be escaped in line protocol, and a line break ends the line.
_FORBIDDEN: Final = {ord("\\"): "＼", ord("\n"): " ", ord("\r"): " "}


def clean(text: str) -> str:
    """The text without what line protocol cannot carry in a name."""
    return text.translate(_FORBIDDEN)


def measurement_name(device_type: str) -> str:
    """The measurement of a type of device. Names that Andon uses itself get an underscore at their end."""
    name = clean(device_type)
    reserved = name.startswith("andon_") or name.endswith(_TIERS) or name == UNREGISTERED
    return f"{name}_" if reserved else name


def tier_measurement(measurement: str, tier: str) -> str:
    """The measurement of the sums of minutes or hours. Its own name, because DELETE does not know policies."""
    return f"{measurement}:{tier}"


def field_name(tag: str) -> str:
    """The field of a tag's values: the tag's name, with an underscore at its end when that is taken.

    Different tags have different fields.
    """
    name = clean(tag)
    bare = name.rstrip("_")
    return f"{name}_" if bare.endswith(_SUFFIXES) or bare in _RESERVED else name


def key(name: str) -> str:
    """A tag key, tag value or field key, clean already, in line protocol."""
    return _LINE.sub(r"\\\g<0>", name)


def measurement_key(name: str) -> str:
    """A measurement, clean already, in line protocol."""
    return re.sub(r"[, ]", r"\\\g<0>", name)


def text_value(text: str) -> str:
    """A text field's value in line protocol; half characters become U+FFFD."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def identifier(name: str) -> str:
    """A measurement, policy or field in InfluxQL."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def literal(text: str) -> str:
    """A text in InfluxQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
