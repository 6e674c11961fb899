"""InfluxQL that makes the sums of minutes and hours out of samples, and reads them. Pure."""

from __future__ import annotations

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
from andon.kit.quality import USABLE

POLICIES: Final[dict[Source, str]] = {"raw": RAW, "minute": MINUTE, "hour": HOUR}
WIDTHS: Final[dict[Source, int]] = {"minute": 60 * US_PER_S, "hour": US_PER_HOUR}
_FUNCTIONS: Final = ("count", "min", "max", "mean", "stddev", "first", "last")
_COLUMNS: Final = (*_FUNCTIONS, "total", "worst", "good")


def table(tier: Source, measurement: str) -> str:
    """What the rows of a tier are read from."""
    return queries.source(POLICIES[tier], tier_measurement(measurement, tier))


def make(tier: Source, database: str, measurement: str, field: str, hour: int, *, mixed: bool) -> list[str]:
    """Statements that write the rows of one hour. `mixed`: texts, or samples without a value, are among them."""
    into = f"{identifier(database)}.{table(tier, measurement)}"
    raw, quality = queries.source(RAW, measurement), identifier(field + QUALITY)
    when = queries.within(hour, hour + US_PER_HOUR)
    groups = f"GROUP BY time({WIDTHS[tier]}u), * fill(none)"
    values = ", ".join(f"{name}({identifier(field)}) AS {column(field, name)}" for name in _FUNCTIONS)
    usable = f"{quality} >= {USABLE:d} AND {quality} < {TEXT_KIND}"
    codes = f"(SELECT {quality} % {TEXT_KIND} AS q FROM {raw} WHERE {when} GROUP BY *)"  # noqa: S608 (quoted)
    code, source = ("q", codes) if mixed else (quality, raw)
    all_ = f"count({code}) AS {column(field, 'total')}, min({code}) AS {column(field, 'worst')}"
    good = f"count({quality}) AS {column(field, 'good')}"
    return [
        f"SELECT {values} INTO {into} FROM {raw} WHERE {when} AND {usable} {groups}",  # noqa: S608
        f"SELECT {all_} INTO {into} FROM {source} WHERE {when} {groups}",  # noqa: S608
        f"SELECT {good} INTO {into} FROM {raw} WHERE {when} AND ({queries.good(quality)}) {groups}",  # noqa: S608
    ]


def highest(measurement: str, field: str, hour: int) -> str:
    """The highest quality of an hour: it tells whether there is more than numbers."""
    when = queries.within(hour, hour + US_PER_HOUR)
    return f"SELECT max({identifier(field + QUALITY)}) FROM {queries.source(RAW, measurement)} WHERE {when}"  # noqa: S608


def read(tier: Source, measurement: str, field: str, condition: str) -> str:
    """The rows of a tier, series by series."""
    columns = ", ".join(column(field, name) for name in _COLUMNS)
    return f"SELECT {columns} FROM {table(tier, measurement)} WHERE {condition} GROUP BY {queries.GROUPED}"  # noqa: S608


def rows(tag: int, found: Series, order: int) -> TierRows:
    """The answer of `read`, for one tag. `order`: of a tag's stretches that meet in a row."""
    # A row may belong to another field of the device: then this one's total is null.
    cells = [row for row in found.values if row[8] is not None]
    table_ = np.array(cells, np.float64).reshape(len(cells), len(_COLUMNS) + 1)  # null is NaN
    starts = np.array([row[0] for row in cells], np.int64)
    counts = np.nan_to_num(table_[:, 1]).astype(np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        m2s = np.where(counts > 1, np.square(table_[:, 5]) * (counts - 1), 0.0)
    return TierRows(
        tag_ids=np.full(len(cells), tag, np.int32),
        starts=starts,
        counts=counts,
        totals=table_[:, 8].astype(np.int64),
        goods=np.nan_to_num(table_[:, 10]).astype(np.int64),
        minima=table_[:, 2],
        maxima=table_[:, 3],
        means=table_[:, 4],
        m2s=m2s,
        firsts=table_[:, 6],
        first_ats=starts + order,
        lasts=table_[:, 7],
        last_ats=starts + order,
        qualities=table_[:, 9].astype(np.uint8),
    )


def column(field: str, name: str) -> str:
    """A column of a tier: the field's name and the figure's."""
    return identifier(f"{field}_{name}")


def remove(tier: Source, measurements: Sequence[str], condition: str) -> list[str]:
    """Statements that remove rows of a tier, or samples."""
    names = measurements if tier == "raw" else [tier_measurement(name, tier) for name in measurements]
    return [f"DELETE FROM {identifier(name)} WHERE {condition}" for name in names]  # noqa: S608


def lines(tier: Source, place: Place, rows: TierRows) -> list[bytes]:
    """Rows of one tag as lines, for what InfluxDB cannot work out itself."""
    head = place._replace(measurement=tier_measurement(place.measurement, tier)).head
    made = []
    for row in range(len(rows)):
        count = int(rows.counts[row])
        figures: dict[str, float] = {}
        if count:
            sd = float(np.sqrt(rows.m2s[row] / (count - 1))) if count > 1 else 0.0
            columns = (rows.minima, rows.maxima, rows.means, np.full(len(rows), sd), rows.firsts, rows.lasts)
            figures = dict(zip(_FUNCTIONS[1:], (float(each[row]) for each in columns), strict=True))
        whole = {"count": count, "total": rows.totals[row], "worst": rows.qualities[row], "good": rows.goods[row]}
        fields = [f"{key(f'{place.field}_{name}')}={value!r}" for name, value in figures.items() if np.isfinite(value)]
        fields += [f"{key(f'{place.field}_{name}')}={value}i" for name, value in whole.items()]
        made.append(f"{head} {','.join(fields)} {rows.starts[row]}".encode())
    return made
