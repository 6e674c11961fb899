"""Writes, seals, merges and drops until it is killed; see `tests/failure/test_store_kill.py`. Run with a folder."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_S
from andon.kit.samples import Row, SampleBatch

START = 20_000 * US_PER_DAY
STEP = 400 * US_PER_S
TAGS = 5
LIMITS = LocalStoreLimits(
    unsealed_samples=700, merge_parts=3, roll_rows=50, recent_bytes=40_000, maintenance_interval_s=0.02, late_window_s=0
)


def rows(number: int) -> list[Row]:
    """What the log holds under a position: new samples, some late, some corrections, some twice."""
    rng = random.Random(number)
    now = START + number * STEP
    found: list[Row] = []
    for i in range(20):
        at = now + i * STEP // 20 // 1000 * 1000
        if i % 10 == 0 and number > 3:  # late, onto the times of an earlier position
            at = (
                START
                + rng.randrange(max(number - 300, 0), number) * STEP
                + rng.randrange(20) * STEP // 20 // 1000 * 1000
            )
        found.append((rng.randrange(TAGS), at, float(number * 100 + i), rng.choice((192, 192, 192, 64)), at + 3_000))
    return found + found[:3]


def tell(word: str, number: int) -> None:
    sys.stdout.write(f"{word} {number}\n")
    sys.stdout.flush()


async def run(folder: Path) -> None:
    number = 0

    def clock() -> int:
        return START + (number + 1) * STEP

    store = LocalStore.open(folder, LIMITS, clock=clock)
    number = await store.position()
    tell("start", number)
    rng = random.Random(number)
    while True:
        number += 1
        durable = await store.write(SampleBatch.from_rows(rows(number)), number)
        tell("durable", durable)
        await asyncio.sleep(0.001)
        if rng.random() < 0.03:
            await store.seal()
        if rng.random() < 0.01:
            await store.maintain(everything=True)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
