"""InfluxQL that makes the sums of minutes and hours out of samples, and reads them. Pure."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Final

import numpy as np

from andon.historian.model import Source
from andon.historian.rollup import TierRows
from andon.historian.stores.influx import queries
from andon.historian.stores.influx.client import Series
from andon.historian.stores.influx.lines import TEXT_KIND
from andon.historian.stores.influx.names import HOUR, MINUTE, QUALITY, RAW, identifier, key, tier_measurement
from andon.historian.stores.influx.signals import Place
from andon.kit.clock import US_PER_HOUR, US_PER_S
from andon.kit.quality import USABLE, Quality

POLICIES: Final[dict[Source, str]] = {"raw": RAW, "minute": MINUTE, "hour": HOUR}
WIDTHS: Final[dict[Source, int]] = {"minute": 60 * US_PER_S, "hour": US_PER_HOUR}
FIGURES: Final = ("min", "max", "mean", "stddev", "first", "last")
"""Of the values that may be averaged, in InfluxQL's words."""
_COLUMNS: Final = (*FIGURES, "total", "count", "worst", "lesser")
"""Of a tier, after the tag's field and an underscore. `count` is left out where it is the total, `worst` where it is
good, `lesser`, the number of samples that are not good, where it is 0. A row without a mean has no usable value.
"""


def table(tier: Source, measurement: str) -> str:
    """What the rows of a tier are read from."""
    return queries.source(POLICIES[tier], tier_measurement(measurement, tier))


def bounds(measurement: str, fields: Sequence[str], when: str) -> str:
    """The least and the greatest quality of each field."""
    asked = ", ".join(f"min({_quality(field)}), max({_quality(field)})" for field in fields)
    return f"SELECT {asked} FROM {queries.source(RAW, measurement)} WHERE {when}"  # noqa: S608 (quoted)


def make_good(database: str, measurement: str, fields: Sequence[str], when: str) -> str:
    """Write the minutes of fields whose samples are all numbers of good quality: one look at each."""
    asked = [f"{name}({identifier(field)}) AS {column(field, name)}" for field in fields for name in FIGURES] + [
        f"count({_quality(field)}) AS {column(field, 'total')}" for field in fields
    ]
    return f"SELECT {', '.join(asked)} {_into_minutes(database, measurement, when)}"


def make_any(database: str, measurement: str, field: str, when: str) -> list[str]:
    """Write the minutes of a field whatever its samples are."""
    quality = _quality(field)
    values = ", ".join(f"{name}({identifier(field)}) AS {column(field, name)}" for name in ("count", *FIGURES))
    usable = f"{quality} >= {USABLE:d} AND {quality} < {TEXT_KIND}"
    raw = queries.source(RAW, measurement)
    codes = f"(SELECT {quality} % {TEXT_KIND} AS q FROM {raw} WHERE {when} GROUP BY *)"  # noqa: S608
    worst = f"count(q) AS {column(field, 'total')}, min(q) AS {column(field, 'worst')}"
    lesser = f"count(q) AS {column(field, 'lesser')}"
    return [
        f"SELECT {values} {_into_minutes(database, measurement, f'{when} AND {usable}')}",
        f"SELECT {worst} {_into_minutes(database, measurement, when, codes)}",
        f"SELECT {lesser} {_into_minutes(database, measurement, f'{when} AND q < {Quality.GOOD:d}', codes)}",
    ]


def _into_minutes(database: str, measurement: str, condition: str, source: str | None = None) -> str:
    into = f"{identifier(database)}.{table('minute', measurement)}"
    table_ = source or queries.source(RAW, measurement)
    return f"INTO {into} FROM {table_} WHERE {condition} GROUP BY time({WIDTHS['minute']}u), * fill(none)"


def read(tier: Source, measurement: str, field: str, condition: str) -> str:
    """The rows of a tier, series by series."""
    columns = ", ".join(column(field, name) for name in _COLUMNS)
    return f"SELECT {columns} FROM {table(tier, measurement)} WHERE {condition} GROUP BY {queries.GROUPED}"  # noqa: S608


def rows(tag: int, found: Series, order: int) -> TierRows:
    """The answer of `read`, for one tag. `order`: of a tag's stretches that meet in a row."""
    at = 1 + _COLUMNS.index("total")
    # A row may belong to another field of the device: then this one's total is null.
    cells = [row for row in found.values if row[at] is not None]
    starts = np.array([row[0] for row in cells], np.int64)
    figures = np.array([row[1:] for row in cells], np.float64).reshape(len(cells), len(_COLUMNS))  # null is NaN
    means, totals, counts, worst, lesser = figures.T[[2, 6, 7, 8, 9]]
    counts = np.where(np.isnan(means), 0, np.where(np.isnan(counts), totals, counts)).astype(np.int64)
    # What was there before the last usable value of a row was corrected still is: it does not count.
    low, high, means, sds, firsts, lasts = (np.where(counts > 0, each, np.nan) for each in figures.T[:6])
    with np.errstate(invalid="ignore", over="ignore"):
        m2s = np.where(counts > 1, np.square(sds) * (counts - 1), 0.0)
    return TierRows(
        tag_ids=np.full(len(cells), tag, np.int32),
        starts=starts,
        counts=counts,
        totals=totals.astype(np.int64),
        goods=(totals - np.nan_to_num(lesser)).astype(np.int64),
        minima=low,
        maxima=high,
        means=means,
        m2s=m2s,
        firsts=firsts,
        first_ats=starts + order,
        lasts=lasts,
        last_ats=starts + order,
        qualities=np.nan_to_num(worst, nan=float(Quality.GOOD)).astype(np.uint8),
    )


def lines(tier: Source, place: Place, rows: TierRows) -> list[bytes]:
    """Rows of one tag as lines."""
    head = place._replace(measurement=tier_measurement(place.measurement, tier)).head
    field = key(place.field + "_")
    with np.errstate(invalid="ignore", divide="ignore"):
        sds = np.where(rows.counts > 1, np.sqrt(rows.m2s / np.maximum(rows.counts - 1, 1)), np.nan)
    named = (rows.minima, rows.maxima, rows.means, sds, rows.firsts, rows.lasts)
    made = []
    for row in range(len(rows)):
        figures = zip(FIGURES, (float(each[row]) for each in named), strict=True)
        parts = [f"{field}{name}={_finite(value)!r}" for name, value in figures if not math.isnan(value)]
        parts.append(f"{field}total={rows.totals[row]}i,{field}count={rows.counts[row]}i")
        parts.append(f"{field}worst={rows.qualities[row]}i,{field}lesser={rows.totals[row] - rows.goods[row]}i")
        made.append(f"{head} {','.join(parts)} {rows.starts[row]}".encode())
    return made


def _finite(value: float) -> float:
    """InfluxDB does not know infinity."""
    return min(max(value, -sys.float_info.max), sys.float_info.max)


def _quality(field: str) -> str:
    return identifier(field + QUALITY)


def column(field: str, name: str) -> str:
    """A column of a tier: the field's name and the figure's."""
    return identifier(f"{field}_{name}")


def remove(tier: Source, measurements: Sequence[str], condition: str) -> list[str]:
    """Statements that remove rows of a tier, or samples."""
    names = measurements if tier == "raw" else [tier_measurement(name, tier) for name in measurements]
    return [f"DELETE FROM {identifier(name)} WHERE {condition}" for name in names]  # noqa: S608
