"""What processes use while something is measured: CPU from a first reading on, the largest memory in between."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

import psutil


def core_speed(seconds: float = 0.3) -> float:
    """Million turns a second of a plain loop: how fast a core is just now. On shared machines it varies threefold."""
    turns, sum_, began = 0, 0, time.thread_time()
    while (took := time.thread_time() - began) < seconds:
        for number in range(10_000):
            sum_ += number * number
        turns += 10_000
    return turns / took / 1e6


CORE = 15.0
"""Million turns a second of the slowest core that goals in per cent mean: where they were set a core made 17 to 19."""


@contextlib.asynccontextmanager
async def core_watched(every_s: float = 10.0) -> AsyncIterator[Callable[[], float]]:
    """Tells how fast a core was while the block ran (million turns a second, the mean of a look now and then)."""
    speeds = [await asyncio.to_thread(core_speed, 0.1)]

    async def keep_looking() -> None:
        while True:
            await asyncio.sleep(every_s)
            speeds.append(await asyncio.to_thread(core_speed, 0.1))

    looking = asyncio.create_task(keep_looking())
    try:
        yield lambda: sum(speeds) / len(speeds)
    finally:
        looking.cancel()


class Meter:
    """Reads some processes again and again; one that ends meanwhile counts with what it had used when last read."""

    def __init__(self, processes: Callable[[], Sequence[psutil.Process]]) -> None:
        self._processes = processes
        self._cpu: dict[int, float] = {}
        self.peak_rss_mb = 0.0
        self.read()
        self._began, self._first = time.monotonic(), self._total()

    def read(self) -> None:
        """Take note of CPU and memory now."""
        memory = 0
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                self._cpu[process.pid] = sum(process.cpu_times()[:2])
                memory += process.memory_info().rss
        self.peak_rss_mb = max(self.peak_rss_mb, memory / 1e6)

    @property
    def cpu_s(self) -> float:
        """CPU seconds since the first reading, up to the last one."""
        return self._total() - self._first

    @property
    def cpu_pct(self) -> float:
        """The same as a share of one core."""
        return 100 * self.cpu_s / (time.monotonic() - self._began)

    def _total(self) -> float:
        return sum(self._cpu.values())


@contextlib.asynccontextmanager
async def metered(processes: Callable[[], Sequence[psutil.Process]], every_s: float = 1.0) -> AsyncIterator[Meter]:
    """A meter that reads by itself, for the last time when the block ends."""
    meter = Meter(processes)

    async def keep_reading() -> None:
        while True:
            await asyncio.sleep(every_s)
            meter.read()

    reading = asyncio.create_task(keep_reading())
    try:
        yield meter
    finally:
        reading.cancel()
        meter.read()


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
