"""The server's clock is set while the store runs: samples do not wait any longer for their files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_HOUR, US_PER_S
from historian.support import T0, batch

INTERVAL_S = 300


async def test_a_clock_that_is_set_back_holds_no_seal_up(tmp_path: Path) -> None:
    now = T0
    limits = LocalStoreLimits(maintenance=False, seal_interval_s=INTERVAL_S)
    store = LocalStore.open(tmp_path, limits, clock=lambda: now)
    assert await store.write(batch((1, T0, 1.0)), 1) == 0
    now -= US_PER_HOUR
    store._seal_in_time()
    now += INTERVAL_S * US_PER_S
    store._seal_in_time()
    async with asyncio.timeout(20):
        while await store.position() < 1:  # noqa: ASYNC110 (nothing tells when it is sealed)
            await asyncio.sleep(0.01)
    assert (await store.read(1, 0, T0 + 1, 9)).values.tolist() == [1.0]
    await store.close()
