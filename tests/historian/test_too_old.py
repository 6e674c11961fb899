"""What comes after retention took its day is set aside; what was sent as history is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import DEAD_LETTERS
from andon.historian.retention import PRESETS, RetentionPolicies
from andon.historian.too_old import TooOld
from andon.kit.clock import US_PER_DAY
from andon.kit.samples import IMPORTED, PINNED, SampleBatch

NOW = 1_736_589_600_000_000  # 2025-01-11T10:00:00Z


def sample(days_ago: float, received_days_ago: float = 0.0) -> SampleBatch:
    at, received = NOW - round(days_ago * US_PER_DAY), NOW - round(received_days_ago * US_PER_DAY)
    return SampleBatch.from_rows([(1, at, 1.0, 192, received)])


@pytest.fixture
def too_old() -> TooOld:
    return TooOld(lambda: RetentionPolicies(PRESETS["s2"]), max_age_days=30, clock=lambda: NOW)


async def test_late_samples_of_days_that_are_gone_become_one_dead_letter(tmp_path: Path, too_old: TooOld) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db")
    assert len(await too_old.set_aside(log, sample(20), 1, 0)) == 0
    assert len(await too_old.set_aside(log, sample(2), 2, 0)) == 1
    letters = await log.read(DEAD_LETTERS, 0)
    assert (len(letters), too_old.count) == (1, 1)
    assert b"older_than_retention" in letters[0].payload
    await log.close()


async def test_what_was_sent_as_history_is_kept_and_outlives_retention(tmp_path: Path, too_old: TooOld) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db")
    kept = await too_old.set_aside(log, sample(4000), 1, 0)
    assert kept.marked(PINNED).tolist() == [True]
    again = await too_old.set_aside(log, sample(4000, received_days_ago=3), 1, 0)
    assert again.marked(PINNED).tolist() == [True], "the log read again days later says the same"
    assert await log.end(DEAD_LETTERS) == 0
    await log.close()


async def test_an_import_that_is_not_to_be_kept_is_not_pinned(tmp_path: Path, too_old: TooOld) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db")
    assert len(await too_old.set_aside(log, sample(4000).with_marks(IMPORTED), 1, 0)) == 0
    assert len(await too_old.set_aside(log, sample(4000).with_marks(IMPORTED | PINNED), 2, 0)) == 1
    await log.close()
