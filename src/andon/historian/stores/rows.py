"""Statements of the SQLite store: a batch goes in, and a range comes out, in one statement and one row.

Each statement and each fetched row waits for the interpreter's lock while the event loop is busy: fetching
1,000 rows beside a busy thread takes 250 ms, as one row of joined columns it takes one or two.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Columns
from andon.kit.samples import SampleBatch


def _number(expression: str) -> str:
    """SQL that writes a number so that reading it gives the same number again (plainly it gets 15 digits)."""
    return f"CASE WHEN ({expression}) IS NULL THEN 'null' ELSE printf('%!.17g', {expression}) END"


SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS samples (
    tag_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, value REAL, text TEXT,
    quality INTEGER NOT NULL, received INTEGER NOT NULL, PRIMARY KEY (tag_id, timestamp)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_INSERT = """
INSERT OR REPLACE INTO samples
SELECT value ->> 0, value ->> 1, value ->> 2, {text}, value ->> 3, value ->> 4 FROM json_each(?)
"""
_INSERT_NUMBERS = _INSERT.format(text="NULL")
_INSERT_TEXTS = _INSERT.format(text="value ->> 5")
_EXISTING = """
SELECT count(*) FROM json_each(?) AS new CROSS JOIN samples AS s
ON s.tag_id = new.value ->> 0 AND s.timestamp = new.value ->> 1
"""
# Jumps from tag to tag in the key, instead of looking at every sample.
_NEWEST = """
WITH RECURSIVE tags (id) AS (
    SELECT min(tag_id) FROM samples
    UNION ALL SELECT (SELECT min(tag_id) FROM samples WHERE tag_id > id) FROM tags WHERE id IS NOT NULL
)
SELECT group_concat(id), group_concat((SELECT max(timestamp) FROM samples WHERE tag_id = id))
FROM tags WHERE id IS NOT NULL
"""
_COLUMNS = """
SELECT group_concat(tag_id), group_concat(timestamp), group_concat(<value>), group_concat(quality),
       group_concat(received), json_group_array(json_array(tag_id, timestamp, text)) FILTER (WHERE text IS NOT NULL)
FROM ({rows})
""".replace("<value>", _number("value"))
_READ = _COLUMNS.format(
    rows="""
    SELECT * FROM samples WHERE tag_id = ? AND timestamp >= ? AND timestamp < ?
    ORDER BY timestamp {order} LIMIT ?
    """
)
_READ_OLDEST = _READ.format(order="ASC")
_READ_NEWEST = _READ.format(order="DESC")
_LATEST = _COLUMNS.format(
    rows="""
    SELECT s.* FROM json_each(?) AS wanted CROSS JOIN samples AS s
    ON s.tag_id = wanted.value
    AND s.timestamp = (SELECT max(timestamp) FROM samples WHERE tag_id = wanted.value)
    """
)


def insert(db: sqlite3.Connection, batch: SampleBatch) -> None:
    """Insert or replace all samples of a batch; of equal keys the last one stays."""
    columns: list[list[object]] = [
        batch.tag_ids.tolist(),
        batch.timestamps.tolist(),
        batch.values.tolist(),
        batch.qualities.tolist(),
        batch.received.tolist(),
    ]
    if batch.texts:
        # SQLite's text functions stop at a NUL.
        texts = {i: text.replace("\0", "\ufffd") for i, text in batch.texts.items()}
        columns.append([texts.get(i) for i in range(len(batch))])
    statement = _INSERT_TEXTS if batch.texts else _INSERT_NUMBERS
    db.execute(statement, (_json(list(zip(*columns, strict=True))),))


def count_existing(db: sqlite3.Connection, batch: SampleBatch) -> int:
    """How many of the batch's keys are stored already; the keys of the batch differ from each other."""
    keys = list(zip(batch.tag_ids.tolist(), batch.timestamps.tolist(), strict=True))
    return int(db.execute(_EXISTING, (_json(keys),)).fetchall()[0][0])


def newest(db: sqlite3.Connection) -> dict[int, int]:
    """The newest timestamp of each tag."""
    ids, timestamps = db.execute(_NEWEST).fetchall()[0]
    return dict(zip(_integers(ids).tolist(), _integers(timestamps).tolist(), strict=True))


def state(db: sqlite3.Connection) -> dict[str, int]:
    """The store's own numbers: `position` and `samples`."""
    return dict(db.execute("SELECT key, value FROM state").fetchall())


def save_state(db: sqlite3.Connection, position: int, samples: int) -> None:
    """Remember the log position, and how many samples there are."""
    db.execute("INSERT OR REPLACE INTO state VALUES ('position', ?), ('samples', ?)", (position, samples))


def read(db: sqlite3.Connection, tag_id: int, start: int, end: int, limit: int, newest_first: bool) -> Columns:
    """Samples of one tag."""
    query = _READ_NEWEST if newest_first else _READ_OLDEST
    batch = _batch(db.execute(query, (tag_id, start, end, limit)).fetchall()[0])
    return Columns(batch.timestamps, batch.values, batch.qualities, batch.received, batch.texts)


def latest(db: sqlite3.Connection, tag_ids: Sequence[int]) -> SampleBatch:
    """The newest sample of each of the tags."""
    return _batch(db.execute(_LATEST, (_json(sorted(set(tag_ids))),)).fetchall()[0])


def _batch(row: Sequence[str | None]) -> SampleBatch:
    tag_ids, timestamps, values, qualities, received, texts = row
    batch = SampleBatch(
        _integers(tag_ids).astype(np.int32),
        _integers(timestamps),
        _numbers(values),
        _integers(qualities).astype(np.uint8),
        _integers(received),
    )
    if not texts or texts == "[]":
        return batch
    rows = {key: i for i, key in enumerate(zip(batch.tag_ids.tolist(), batch.timestamps.tolist(), strict=True))}
    decoded = msgspec.json.decode(texts, type=list[tuple[int, int, str]])
    return SampleBatch(
        batch.tag_ids,
        batch.timestamps,
        batch.values,
        batch.qualities,
        batch.received,
        {rows[tag, at]: text for tag, at, text in decoded},
    )


def _integers(text: str | None) -> NDArray[np.int64]:
    return np.array(msgspec.json.decode(f"[{text or ''}]", type=list[int]), np.int64)


def _numbers(text: str | None) -> NDArray[np.float64]:
    return np.array(msgspec.json.decode(f"[{text or ''}]", type=list[float | None]), np.float64)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
