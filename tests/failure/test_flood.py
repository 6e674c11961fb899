"""A device that is broken or hostile: memory stays bounded, the others go on, and what was refused has its reason."""

from __future__ import annotations

import json
import random
from pathlib import Path

import httpx
import psutil
import pytest

from failure.test_kill import message, register, values
from support.publisher import Publisher
from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.failure, pytest.mark.topology]

MAX_GROWTH = 60_000_000
TOPICS = 20_000
EXPECTED = {"payload_too_large", "timestamp_too_old", "too_many_unknown_devices"}


def server_bytes(andon: RunningAndon) -> int:
    """Resident memory of the server."""
    return int(psutil.Process(andon.process.pid).memory_info().rss)


def reasons(client: httpx.Client) -> set[str]:
    letters = client.get("/api/v1/system/dead-letters", params={"limit": 500}).json()["data"]["deadLetters"]
    return {letter["reason"] for letter in letters}


def huge(publisher: Publisher) -> None:
    for _ in range(5):
        publisher.send("factory-plus/devices/good/data", b'{"value": "' + b"x" * 10_000_000 + b'"}')


def many_topics(publisher: Publisher) -> None:
    for number in range(TOPICS):
        publisher.send(*message(f"invented-{number}", number))
    for number in range(2_000):
        publisher.send(f"spBv1.0/Flood/NDATA/node-{number}", b"\x08\x01\x18\x00")
        publisher.send(f"kaldor/loom/{'x' * 90}{number}/bbw/raw", b"{}")


def garbage(publisher: Publisher) -> None:
    noise = random.Random(1)
    topics = ("factory-plus/devices/good/data", "kaldor/loom/good/bbw/raw", "spBv1.0/G/DDATA/n/d", "spBv1.0/STATE/x")
    for number in range(8_000):
        publisher.send(topics[number % 4], noise.randbytes(noise.randrange(400)))
    for value in ("NaN", "1e999", '"warm"', "null", "[1]", '{"a":1}'):
        publisher.send("factory-plus/devices/good/data", f'{{"deviceId":"good","value":{value}}}'.encode())
    body = {"deviceId": "good", "timestamp": "2000-01-01T00:00:00Z", "value": 1}
    publisher.send("factory-plus/devices/good/data", json.dumps(body).encode())


def test_floods_of_bad_input_leave_memory_bounded_and_others_served(tmp_path: Path) -> None:
    with RunningAndon(tmp_path) as andon, andon.client() as client:
        register(client, "good")
        with Publisher.of(andon) as publisher:
            publisher.send(*message("good", 1), label=1)
            eventually(lambda: values(client, "good") == [1])
            before = server_bytes(andon)
            for turn, flood in enumerate((huge, many_topics, garbage), start=2):
                flood(publisher)
                publisher.send(*message("good", turn), label=turn)
                eventually(lambda turn=turn: turn in values(client, "good"), what="a good value after a flood")
        # What is acknowledged goes first: the good values may be there before the floods are judged.
        eventually(lambda: reasons(client) >= EXPECTED, what="dead letters of each flood")
        assert len(client.get("/api/v1/devices/discovered").json()["data"]["discovered"]) <= 1_000
        assert client.get("/health").json()["status"] == "healthy"
        assert server_bytes(andon) - before < MAX_GROWTH
