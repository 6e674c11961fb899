"""A day that is not over: its hours are closed one by one, and a chart of it reads few files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.samples import Row, SampleBatch

DAY = 20_000 * US_PER_DAY
HOURS = 10
MINUTES = 60
CROWD = 3


async def test_sums_of_hours_that_are_over_do_not_wait_for_the_end_of_the_day(tmp_path: Path) -> None:
    now = DAY
    limits = LocalStoreLimits(maintenance=False, merge_parts=CROWD, late_window_s=0)
    store = LocalStore.open(tmp_path, limits, clock=lambda: now)
    for hour in range(HOURS):
        rows: list[Row] = [
            (1, DAY + hour * US_PER_HOUR + minute * 60 * US_PER_S, float(minute + hour), 192, DAY)
            for minute in range(MINUTES)
        ]
        now = DAY + hour * US_PER_HOUR + US_PER_HOUR
        await store.write(SampleBatch.from_rows(rows), hour + 1)
        await store.seal()
        await store.maintain()
    files = {tier.tier: tier.files for tier in (await store.storage()).tiers}
    assert files["raw"] == HOURS
    assert files["hour"] <= CROWD + 1 and files["minute"] <= CROWD + 1

    # A correction of an hour that is in the day's file counts there, too.
    late: list[Row] = [(1, DAY + US_PER_HOUR, 1001.0, 192, now)]
    await store.write(SampleBatch.from_rows(late), HOURS + 1)
    await store.seal()
    await store.maintain()
    (found,) = await store.series([1], np.arange(DAY, now + 1, US_PER_HOUR))
    assert found.source == "hour"
    assert found.counts.tolist() == [MINUTES] * HOURS
    assert found.maxima.tolist() == [1001.0 if hour == 1 else MINUTES - 1.0 + hour for hour in range(HOURS)]
    await store.close()
