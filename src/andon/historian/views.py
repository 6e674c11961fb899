"""Columns as the API shows them: ISO timestamps, quality by name, null where there is no value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Buckets, Columns, Statistics
from andon.kit.clock import US_PER_MS, US_PER_S
from andon.kit.quality import quality_name

_PART = 2_000
_QUALITY_NAMES = tuple(quality_name(code) for code in range(256))


def iso_column(timestamps: NDArray[np.int64]) -> list[str]:
    """ISO 8601 in UTC, as `kit.clock.to_iso` writes it: milliseconds, microseconds only where there are any."""
    moments = timestamps.astype("M8[us]")
    texts = np.datetime_as_string(moments, unit="ms")
    fine = np.flatnonzero(timestamps % US_PER_MS)
    if len(fine):
        texts = texts.astype("U26")
        texts[fine] = np.datetime_as_string(moments[fine], unit="us")
    return [f"{text}Z" for text in texts.tolist()]


def value_column(values: NDArray[np.float64]) -> list[float | None]:
    """Numbers, and None where there is none (NaN)."""
    column: list[float | None] = values.tolist()
    for row in np.flatnonzero(~np.isfinite(values)).tolist():
        column[row] = None
    return column


def quality_column(qualities: NDArray[np.uint8]) -> list[str]:
    """Names of the qualities."""
    return [_QUALITY_NAMES[code] for code in qualities.tolist()]


def shown(columns: Columns) -> Iterator[tuple[str, float | str | None, str]]:
    """(timestamp, value or text, quality) of each sample."""
    values: list[Any] = value_column(columns.values)
    for row, text in columns.texts.items():
        values[row] = text
    return zip(iso_column(columns.timestamps), values, quality_column(columns.qualities), strict=True)


def readings(columns: Columns) -> list[dict[str, Any]]:
    """Samples as the history endpoint lists them."""
    return [{"timestamp": at, "value": value, "quality": quality} for at, value, quality in shown(columns)]


def rendered(count: int, rows: Callable[[slice], list[dict[str, Any]]]) -> bytes:
    """A JSON list of readings, encoded in parts: each keeps the interpreter's lock for a few ms at most."""
    parts = (msgspec.json.encode(rows(slice(start, start + _PART)))[1:-1] for start in range(0, count, _PART))
    return b"[" + b",".join(parts) + b"]"


def bucket_readings(buckets: Buckets, *, detailed: bool = False) -> list[dict[str, Any]]:
    """Buckets as the history endpoint lists them; `value` is the mean, `timestamp` the bucket's start."""
    names = ["timestamp", "value", "quality", "min", "max", "count"]
    columns: list[list[Any]] = [
        iso_column(buckets.starts),
        value_column(buckets.means),
        quality_column(buckets.qualities),
        value_column(buckets.minima),
        value_column(buckets.maxima),
        buckets.counts.tolist(),
    ]
    if detailed:
        names += ["sd", "first", "last", "goodShare"]
        columns += map(value_column, (buckets.sds, buckets.firsts, buckets.lasts, buckets.good_shares))
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def statistics_view(found: Statistics | None) -> dict[str, Any]:
    """Statistics as the API shows them: null, never 0, where there is nothing."""
    if found is None:
        names = ("mean", "median", "sd", "min", "max", "p5", "p95", "first", "last", "goodShare")
        return {"count": 0, **dict.fromkeys(names)}
    return {
        "count": found.count,
        "mean": found.mean,
        "median": found.median,
        "sd": found.sd,
        "min": found.min,
        "max": found.max,
        "p5": found.p5,
        "p95": found.p95,
        "first": found.first,
        "last": found.last,
        "goodShare": found.good_share,
        **({"approximate": True} if found.approximate else {}),
    }


def seconds(us: int) -> float:
    """µs as seconds."""
    return us / US_PER_S
