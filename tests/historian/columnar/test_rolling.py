"""Sums of a new part are made from all parts that touch its minutes, without having them all in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from andon.historian.stores.columnar import rolling
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.sorting import merged
from andon.historian.stores.columnar.store import LocalStore
from andon.historian.stores.columnar.tagindex import TagIndex
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.samples import Row, SampleBatch

DAY = 20_000 * US_PER_DAY
TAGS, PARTS, SECONDS = 20, 30, 300
CHUNK = 2_000


def _part(number: int) -> SampleBatch:
    """A sample of each tag each second of the same minutes, at moments of this part's own."""
    rows: list[Row] = [
        (tag, DAY + second * US_PER_S + number, float(number), 192, DAY)
        for tag in range(1, TAGS + 1)
        for second in range(0, SECONDS, 5)
    ]
    return SampleBatch.from_rows(rows)


async def test_a_late_part_is_summed_up_a_piece_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = LocalStoreLimits(maintenance=False, roll_rows=0, merge_parts=1_000, chunk_rows=CHUNK)
    store = LocalStore.open(tmp_path, limits, clock=lambda: DAY + US_PER_HOUR // 2)
    held: list[int] = []

    def noted(batches: Sequence[SampleBatch]) -> SampleBatch:
        held.append(sum(map(len, batches)))
        return merged(batches)

    monkeypatch.setattr(rolling, "merged", noted)
    for number in range(PARTS):
        await store.write(_part(number), number + 1)
        await store.seal()
        await store.maintain()
    assert max(held) <= 2 * CHUNK < TAGS * PARTS * SECONDS // 5
    for found in await store.series(list(range(1, TAGS + 1)), np.array([DAY, DAY + US_PER_HOUR])):
        assert found.counts.tolist() == [PARTS * SECONDS // 5]
        assert found.means.tolist() == [(PARTS - 1) / 2]
    await store.close()


def test_an_index_tells_about_how_many_rows_lie_in_a_time() -> None:
    index = TagIndex(
        np.array([1, 3, 5], np.int32), np.array([0, 10, 30, 31]), np.array([0, 100, 7]), np.array([9, 199, 7])
    )
    wanted = np.array([1, 2, 3, 5], np.int32)
    assert index.about(wanted, 0, 1_000).tolist() == [10, 0, 20, 1]
    assert index.about(wanted, 5, 150).tolist() == [5, 0, 10, 1]
    assert index.about(wanted, 300, 400).tolist() == [0, 0, 0, 0]
