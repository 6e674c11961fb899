"""Acknowledged means durable: a process that appends is killed, and every acknowledged record is there once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA

# Many appends are in flight at once; each prints its number once the log has acknowledged it.
APPENDER = """
import asyncio, itertools, sys
from pathlib import Path
from andon.engines.log.embedded import EmbeddedLog

async def client(log, numbers):
    for number in numbers:
        await log.append("sensors-data", [b"%d:" % number + b"x" * (number % 90_000)])
        print(number, flush=True)

async def main():
    log = EmbeddedLog.open(Path(sys.argv[1]))
    numbers = itertools.count(int(sys.argv[2]))
    await asyncio.gather(*(client(log, numbers) for _ in range(8)))

asyncio.run(main())
"""


def append_until_killed(path: Path, first: int, lines: int) -> set[int]:
    """Numbers that were acknowledged before the process was killed, a moment after so many lines."""
    process = subprocess.Popen([sys.executable, "-c", APPENDER, str(path), str(first)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    seen = [process.stdout.readline() for _ in range(lines)]
    time.sleep(random.uniform(0, 0.02))  # so that the kill falls into any step of a commit
    process.send_signal(signal.SIGKILL)
    seen += process.stdout.read().splitlines(keepends=True)
    process.wait()
    process.stdout.close()
    return {int(line) for line in seen if line.endswith(b"\n")}


@pytest.mark.failure
async def test_after_kill_9_every_acknowledged_record_is_there_and_none_is_doubled(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    acknowledged: set[int] = set()
    for round_ in range(8):
        acknowledged |= append_until_killed(path, first=round_ * 1_000_000 + 20_000, lines=100)
    log = EmbeddedLog.open(path, LogLimits(min_free_bytes=0))
    kept: list[int] = []
    position = 0
    while records := await log.read(SENSORS_DATA, position):
        assert [r.position for r in records] == list(range(position + 1, position + 1 + len(records)))
        for record in records:
            number, _, filler = record.payload.partition(b":")
            assert len(filler) == int(number) % 90_000, "a record is damaged"
            kept.append(int(number))
        position = records[-1].position
    await log.close()
    assert len(acknowledged) >= 800
    assert acknowledged <= set(kept), "an acknowledged record is missing"
    assert len(kept) == len(set(kept)), "a record is doubled"
