"""Live state on a real Redis: keys for everybody, a channel and snapshots for Andon's other processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
import uvloop

from andon.engines.livestate.redis_publisher import PublisherLimits
from andon.kit.clock import now_us
from andon.kit.quality import Quality
from engines.livestate.equal import assert_equal
from engines.livestate.plant import QUICK, Devices, batch, device, following, leading, publishing, row, until
from support.engines import start
from support.link import Link
from support.servers import Redis

DEVICES = Devices(device("device-001", 1), device("device-002", 2), device("quiet", 3))


@pytest.fixture
def looking(redis_url: str) -> Iterator[redis_client.Redis]:
    """Somebody who only knows S1's keys."""
    with redis_client.Redis.from_url(redis_url) as client:
        yield client


def body(client: redis_client.Redis, key: str) -> Any:
    value = client.get(key)
    return None if value is None else json.loads(value)  # type: ignore[arg-type]


async def test_keys_have_s1s_names_fields_and_lives(redis_url: str, looking: redis_client.Redis) -> None:
    async with leading(redis_url, DEVICES) as publisher:
        publisher.apply(batch(*(row(1, value, ago) for value, ago in ((70.0, 120), (74.0, 60), (75.2, 0)))))
        publisher.apply(batch(row(2, 90.0)))
        await until(lambda: bool(looking.exists("device:device-002:stats:24h")), "keys are written")
    current = body(looking, "device:device-001:current")
    assert list(current) == ["value", "timestamp", "status"]
    assert (current["value"], current["status"]) == (75.2, "normal")
    assert body(looking, "device:device-002:current")["status"] == "critical"
    for window in ("1h", "24h"):
        stats = body(looking, f"device:device-001:stats:{window}")
        assert list(stats) == ["avg", "min", "max", "count", "trend"]
        assert (stats["avg"], stats["min"], stats["max"], stats["count"]) == (pytest.approx(73.066666), 70, 75.2, 3)
        assert 86_300 < looking.ttl(f"device:device-001:stats:{window}") <= 86_400  # type: ignore[operator]
    assert 3_500 < looking.ttl("device:device-001:current") <= 3_600  # type: ignore[operator]
    assert not looking.keys("device:quiet:*"), "what was never seen has no key, and no 0"


async def test_only_what_changed_is_written_again(redis_url: str, looking: redis_client.Redis) -> None:
    async with leading(redis_url, DEVICES) as publisher:
        publisher.apply(batch(row(1, 1.0), row(2, 2.0)))
        await until(lambda: bool(looking.exists("device:device-002:current")), "keys are written")
        looking.delete("device:device-001:current")
        publisher.apply(batch(row(2, 3.0)))
        await until(lambda: body(looking, "device:device-002:current")["value"] == 3.0, "the second is written")
        assert not looking.exists("device:device-001:current")


async def test_a_device_that_is_gone_takes_its_keys_along(redis_url: str, looking: redis_client.Redis) -> None:
    devices = Devices(device("device-001", 1), device("device-002", 2))
    async with leading(redis_url, devices) as publisher:
        publisher.apply(batch(row(1, 1.0), row(2, 2.0)))
        await until(lambda: len(looking.keys("device:*")) == 6, "keys are written")  # type: ignore[arg-type]
        devices.all = (device("device-002", 2), device("newcomer", 1))
        await until(lambda: not looking.keys("device:device-001:*"), "its keys are gone")
        await until(lambda: bool(looking.exists("device:newcomer:stats:24h")), "the new one's keys are there")
        assert looking.exists("device:device-002:current")


async def test_bad_values_show_as_unknown_and_stay_out_of_statistics(
    redis_url: str, looking: redis_client.Redis
) -> None:
    async with leading(redis_url, DEVICES) as publisher:
        publisher.apply(batch(row(1, 5.0, quality=Quality.BAD)))
        await until(lambda: bool(looking.exists("device:device-001:current")), "the key is written")
        assert body(looking, "device:device-001:current")["status"] == "unknown"
        assert not looking.exists("device:device-001:stats:1h")


async def test_a_follower_that_starts_late_knows_it_all(redis_url: str) -> None:
    async with leading(redis_url, DEVICES) as publisher:
        for ago in range(300, 0, -1):
            publisher.apply(batch(row(1, float(ago % 7), 10.0 * ago), row(2, float(ago), ago)))
        publisher.apply(batch(row(3, "RUNNING")))
        async with following(redis_url) as one, following(redis_url) as two:
            assert await one.wait_complete(20) and await two.wait_complete(20)
            for i in range(50):
                publisher.apply(batch(row(1, float(i)), row(2, -float(i))))
                await asyncio.sleep(0)
            last = publisher.current(2)
            await until(lambda: one.current(2) == last == two.current(2), "the followers have the newest")
            for follower in (one, two):
                assert_equal(publisher, follower, [1, 2, 3, 4], now_us())
                assert follower.status.state == "following"
                assert follower.status.gaps == 0


async def test_a_follower_hears_batches_as_they_come(redis_url: str) -> None:
    async with leading(redis_url, DEVICES) as publisher, following(redis_url) as follower:
        heard: list[float] = []
        stop = follower.subscribe(lambda samples: heard.extend(samples.values.tolist()))
        await until(lambda: follower.status.state == "following", "it follows")
        publisher.apply(batch(row(1, 1.0), row(2, 2.0)))
        publisher.apply(batch(row(1, 3.0)))
        await until(lambda: heard == [1.0, 2.0, 3.0], "batches came, in order")
        stop()
        publisher.apply(batch(row(1, 4.0)))
        await until(lambda: (found := follower.current(1)) is not None and found.value == 4.0, "the newest came")
        assert heard == [1.0, 2.0, 3.0]


async def test_without_a_publisher_a_follower_says_so_and_can_be_warmed_from_history(redis_url: str) -> None:
    async with following(redis_url) as follower:
        await until(lambda: follower.status.state == "silent", "it hears nobody")
        follower.warm(batch(row(1, 5.0)))
        found = follower.current(1)
        assert found is not None and found.value == 5.0
        assert not await follower.wait_complete(0.1)


async def test_one_of_two_publishers_leads_and_the_other_takes_over(redis_url: str) -> None:
    async with following(redis_url) as follower, publishing(redis_url, DEVICES) as second:
        async with publishing(redis_url, DEVICES) as first:
            await until(lambda: first.leading or second.leading, "one leads")
            for publisher in (first, second):
                publisher.apply(batch(row(1, 1.0)))
            assert await follower.wait_complete(20)
            assert [first.leading, second.leading].count(True) == 1
        await until(lambda: second.leading, "the other one leads")
        second.apply(batch(row(2, 2.0)))
        await until(lambda: follower.status.state == "following" and follower.current(2) is not None, "it follows")
        assert_equal(second, follower, [1, 2], now_us())


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """One that may be killed."""
    with start(Redis, tmp_path / "redis") as server:
        yield server


async def test_redis_is_killed_and_everything_goes_on_by_itself(own_redis: Redis, caplog: Any) -> None:
    async with leading(own_redis.url, DEVICES) as publisher, following(own_redis.url) as follower:
        assert await follower.wait_complete(20)
        publisher.apply(batch(row(1, 1.0)))
        await until(lambda: follower.current(1) is not None, "the first value came")
        await asyncio.to_thread(own_redis.kill)
        await until(lambda: follower.status.state == "away" and publisher.problem is not None, "both noticed")
        for i in range(100):
            publisher.apply(batch(row(1, float(i)), row(2, float(i))))
        kept = follower.current(1)
        assert kept is not None and kept.value == 1.0, "it answers with what it had"
        await asyncio.to_thread(own_redis.start)
        await until(lambda: follower.status.state == "following", "it follows again")
        await until(lambda: follower.current(2) == publisher.current(2), "it caught up")
        assert_equal(publisher, follower, [1, 2, 3], now_us())
        with redis_client.Redis.from_url(own_redis.url) as client:
            await until(lambda: (body(client, "device:device-002:current") or {}).get("value") == 99.0, "keys are back")
        await until(lambda: publisher.problem is None, "it has no problem any more")
    said = [record.getMessage() for record in caplog.records if record.name.startswith("andon")]
    assert said.count("Redis is away") <= 3, "each says it once, not at every attempt"


async def test_redis_that_stands_still_is_away(own_redis: Redis) -> None:
    """Connections stay open and nothing is answered: as when the network between is cut."""
    async with leading(own_redis.url, DEVICES) as publisher, following(own_redis.url) as follower:
        assert await follower.wait_complete(20)
        own_redis.suspend()
        publisher.apply(batch(row(1, 1.0)))
        await until(lambda: follower.status.state != "following" and publisher.problem is not None, "both noticed")
        own_redis.resume()
        publisher.apply(batch(row(2, 2.0)))
        await until(lambda: follower.status.state == "following" and follower.current(2) is not None, "it follows")
        await until(lambda: publisher.problem is None, "the publisher too")
        assert_equal(publisher, follower, [1, 2], now_us())


def test_connections_that_are_reset_are_made_again_on_the_servers_loop(redis_server: Redis) -> None:
    """uvloop has an error of its own for a connection that is no more."""

    async def scenario(url: str, link: Link) -> None:
        async with leading(url, DEVICES) as publisher, following(url) as follower:
            assert await follower.wait_complete(20)
            for turn in range(1, 4):
                link.cut()
                await asyncio.sleep(2 * QUICK.beat_s)
                link.heal()
                publisher.apply(batch(row(1, float(turn))))
                await until(lambda: follower.current(1) == publisher.current(1), "it has the newest")
            await until(lambda: publisher.problem is None, "it has no problem any more")

    with Link(redis_server.port) as link:
        uvloop.run(scenario(f"redis://127.0.0.1:{link.port}/0", link))


async def test_what_waits_for_redis_is_bounded_and_the_gap_is_mended(own_redis: Redis) -> None:
    limits = PublisherLimits(
        keys_interval_s=0.1, beat_s=0.1, lease_s=60, queue_bytes=2_000, longest_pause_s=QUICK.longest_pause_s
    )
    async with leading(own_redis.url, DEVICES, limits) as publisher, following(own_redis.url) as follower:
        assert await follower.wait_complete(20)
        await asyncio.to_thread(own_redis.kill)
        for i in range(500):
            publisher.apply(batch(row(1, float(i))))
        assert publisher.dropped > 400
        await asyncio.to_thread(own_redis.start)
        await until(lambda: follower.status.state == "following", "it follows again")
        await until(lambda: follower.current(1) == publisher.current(1), "it has the newest")
        assert_equal(publisher, follower, [1, 2], now_us())


async def test_a_publisher_that_starts_anew_warms_its_followers(redis_url: str) -> None:
    async with following(redis_url) as follower:
        async with leading(redis_url, DEVICES) as publisher:
            publisher.apply(batch(row(1, 1.0)))
            assert await follower.wait_complete(20)
        history = batch(row(1, 1.0, 5.0), row(3, 3.0, 5.0))
        async with leading(redis_url, DEVICES, history=history) as publisher:
            await until(lambda: follower.status.state == "following" and follower.current(3) is not None, "it follows")
            assert_equal(publisher, follower, [1, 2, 3], now_us())


async def test_other_messages_on_the_channel_do_no_harm(redis_url: str, looking: redis_client.Redis) -> None:
    async with leading(redis_url, DEVICES) as publisher, following(redis_url) as follower:
        assert await follower.wait_complete(20)
        looking.publish("andon:live:0", b"hello")
        looking.publish("andon:live:0", b"AL1\x01" + bytes(16) + b"\xc1")
        publisher.apply(batch(row(1, 1.0)))
        await until(lambda: follower.current(1) is not None, "the value came")
