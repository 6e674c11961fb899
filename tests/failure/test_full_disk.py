"""The disk fills up: Andon says so, refuses what it cannot keep, and goes on when there is room again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import httpx
import pytest

from andon.kit.clock import now_us
from failure.test_kill import message, register, values
from support.publisher import Publisher
from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.failure, pytest.mark.topology]

MARGIN = 300 << 20


def push(client: httpx.Client, value: float) -> httpx.Response:
    body = {"samples": [{"timestamp": now_us(), "value": value}]}
    return client.post("/api/v1/devices/careful/samples", json=body)


def fill(path: Path, size: int) -> None:
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def test_a_full_disk_refuses_new_data_with_a_reason_until_there_is_room(tmp_path: Path) -> None:
    enough = str(shutil.disk_usage(tmp_path).free - MARGIN)
    filler = tmp_path / "filler"
    with (
        RunningAndon(tmp_path / "data", environment={"ANDON_MIN_FREE_BYTES": enough}) as andon,
        andon.client() as client,
        Publisher.of(andon) as publisher,
    ):
        register(client, "careful")
        assert push(client, 1).status_code == 200
        assert client.get("/health").json()["status"] == "healthy"

        fill(filler, 2 * MARGIN)
        refused = eventually(lambda: answer if (answer := push(client, 2)).status_code != 200 else None)
        assert refused.status_code == 503
        assert "full" in refused.json()["error"]
        assert "free space" in str(refused.json())
        health = client.get("/health")
        assert (health.status_code, health.json()["dependencies"]["log"]["status"]) == (503, "unhealthy")
        assert set(values(client, "careful")) >= {1}, "what is stored can be read"
        publisher.send(*message("careful", 3), label=3)
        publisher.wait_acknowledged()  # the broker keeps it

        filler.unlink()
        eventually(lambda: push(client, 4).status_code == 200, what="room")
        eventually(lambda: client.get("/health").status_code == 200, what="health")
        eventually(lambda: {1, 3, 4} <= set(values(client, "careful")), what="what the broker had kept")
