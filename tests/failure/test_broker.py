"""The broker dies under load: it comes back by itself, and what it had acknowledged is stored."""

from __future__ import annotations

import time
from collections import Counter
from itertools import count
from pathlib import Path

import psutil
import pytest

from failure.test_kill import message, register, values
from support.publisher import Publisher
from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.failure, pytest.mark.topology]


def broker_of(andon: RunningAndon) -> psutil.Process | None:
    """Andon's child that is the broker."""
    children = psutil.Process(andon.process.pid).children()
    return next((child for child in children if child.name() == "nats-server"), None)


def connected(andon: RunningAndon, name: str) -> Publisher | None:
    """A publisher; None while the broker is away."""
    try:
        return Publisher.of(andon, name)
    except OSError:
        return None


def test_a_killed_broker_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    numbers = count()
    acknowledged: set[object] = set()
    with RunningAndon(tmp_path) as andon, andon.client() as client:
        register(client, "steady")
        for turn in range(3):
            publisher = eventually(lambda turn=turn: connected(andon, f"publisher-{turn}"), what="the broker")
            broker = eventually(lambda: broker_of(andon))
            kill_at = time.monotonic() + 0.7 if turn < 2 else float("inf")
            try:
                for _ in range(1_500):
                    number = next(numbers)
                    publisher.send(*message("steady", number), label=number)
                    time.sleep(0.0005)
                    if time.monotonic() > kill_at:
                        kill_at = float("inf")
                        broker.kill()
                publisher.wait_acknowledged()
            except ConnectionError:
                assert turn < 2, "nobody killed the broker this time"
            publisher.close()
            acknowledged.update(publisher.acknowledged)
        assert len(acknowledged) > 1_500
        eventually(lambda: acknowledged <= set(values(client, "steady")), what="all that was acknowledged")
        assert max(Counter(values(client, "steady")).values()) == 1
        roles = client.get("/api/v1/metrics/system").json()["data"]["roles"]
        assert next(role for role in roles if role["name"] == "broker")["restarts"] == 2
