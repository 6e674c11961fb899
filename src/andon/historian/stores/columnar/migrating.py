"""History of the first release, rows in `history.db`, becomes files: at start, and from where it stopped if it was
interrupted. Rows that came twice are merged like any others.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from andon.historian.stores.columnar.sealing import seal
from andon.historian.stores.columnar.state import State
from andon.kit.clock import US_PER_DAY
from andon.kit.samples import PINNED, SampleBatch, concatenate

logger = logging.getLogger(__name__)
_NOTE: Final = "migrated to"
_PAGE: Final = 100_000
_AT_ONCE: Final = 1_000_000
_RECENT: Final = 7 * US_PER_DAY
_SELECT: Final = """
SELECT tag_id, timestamp, value, text, quality, received FROM samples
WHERE (tag_id, timestamp) > (?, ?) ORDER BY tag_id, timestamp LIMIT ?
"""
Key = tuple[int, int]


def migrate(state: State, old: Path) -> int:
    """Take over the file if it is there, then rename it. Returns how many samples there were.

    What is older than a week is pinned: retention, which there was none of, takes nothing that was kept before.
    sqlite3.Error or OSError when it cannot be read, UnavailableError when there is no room: it is there still.
    """
    if not old.exists():
        return 0
    count = 0
    with sqlite3.connect(f"file:{old}?mode=rw", uri=True, isolation_level=None) as db:
        done = _done(state)
        logger.info("history of an earlier release is taken over", extra={"file": str(old)})
        for batch in _batches(db, done):
            state.take(_pinned(batch, state.clock() - _RECENT), state.durable(0), 0)
            state.newest.take(batch)
            seal(state)
            last = (int(batch.tag_ids[-1]), int(batch.timestamps[-1]))
            state.remember({_NOTE: msgspec.json.encode(last).decode()})
            count += len(batch)
            logger.info("samples taken over", extra={"samples": count})
        row = db.execute("SELECT value FROM state WHERE key = 'position'").fetchone()
    db.close()
    if row is not None and row[0] > state.durable(0):
        state.take(SampleBatch.empty(), int(row[0]), 0)
        state.settle_positions()
    old.rename(old.with_name(old.name + ".migrated"))
    for suffix in ("-wal", "-shm"):
        old.with_name(old.name + suffix).unlink(missing_ok=True)
    return count


def _done(state: State) -> Key:
    note = state.note(_NOTE)
    return msgspec.json.decode(note, type=tuple[int, int]) if note else (-(1 << 31) - 1, 0)


def _batches(db: sqlite3.Connection, after: Key) -> Iterator[SampleBatch]:
    pages: list[SampleBatch] = []
    while True:
        rows = db.execute(_SELECT, (*after, _PAGE)).fetchall()
        if rows:
            after = (rows[-1][0], rows[-1][1])
            pages.append(_batch(rows))
        if pages and (not rows or sum(map(len, pages)) >= _AT_ONCE):
            yield concatenate(pages)
            pages = []
        if not rows:
            return


def _batch(rows: list[tuple[int, int, float | None, str | None, int, int]]) -> SampleBatch:
    tags, times, values, texts, qualities, received = zip(*rows, strict=True)
    return SampleBatch(
        np.array(tags, np.int32),
        np.array(times, np.int64),
        np.array([np.nan if value is None else value for value in values], np.float64),
        np.array(qualities, np.uint8),
        np.array(received, np.int64),
        {row: text for row, text in enumerate(texts) if text is not None},
    )


def _pinned(batch: SampleBatch, before: int) -> SampleBatch:
    marks = np.where(batch.timestamps < before, np.uint8(PINNED), np.uint8(0))
    return SampleBatch(
        batch.tag_ids, batch.timestamps, batch.values, batch.qualities, batch.received, batch.texts, marks
    )
