"""A publisher and followers on a real Redis, for tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from andon.engines.livestate.redis_follower import FollowerLimits, RedisFollower
from andon.engines.livestate.redis_keys import PublishedDevice
from andon.engines.livestate.redis_link import RedisLink
from andon.engines.livestate.redis_publisher import PublisherLimits, RedisPublisher
from andon.kit.clock import US_PER_S, now_us
from andon.kit.limits import Limits
from andon.kit.samples import Row, SampleBatch

WAIT_S = 20.0
QUICK = PublisherLimits(keys_interval_s=0.1, beat_s=0.1, lease_s=2.0, longest_pause_s=0.5)
QUICK_FOLLOWER = FollowerLimits(silent_s=1.5, reconnect_s=4.0, ask_s=0.1, longest_pause_s=0.5)


def device(device_id: str, tag_id: int, prefix: str = "") -> PublishedDevice:
    """A thermometer."""
    return PublishedDevice(prefix, device_id, tag_id, "number", Limits(20, 80, 15, 85), 30 * US_PER_S)


class Devices:
    """What is published; change `all` and it is a new version."""

    def __init__(self, *devices: PublishedDevice) -> None:
        self.all: Sequence[PublishedDevice] = devices

    def __call__(self) -> tuple[object, Sequence[PublishedDevice]]:
        return self.all, self.all


def row(tag: int, value: float | str, seconds_ago: float = 0.0, quality: int = 192) -> Row:
    """A sample that came so long ago."""
    at = now_us() - round(seconds_ago * US_PER_S)
    return (tag, at, value, quality, at)


def batch(*rows: Row) -> SampleBatch:
    return SampleBatch.from_rows(rows)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it, as long as a busy machine may take."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"it does not happen: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def publishing(
    url: str, devices: Devices, limits: PublisherLimits = QUICK, history: SampleBatch | None = None
) -> AsyncIterator[RedisPublisher]:
    """A publisher, warmed with what history held."""
    publisher = RedisPublisher(RedisLink(url, timeout_s=2.0), limits=limits)
    publisher.warm(history or SampleBatch.empty())
    await publisher.start(devices)
    try:
        yield publisher
    finally:
        await publisher.stop()


@asynccontextmanager
async def leading(
    url: str, devices: Devices, limits: PublisherLimits = QUICK, history: SampleBatch | None = None
) -> AsyncIterator[RedisPublisher]:
    """A publisher that leads."""
    async with publishing(url, devices, limits, history) as publisher:
        await until(lambda: publisher.leading, "it leads")
        yield publisher


@asynccontextmanager
async def following(url: str, limits: FollowerLimits = QUICK_FOLLOWER) -> AsyncIterator[RedisFollower]:
    """A follower, which may not be complete yet."""
    follower = RedisFollower(RedisLink(url, timeout_s=2.0), limits=limits)
    await follower.start()
    try:
        yield follower
    finally:
        await follower.stop()
