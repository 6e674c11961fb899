"""A plant whose history is in InfluxDB: charts, storage and a restart as with any other; InfluxDB may be away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.engines import start
from support.running import RunningAndon, eventually
from support.servers import Influx

pytestmark = [pytest.mark.topology, pytest.mark.failure]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Influx]:
    with start(Influx, tmp_path / "influx") as running:
        yield running


def ask(api: httpx.Client, path: str) -> Any:
    return api.get(f"/api/v1{path}").raise_for_status().json()["data"]


def readings(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(api, "/devices/loom-001/history?from=-1h&limit=10000")["readings"]
    return found


def test_a_plant_runs_on_influxdb_and_outlives_its_death(server: Influx, tmp_path: Path) -> None:
    where = {"ANDON_HISTORIAN": "influx", "ANDON_INFLUX_URL": server.url}
    data = tmp_path / "data"
    with RunningAndon(data, "--demo", "--looms", "2", environment=where) as andon, andon.client() as api:
        eventually(lambda: len(readings(api)) >= 3, within_s=30, what="history comes")
        assert ask(api, "/metrics/system")["storage"]["samples"] > 0
        server.kill()
        eventually(lambda: api.get("/health").json()["status"] == "unhealthy", what="health says so")
        assert api.get("/api/v1/devices/loom-001/history?from=-1h").status_code == 503
        away = time.time()
        eventually(lambda: time.time() - away > 3, what="values go on coming meanwhile")
        server.start()
        eventually(lambda: api.get("/health").json()["status"] == "healthy", within_s=60, what="health is back")

        def no_hole() -> bool:
            """The looms publish once a second."""
            stamps = [each["timestamp"] for each in readings(api)]
            moments = [time.mktime(time.strptime(each[:19], "%Y-%m-%dT%H:%M:%S")) for each in stamps]
            return (
                moments[-1] > time.mktime(time.gmtime(away + 3))
                and max(later - earlier for earlier, later in pairwise(moments)) <= 2
            )

        eventually(no_hole, within_s=90, what="nothing of the outage is missing")
        before = len(readings(api))
    with RunningAndon(data, "--demo", "--looms", "2", environment=where) as andon, andon.client() as api:
        assert len(readings(api)) >= before
        assert ask(api, "/devices/loom-001")["stats1h"]["count"] >= before, "live state was warmed from it"
    assert not (data / "history.db").exists()
