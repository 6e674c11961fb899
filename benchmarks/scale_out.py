"""One ingest and one historian against two of each, as processes of their own on a real Kafka and PostgreSQL.

A fixed number of values is published at QoS 1 as fast as Mosquitto takes them; the clock runs from the first one until
the last is committed. Two are twice as fast where there are cores for them; elsewhere the CPU of each process says what
they would do with a core each.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import psycopg

from benchmarks.figures import Figure
from benchmarks.meter import Meter, family
from benchmarks.plant import module
from support.apart import RoleProcess
from support.running import PASSWORD
from support.servers import Kafka, Mosquitto, Postgres, Redis, running

DEVICES, SIGNALS = 48, 60
CORES_FOR_A_RATIO = 6
ROLES = ("ingest", "historian")
GIVE_UP_S = 60.0
_COMMITTED = "SELECT coalesce(sum(rows), 0) FROM history.counts"


@dataclass(frozen=True, slots=True)
class Run:
    """Values that were committed, how long it took, and CPU seconds by what used them."""

    values: int
    seconds: float
    cpu_s: Mapping[str, float]

    @property
    def per_s(self) -> float:
        """Values a second."""
        return self.values / self.seconds

    def cost_us(self, name: str) -> float:
        """CPU µs a value of all processes of a kind."""
        return self.cpu_s[name] / self.values * 1e6

    def with_a_core_each(self, processes: int) -> float:
        """Values a second that so many pairs would do if each process had a core of its own."""
        return processes * 1e6 / max(self.cost_us(role) for role in ROLES)


@contextmanager
def _processes(folder: Path, settings: Mapping[str, str], count: int) -> Iterator[dict[str, list[RoleProcess]]]:
    found: dict[str, list[RoleProcess]] = {role: [] for role in ROLES}
    with ExitStack() as stack:
        for number in range(count):
            shard = {"ANDON_INGEST_SHARDS": str(count), "ANDON_INGEST_SHARD": str(number)}
            for role in ROLES:
                process = RoleProcess((role,), folder / f"{role}-{number}-of-{count}", {**settings, **shard})
                process.launch()
                stack.callback(process.stop)
                found[role].append(process)
        for processes in found.values():
            for process in processes:
                process.wait_ready()
        yield found


def _register(folder: Path, settings: Mapping[str, str]) -> list[str]:
    """Sign devices up at the front door, which is not needed afterwards."""
    front = RoleProcess(("api",), folder / "api", settings).launch()
    try:
        front.wait_ready()
        devices = [f"cell-{number:02d}" for number in range(DEVICES)]
        login = {"username": "admin", "password": PASSWORD}
        with httpx.Client(base_url=front.urls["api"], timeout=20) as client:
            token = client.post("/api/v1/auth/login", json=login).raise_for_status().json()["data"]["accessToken"]
            client.headers["authorization"] = f"Bearer {token}"
            for device in devices:
                tags = [{"name": f"signal-{signal:02d}", "isPrimary": signal == 0} for signal in range(SIGNALS)]
                body = {"deviceId": device, "type": "cell", "location": "bench", "tags": tags}
                client.post("/api/v1/devices", json=body).raise_for_status()
    finally:
        front.stop()
    return devices


def _committed(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(_COMMITTED).fetchone()
    return int(row[0]) if row else 0


def _measured(
    kinds: Mapping[str, list[int]], database: str, mosquitto: Mosquitto, devices: list[str], messages: int
) -> Run:
    """Publish, and wait until all is committed. AssertionError when something is missing in the end."""
    meters = {kind: Meter(lambda pids=pids: _families(pids)) for kind, pids in kinds.items()}  # type: ignore[misc]
    before, values = _committed(database), messages * SIGNALS
    load = {"port": mosquitto.port, "client_id": "load", "username": "device", "password": "any"}
    load |= {"kind": "json60", "devices": devices, "qos": 1, "total": messages}
    began = last_change = time.monotonic()
    arrived = 0

    async def follow() -> None:
        nonlocal arrived, last_change
        publishing = asyncio.create_task(module("mqtt_load", load))
        while arrived < values and time.monotonic() - last_change < GIVE_UP_S:
            await asyncio.sleep(0.25)
            for meter in meters.values():
                meter.read()
            now = await asyncio.to_thread(_committed, database) - before
            if now != arrived:
                arrived, last_change = now, time.monotonic()
        await publishing

    asyncio.run(follow())
    assert arrived == values, f"{arrived:,} of {values:,} values were committed"
    for meter in meters.values():
        meter.read()
    return Run(values, last_change - began, {kind: meter.cpu_s for kind, meter in meters.items()})


def _families(pids: list[int]) -> list[psutil.Process]:
    return [process for pid in pids for process in family(pid)]


def _runs(messages: int) -> list[Run]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="andon-bench-")))
        kafka = stack.enter_context(running(Kafka))
        postgres = stack.enter_context(running(Postgres, durable=True))
        redis = stack.enter_context(running(Redis))
        database = stack.enter_context(postgres.database())
        settings = {
            "ANDON_LOG_URL": kafka.url,
            "ANDON_DATABASE_URL": database,
            "ANDON_HISTORIAN": "postgres",
            "ANDON_REDIS_URL": redis.url,
            "ANDON_KAFKA_FORMAT": "columns",
        }
        runs, devices = [], []
        for count in (1, 2):
            with running(Mosquitto) as mosquitto:
                settings["ANDON_MQTT_URL"] = mosquitto.url
                devices = devices or _register(folder, settings)
                with _processes(folder, settings, count) as processes:
                    kinds = {role: [each.process.pid for each in processes[role]] for role in ROLES}
                    kinds |= {"kafka": [kafka.pid], "postgres": [postgres.pid], "mosquitto": [mosquitto.pid]}
                    _measured(kinds, database, mosquitto, devices, messages // 10)  # everything warm
                    runs.append(_measured(kinds, database, mosquitto, devices, messages))
    return runs


def _figures(one: Run, two: Run) -> list[Figure]:
    cores = os.cpu_count() or 1
    enough = cores >= CORES_FOR_A_RATIO
    why = f"{cores} cores" if enough else f"{cores} cores: all processes share them, so there is no goal"
    figures = [
        Figure("scale_out.one.values_per_s", one.per_s, "values/s", "", "one ingest and one historian"),
        Figure("scale_out.two.values_per_s", two.per_s, "values/s", "", "two of each"),
        Figure("scale_out.ratio", two.per_s / one.per_s, "", ">= 1.6" if enough else "", why),
    ]
    for name, run in (("one", one), ("two", two)):
        total = sum(run.cpu_s.values())
        figures += [
            Figure(
                f"scale_out.{name}.{kind}.cpu_us", run.cost_us(kind), "µs CPU a value", "", f"{used / total:.0%} of all"
            )
            for kind, used in run.cpu_s.items()
        ]
    first, second = one.with_a_core_each(1), two.with_a_core_each(2)
    return [
        *figures,
        Figure("scale_out.one.with_cores_per_s", first, "values/s", "", "if each process had a core, by its CPU"),
        Figure("scale_out.two.with_cores_per_s", second, "values/s", "", "the same"),
        Figure("scale_out.with_cores_ratio", second / first, "", "", "what two of each would do more"),
    ]


def measure(quick: bool) -> list[Figure]:
    """Both shapes, one after the other."""
    return _figures(*_runs(3_000 if quick else 15_000))


if __name__ == "__main__":
    from benchmarks.figures import show

    show(measure(quick=True))
