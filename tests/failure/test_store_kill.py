"""The store is killed while it writes, seals, merges and deletes: what it called durable is there, once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_S
from historian.columnar.kill_child import LIMITS, START, STEP, TAGS, rows
from historian.reference import Reference, check_buckets, check_columns

pytestmark = pytest.mark.failure
ROUNDS = 12
WIDTH = 1800 * US_PER_S
TESTS = Path(__file__).parents[1]


def write_until_killed(folder: Path, seconds: float) -> tuple[int, int]:
    """Where it began, and the last position that it called durable."""
    script = TESTS / "historian" / "columnar" / "kill_child.py"
    with subprocess.Popen(
        [sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first.startswith("start"), child.stderr.read() if child.stderr else first
        try:
            _, error = child.communicate(timeout=seconds)
            raise AssertionError(f"it ended by itself: {error}")
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        rest, error = child.communicate()
        assert not error, error
    lines = [line.split() for line in rest.splitlines()[:-1]]  # the last one may be cut off
    durable = [int(number) for word, number in lines if word == "durable"]
    return int(first.split()[1]), max(durable, default=0)


def files_below(folder: Path) -> int:
    return len(list(folder.rglob("*.parquet")))


async def test_nothing_durable_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    rng = random.Random(1)
    promised = 0
    for _ in range(ROUNDS):
        began, durable = write_until_killed(tmp_path, rng.uniform(0.3, 2.5))
        assert began >= promised
        promised = max(promised, durable)
    store = LocalStore.open(tmp_path, LIMITS)
    position = await store.position()
    assert position >= promised > 0
    reference = Reference()
    for number in range(1, position + 1):
        reference.write([(*row, False) for row in rows(number)])
    end = START + (position + 2) * STEP
    for _ in range(2):
        for tag in range(TAGS):
            check_columns(await store.read(tag, 0, end, 10**7), reference.raw(tag, 0, end))
            edges = np.unique(
                [START, end, *(START + rng.randrange(position) * STEP // WIDTH * WIDTH for _ in range(40))]
            )
            (found,) = await store.series([tag], edges)
            check_buckets(found, reference.buckets(tag, edges.tolist()))
        await store.maintain(everything=True)
    assert (await store.size()).samples == len(reference)
    assert files_below(tmp_path) == sum(tier.files for tier in (await store.storage()).tiers)
    await store.close()
