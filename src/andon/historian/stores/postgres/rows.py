"""Samples and sums as they lie in the tables. Each question is one statement, each answer one row of joined columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Columns
from andon.historian.rollup import TierRows
from andon.historian.stores.postgres.binary import column, int4s, joined, moment, moments, times
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.partitions import Partition
from andon.historian.stores.postgres.spans import Intervals
from andon.historian.stores.postgres.tables import SUMS, TABLES, TIME_COLUMNS, Tier
from andon.kit.samples import SampleBatch

_TEXTED: Final = "FILTER (WHERE text IS NOT NULL)"
_SAMPLES: Final = f"""
SELECT {joined("tag_id", "int4")}, {joined("timestamp", "timestamptz_")}, {joined("coalesce(value, 'NaN')", "float8")},
    {joined("quality", "int2")}, {joined("received", "timestamptz_")},
    {joined("tag_id", "int4")} {_TEXTED}, {joined("timestamp", "timestamptz_")} {_TEXTED}, array_agg(text) {_TEXTED}
FROM ({{rows}}) AS rows
"""
_PLAIN: Final = "tag_id, timestamp, value, quality, received, text"
_READ: Final = """
SELECT {columns} FROM samples WHERE tag_id = %s AND timestamp >= %b AND timestamp < %b
ORDER BY timestamp {order} LIMIT %s
"""
_READ_OLDEST: Final = _SAMPLES.format(rows=_READ.format(columns=_PLAIN, order="ASC"))
_READ_NEWEST: Final = _SAMPLES.format(rows=_READ.format(columns=_PLAIN, order="DESC"))
_SPANS: Final = """
SELECT held.* FROM unnest(%b::int4[], %b::timestamptz[], %b::timestamptz[]) AS span (tag_id, start, until)
CROSS JOIN LATERAL (SELECT {columns} FROM {table} AS found WHERE found.tag_id = span.tag_id
    AND found.{time} >= span.start AND found.{time} < span.until ORDER BY found.{time}) AS held
"""
_MANY: Final = _SAMPLES.format(rows=_SPANS.format(columns=_PLAIN, table="samples", time="timestamp"))
_COUNT: Final = f"SELECT count(*) FROM ({_SPANS.format(columns='1', table='samples', time='timestamp')}) AS rows"
_LATEST_OF: Final = """
SELECT newest.* FROM unnest(%b::int4[]) AS wanted (tag_id) CROSS JOIN LATERAL
(SELECT {columns} FROM samples s WHERE s.tag_id = wanted.tag_id AND s.timestamp >= %b
    ORDER BY timestamp DESC LIMIT 1) AS newest
"""
_LATEST: Final = _SAMPLES.format(rows=_LATEST_OF.format(columns=_PLAIN))
_DROPPED: Final = _SAMPLES.format(rows=f"SELECT {_PLAIN} FROM history.newest WHERE tag_id = ANY(%b::int4[])")

_TAGS: Final = f"""
WITH RECURSIVE tags (tag_id) AS (
    (SELECT tag_id FROM {{table}} WHERE {{time}} >= %(start)b AND {{time}} < %(until)b ORDER BY tag_id LIMIT 1)
    UNION ALL SELECT (SELECT held.tag_id FROM {{table}} AS held WHERE held.tag_id > tags.tag_id
        AND {{time}} >= %(start)b AND {{time}} < %(until)b ORDER BY held.tag_id LIMIT 1)
    FROM tags WHERE tags.tag_id IS NOT NULL
) SELECT {joined("tag_id", "int4")} FROM tags WHERE tag_id IS NOT NULL
"""
_SUM: Final[tuple[tuple[str, str, str], ...]] = (
    ("tag_id", "int4", ">i4"),
    ("start", "timestamptz_", "time"),
    ("count", "int4", ">i4"),
    ("total", "int4", ">i4"),
    ("good", "int4", ">i4"),
    *((name, "float8", ">f8") for name in ("min", "max", "mean", "m2", "first")),
    ("first_at", "timestamptz_", "time"),
    ("last", "float8", ">f8"),
    ("last_at", "timestamptz_", "time"),
    ("quality", "int2", ">i2"),
)
"""(column, send function, its format), in the order of TierRows' fields."""
_DTYPES: Final = (np.int32, *[np.int64] * 4, *[np.float64] * 5, np.int64, np.float64, np.int64, np.uint8)


def read(connection: Connection, tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
    """Samples of one tag."""
    query = _READ_NEWEST if newest_first else _READ_OLDEST
    batch = _batch(connection, query, (tag_id, moment(start), moment(end), limit))
    return Columns(batch.timestamps, batch.values, batch.qualities, batch.received, batch.texts)


def samples(connection: Connection, tag_ids: Sequence[int], intervals: Intervals) -> SampleBatch:
    """All samples of tags in some intervals, by tag and time when the tags ascend."""
    return spans(connection, *product(tag_ids, intervals))


def spans(
    connection: Connection, tag_ids: NDArray[np.int32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> SampleBatch:
    """All samples of spans, each a tag and a time, in their order."""
    if not len(tag_ids):
        return SampleBatch.empty()
    return _batch(connection, _MANY, (int4s(tag_ids), times(starts), times(ends)))


def count(connection: Connection, tag_ids: Sequence[int], intervals: Intervals) -> int:
    """How many samples of tags there are in some intervals."""
    tags, starts, ends = product(tag_ids, intervals)
    row = connection.execute(_COUNT, (int4s(tags), times(starts), times(ends))).fetchone()
    return int(row[0]) if row else 0


def latest(connection: Connection, tag_ids: Sequence[int], since: int) -> SampleBatch:
    """The newest sample of each tag that has one since a time, by tag id."""
    return _batch(connection, _LATEST, (int4s(np.unique(np.array(tag_ids, np.int64))), moment(since)))


def dropped(connection: Connection, tag_ids: Sequence[int]) -> SampleBatch:
    """The last sample of each of the tags whose samples retention has dropped."""
    return _batch(connection, _DROPPED, (int4s(np.unique(np.array(tag_ids, np.int64))),))


def sums(
    connection: Connection, tier: Tier, tag_ids: NDArray[np.int32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> TierRows:
    """All sums of a tier that begin in the spans, in their order."""
    if not len(tag_ids):
        return TierRows.empty()
    inner = _SPANS.format(columns=", ".join(name for name, _, _ in _SUM), table=SUMS[tier], time="start")
    outer = ", ".join(joined(f"coalesce({name}, 'NaN')" if kind == "float8" else name, kind) for name, kind, _ in _SUM)
    return tier_rows(connection, f"SELECT {outer} FROM ({inner}) AS rows", (int4s(tag_ids), times(starts), times(ends)))


def tags_of(connection: Connection, partition: Partition) -> NDArray[np.int32]:
    """Tags that have rows in a partition: one jump in its index for each."""
    query = _TAGS.format(table=TABLES[partition.tier], time=TIME_COLUMNS[partition.tier])
    bounds = {"start": moment(partition.start), "until": moment(partition.until)}
    row = connection.execute(query, bounds, binary=True).fetchone()
    return np.asarray(column(row[0] if row else None, ">i4"))


def tier_rows(connection: Connection, query: str, parameters: Sequence[Any]) -> TierRows:
    """Sums from a statement that joins the columns of `_SUM`."""
    row = connection.execute(query, parameters, binary=True).fetchone()
    assert row is not None
    columns = [
        (moments(data) if format_ == "time" else column(data, format_)).astype(dtype)
        for data, (_, _, format_), dtype in zip(row, _SUM, _DTYPES, strict=True)
    ]
    return TierRows(*columns)


def product(
    tag_ids: Sequence[int], intervals: Intervals
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The spans of every tag in every interval: tags, starts, ends; by tag, then time."""
    tags = np.repeat(np.array(tag_ids, np.int32), len(intervals))
    return tags, np.tile(intervals[:, 0], len(tag_ids)), np.tile(intervals[:, 1], len(tag_ids))


def _batch(connection: Connection, query: str, parameters: Sequence[Any]) -> SampleBatch:
    row = connection.execute(query, parameters, binary=True).fetchone()
    assert row is not None
    batch = SampleBatch(
        column(row[0], ">i4"),
        moments(row[1]),
        column(row[2], ">f8"),
        column(row[3], ">i2").astype(np.uint8),
        moments(row[4]),
    )
    if row[7] is None:
        return batch
    absent = np.flatnonzero(np.isnan(batch.values))
    keys = zip(batch.tag_ids[absent].tolist(), batch.timestamps[absent].tolist(), strict=True)
    places = dict(zip(keys, absent.tolist(), strict=True))
    texts = zip(column(row[5], ">i4").tolist(), moments(row[6]).tolist(), row[7], strict=True)
    return replace(batch, texts={places[tag, at]: text for tag, at, text in texts})
