"""InfluxQL for what the store asks, and what its answers mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Columns
from andon.historian.stores.influx.client import Series
from andon.historian.stores.influx.lines import MAX_TIME, NOTHING_KIND, TEXT_KIND
from andon.historian.stores.influx.names import DELAY, QUALITY, RAW, TEXT, UNUSABLE, identifier, literal
from andon.historian.stores.influx.signals import TAGS, Place
from andon.kit.clock import US_PER_MS
from andon.kit.quality import USABLE, Quality

_KINDS: Final = (0, TEXT_KIND, NOTHING_KIND)


def source(policy: str, measurement: str) -> str:
    """What a query reads from."""
    return f"{identifier(policy)}.{identifier(measurement)}"


def within(start: int, end: int) -> str:
    """start ≤ time < end, as far as InfluxDB can count."""
    low, high = max(start, -MAX_TIME), min(end, MAX_TIME)
    return f"time >= {low}u AND time < {high}u"


def of_series(tags: Sequence[str]) -> str:
    """Exactly one series."""
    return " AND ".join(f"{identifier(name)} = {literal(value)}" for name, value in zip(TAGS, tags, strict=True))


def of_devices(series: Iterable[Sequence[str]]) -> str:
    """These series and perhaps some more: by their device ids, or tag ids."""
    at = TAGS.index("device_id")
    wanted = {("device_id", tags[at]) if tags[at] else ("tag_id", tags[at + 1]) for tags in series}
    return "(" + " OR ".join(f"{identifier(name)} = {literal(value)}" for name, value in sorted(wanted)) + ")"


GROUPED: Final = ", ".join(map(identifier, TAGS))


def samples(place: Place, start: int, end: int, limit: int, newest_first: bool) -> str:
    """The samples of a place, oldest first unless asked otherwise."""
    order = "DESC" if newest_first else "ASC"
    return (
        f"SELECT {_sample_fields(place.field)} FROM {source(RAW, place.measurement)} "  # noqa: S608 (quoted)
        f"WHERE {of_series(place.tags)} AND {within(start, end)} ORDER BY time {order} LIMIT {limit}"
    )


def newest(policy: str, measurement: str, field: str, condition: str) -> str:
    """The newest sample of each series; no condition means of all."""
    where = f"{condition} AND " if condition else ""
    return (
        f"SELECT {_sample_fields(field)} FROM {source(policy, measurement)} "  # noqa: S608
        f"WHERE {where}{within(-MAX_TIME, MAX_TIME)} GROUP BY {GROUPED} ORDER BY time DESC LIMIT 1"
    )


def count(measurement: str, field: str, condition: str) -> str:
    """How many samples each series has."""
    return (
        f"SELECT count({identifier(field + QUALITY)}) FROM {source(RAW, measurement)} "  # noqa: S608
        f"WHERE {condition} GROUP BY {GROUPED}"
    )


def qualities(measurement: str, field: str, condition: str, window: str) -> str:
    """Number of all samples, and their least and greatest quality: it tells what else has to be asked."""
    quality = identifier(field + QUALITY)
    figures = f"count({quality}), min({quality}), max({quality})"
    return f"SELECT {figures} FROM {source(RAW, measurement)} WHERE {condition} {groups(window)}"  # noqa: S608 (quoted)


def figures(measurement: str, field: str, condition: str, window: str, *, clean: bool, names: Sequence[str]) -> str:
    """Figures of the values that may be averaged. `clean`: all of them are, so that no quality has to be looked at."""
    quality = identifier(field + QUALITY)
    usable = "" if clean else f" AND {quality} >= {USABLE:d} AND {quality} < {TEXT_KIND}"
    asked = ", ".join(f"{name}({identifier(field)})" for name in names)
    return f"SELECT {asked} FROM {source(RAW, measurement)} WHERE {condition}{usable} {groups(window)}"  # noqa: S608


def not_good(measurement: str, field: str, condition: str, window: str) -> str:
    """Number of samples whose quality is not good, whatever they hold."""
    quality = identifier(field + QUALITY)
    lesser = " OR ".join(f"({quality} >= {kind} AND {quality} < {kind + Quality.GOOD:d})" for kind in _KINDS)
    table = source(RAW, measurement)
    return f"SELECT count({quality}) FROM {table} WHERE {condition} AND ({lesser}) {groups(window)}"  # noqa: S608


def worst(measurement: str, field: str, condition: str, window: str) -> str:
    """The worst quality, also where numbers and texts mix."""
    table, quality = source(RAW, measurement), identifier(field + QUALITY)
    inner = f"SELECT {quality} % {TEXT_KIND} AS q FROM {table} WHERE {condition} GROUP BY {GROUPED}"  # noqa: S608
    return f"SELECT min(q) FROM ({inner}) WHERE {condition} {groups(window)}"  # noqa: S608


def groups(window: str) -> str:
    """By series, and by time when there is a window."""
    return f"GROUP BY {window}{GROUPED} fill(none)" if window else f"GROUP BY {GROUPED}"


def window(width: int, start: int) -> str:
    """Groups by time, in windows of that width of which one begins at `start`."""
    return f"time({width}u, {start % width}u), "


def columns(found: Series) -> Columns:
    """The samples of `samples`, in the order given."""
    rows = found.values
    times, values, unusable, texts, qualities, delays = zip(*rows, strict=True) if rows else ([],) * 6
    codes = np.array(qualities, np.int64)
    kinds = codes // TEXT_KIND * TEXT_KIND
    good = kinds + USABLE <= codes
    numbers = np.where(good, floats(values), floats(unusable))
    timestamps = np.array(times, np.int64)
    return Columns(
        timestamps,
        np.where(kinds == 0, numbers, np.nan),
        (codes - kinds).astype(np.uint8),
        timestamps + np.array([each or 0 for each in delays], np.int64) * US_PER_MS,
        {row: texts[row] for row in np.flatnonzero(kinds == TEXT_KIND).tolist()},
    )


def floats(column: Sequence[Any]) -> NDArray[np.float64]:
    """Numbers; null is NaN."""
    return np.array(column, np.float64)  # numpy reads None as NaN


def tags_of(found: Series) -> tuple[str, ...]:
    """The values of `TAGS` of a series."""
    return tuple(found.tags.get(name, "") for name in TAGS)


def _sample_fields(field: str) -> str:
    names = (field, field + UNUSABLE, field + TEXT, field + QUALITY, field + DELAY)
    return ", ".join(map(identifier, names))
