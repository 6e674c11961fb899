"""A plant with Redis: S1's keys say what the API says, and another process can follow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis as redis_client

from andon.engines.livestate.redis_follower import RedisFollower
from andon.engines.livestate.redis_link import RedisLink
from support.engines import start
from support.running import RunningAndon, eventually
from support.servers import Redis

pytestmark = [pytest.mark.topology, pytest.mark.xdist_group("live-on-redis")]


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with start(Redis) as running:
        yield running


@pytest.fixture(scope="module")
def plant(server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAndon]:
    folder = tmp_path_factory.mktemp("plant") / "data"
    with RunningAndon(folder, "--demo", "--looms", "2", environment={"ANDON_REDIS_URL": server.url}) as andon:
        yield andon


@pytest.fixture
def keys(server: Redis) -> Iterator[redis_client.Redis]:
    with redis_client.Redis.from_url(server.url) as client:
        yield client


@pytest.fixture
def api(plant: RunningAndon) -> Iterator[httpx.Client]:
    with plant.client() as client:
        yield client


def body(client: redis_client.Redis, key: str) -> Any:
    value = client.get(key)
    return None if value is None else json.loads(value)  # type: ignore[arg-type]


def ask(api: httpx.Client, path: str) -> Any:
    return api.get(f"/api/v1{path}").raise_for_status().json()["data"]


@pytest.mark.parametrize("device", ["device-001", "device-004", "loom-002"])
def test_a_devices_keys_say_what_the_api_says(device: str, keys: redis_client.Redis, api: httpx.Client) -> None:
    def same() -> bool:
        """Asked twice around the key: a sample that came between shows in one and not in the other."""
        current, held = ask(api, f"/devices/{device}/current"), body(keys, f"device:{device}:current")
        return held is not None and held == {name: current[name] for name in ("value", "timestamp", "status")}

    def same_statistics() -> bool:
        detail = ask(api, f"/devices/{device}")
        return all(
            detail[f"stats{window}"] is not None
            and body(keys, f"device:{device}:stats:{window}") == detail[f"stats{window}"]
            for window in ("1h", "24h")
        )

    eventually(same, within_s=30, what="the same value in the key and in the API")
    eventually(same_statistics, within_s=30, what="the same statistics in the keys and in the API")


def test_alerts_and_metrics_say_what_the_api_says(keys: redis_client.Redis, api: httpx.Client) -> None:
    def same_alerts() -> bool:
        listed = ask(api, "/alerts?limit=1000")["alerts"]
        names = ("id", "deviceId", "type", "value", "threshold", "severity")
        expected = [{**{name: each[name] for name in names}, "timestamp": each["triggeredAt"]} for each in listed]
        return body(keys, "alerts:active") == expected

    def same_metrics() -> bool:
        held, shown = body(keys, "system:metrics"), ask(api, "/metrics/dashboard")
        names = ["totalDevices", "activeDevices", "activeAlertsCount", "systemHealth"]
        return list(held) == [*names[:3], "dataPointsLastHour", names[3]] and all(held[n] == shown[n] for n in names)

    eventually(same_alerts, within_s=30, what="the same alerts")
    eventually(same_metrics, within_s=30, what="the same metrics")


def test_another_process_follows(server: Redis, plant: RunningAndon, api: httpx.Client) -> None:
    tag = ask(api, "/devices/device-001")["tags"][0]["id"]

    async def follow() -> Any:
        follower = RedisFollower(RedisLink(server.url))
        await follower.start()
        try:
            assert await follower.wait_complete(20)
            return follower.current(tag)
        finally:
            await follower.stop()

    assert asyncio.run(follow()) is not None


def test_without_redis_a_plant_starts_and_runs_all_the_same(tmp_path: Path) -> None:
    nobody = {"ANDON_REDIS_URL": "redis://:secret-word@127.0.0.1:9/0"}
    with RunningAndon(tmp_path / "data", "--demo", "--looms", "1", environment=nobody) as andon, andon.client() as api:
        eventually(lambda: ask(api, "/devices/device-001/current")["value"] is not None, what="values come")
        eventually(lambda: any("Redis is away" in line for line in andon.output), what="it says so")
        health = api.get("/health").json()
        assert (health["status"], health["dependencies"]["redis"]["status"]) == ("degraded", "degraded")
    assert "secret-word" not in "".join(andon.output)
