"""The services of compose.yaml and compose.scaled.yaml run, each with its own command, environment and health check.

Containers are not needed for that: the engines are real ones of this machine, with the configuration that is mounted
into theirs, and their names are replaced by where they are.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis
from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from andon.engines.broker.ports import free_port
from andon.kit.clock import now_us
from support.apart import RoleProcess
from support.compose import FOLDER, andon_services, environment, mounted, services
from support.engines import start
from support.mqtt import Device
from support.running import eventually
from support.servers import Kafka, Mosquitto, Postgres, Redis

pytestmark = [pytest.mark.topology, pytest.mark.kafka, pytest.mark.timeout(240)]

ROOT = FOLDER.parents[1]
HEALTHCHECK = ROOT / "deploy/docker/healthcheck.py"
METRICS = (ROOT / "docs/reference/metrics.md").read_text()
FOLLOWERS = {"historian", "processing", "alerts", "realtime"}


class ConfiguredRedis(Redis):
    """With the files that the service mounts."""

    def __init__(self, folder: Path, *, service: dict[str, Any], secrets: Path) -> None:
        super().__init__(folder)
        self._config = folder / "password.conf"
        base = mounted(service, "/etc/redis/redis.conf")
        text = (secrets / mounted(service, "/etc/redis/password.conf").name).read_text()
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(text.replace("/etc/redis/redis.conf", str(base)))

    def command(self) -> list[str]:
        program, *rest = super().command()
        return [program, str(self._config), *rest[: rest.index("--save")]]

    def answers(self) -> bool:
        return self.occupied()


class ConfiguredMosquitto(Mosquitto):
    """With the files that the service mounts."""

    def __init__(self, folder: Path, *, service: dict[str, Any], secrets: Path) -> None:
        super().__init__(folder)
        self._service, self._secrets = service, secrets

    def prepare(self) -> None:
        super().prepare()  # which says what is missing
        text = mounted(self._service, "/mosquitto/config/mosquitto.conf").read_text()
        passwords = self._secrets / mounted(self._service, "/mosquitto/config/passwords").name
        for there, here in {
            "listener 1883": f"listener {self.port} 127.0.0.1",
            "/mosquitto/config/passwords": str(passwords),
            "/mosquitto/config/acl": str(mounted(self._service, "/mosquitto/config/acl")),
            "/mosquitto/data/": f"{self.folder}/",
        }.items():
            assert there in text
            text = text.replace(there, here)
        (self.folder / "mosquitto.conf").write_text(text + ("user root\n" if os.geteuid() == 0 else ""))


@dataclass
class Composed:
    """What was started: its services by their names."""

    processes: dict[str, RoleProcess]
    bodies: dict[str, dict[str, Any]]
    settings: dict[str, str]
    mosquitto: Mosquitto

    def url(self, name: str) -> str:
        """Where a service serves."""
        (url,) = self.processes[name].urls.values()
        return url

    def wait_ready(self) -> None:
        """Start all at once and wait for each."""
        for process in self.processes.values():
            process.launch()
        for process in self.processes.values():
            process.wait_ready()


@pytest.fixture(scope="module")
def composed(kafka_server: Kafka, postgres_server: Postgres) -> Iterator[Composed]:
    """All services of Andon, two of some roles, on the engines' services."""
    found = services("compose.yaml", "compose.scaled.yaml", variables={"ANDON_DEMO": "true"})
    folder = Path(tempfile.mkdtemp(prefix="andon-compose-"))
    secrets = folder / "secrets"
    subprocess.run([sys.executable, str(FOLDER / "make_secrets.py"), str(secrets)], check=True, capture_output=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        database = stack.enter_context(postgres_server.database())
        live = stack.enter_context(start(ConfiguredRedis, folder / "redis", service=found["redis"], secrets=secrets))
        mosquitto = stack.enter_context(
            start(ConfiguredMosquitto, folder / "mosquitto", service=found["mosquitto"], secrets=secrets)
        )
        places = {
            "@postgres:5432/andon": f"@127.0.0.1:{postgres_server.port}/{urlsplit(database).path[1:]}",
            "@redis:6379/0": f"@127.0.0.1:{live.port}/0",
            "@mosquitto:1883": f"@127.0.0.1:{mosquitto.port}",
            "kafka://kafka:9092": f"{kafka_server.url}?prefix=compose{os.getpid()}.",
        }
        processes = {}
        settings: dict[str, str] = {}
        bodies = andon_services(found)
        for name, body in bodies.items():
            settings = environment(body, secrets)
            for setting, value in settings.items():
                for there, here in places.items():
                    value = value.replace(there, here)
                settings[setting] = value
            settings |= {"ANDON_HOST": "127.0.0.1", "ANDON_SIMULATOR_HEALTH_PORT": "0", "ANDON_DEMO_LOOMS": "2"}
            if "ANDON_ADVERTISE_HOST" in settings:
                settings["ANDON_ADVERTISE_HOST"] = "127.0.0.1"
            if name == "simulator":
                settings["ANDON_SIMULATOR_HEALTH_PORT"] = str(free_port())
            _, *roles = body["command"]
            process = RoleProcess(roles, folder / name, settings)
            stack.callback(_end, process)
            processes[name] = process
        made = Composed(processes, bodies, settings, mosquitto)
        made.wait_ready()
        yield made
        for process in processes.values():
            process.process.terminate()
        codes = {name: process.process.wait(40) for name, process in processes.items()}
        assert set(codes.values()) == {0}, codes


def _end(process: RoleProcess) -> None:
    if hasattr(process, "process") and process.process.poll() is None:
        process.kill()


def healthy(composed: Composed, name: str) -> bool:
    """Whether the service's own health check, where it serves here, ends with 0."""
    page = urlsplit(composed.bodies[name]["healthcheck"]["test"][-1]).path
    done = subprocess.run([sys.executable, str(HEALTHCHECK), composed.url(name) + page], check=False)
    return done.returncode == 0


def metrics(url: str) -> dict[str, float]:
    """What it tells Prometheus, by name and labels."""
    lines = httpx.get(f"{url}/metrics", timeout=20).raise_for_status().text.splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


def test_every_service_becomes_healthy_by_its_own_check(composed: Composed) -> None:
    for name in composed.bodies:
        eventually(lambda name=name: healthy(composed, name), within_s=60, what=f"health of {name}")  # type: ignore[misc]
        body = httpx.get(f"{composed.url(name)}/health", timeout=20).json()
        assert body["status"] in ("healthy", "degraded"), (name, body)
    eventually(
        lambda: httpx.get(f"{composed.url('api')}/health", timeout=20).json()["status"] == "healthy",
        within_s=60,
        what="the front door, which finds every role",
    )


def test_a_health_check_of_nobody_fails() -> None:
    checked = [sys.executable, str(HEALTHCHECK), f"http://127.0.0.1:{free_port()}/health"]
    assert subprocess.run(checked, check=False, capture_output=True).returncode == 1


def test_every_role_tells_its_state_and_its_work(composed: Composed) -> None:
    for name, body in composed.bodies.items():
        role = body["command"][1]
        if role == "simulator":
            eventually(
                lambda name=name: metrics(composed.url(name))["andon_simulator_published_total"] > 0,  # type: ignore[misc]
                what="what the simulator published",
            )
            continue
        told = metrics(composed.url(name))
        (state,) = (key for key in told if key.startswith(f'andon_role_state{{role="{role}"'))
        assert 'state="running"' in state or (role == "alerts" and 'state="standby"' in state)
    for role in FOLLOWERS:
        names = [name for name, body in composed.bodies.items() if body["command"][1] == role]

        def worked(role: str = role, names: list[str] = names) -> bool:
            """Together: of two alerts one stands by."""
            told = [metrics(composed.url(name)) for name in names]
            handled = sum(each.get(f'andon_consumer_samples_total{{role="{role}"}}', 0) for each in told)
            return handled > 0 and any(f'andon_consumer_lag_records{{role="{role}"}}' in each for each in told)

        eventually(worked, within_s=60, what=f"samples that {role} handled")
    taken = [metrics(composed.url(name))["andon_ingest_samples_total"] for name in ("ingest", "ingest-1")]
    assert all(taken), "both shards have devices"


def test_every_metric_that_a_role_serves_is_documented(composed: Composed) -> None:
    for name in composed.bodies:
        text = httpx.get(f"{composed.url(name)}/metrics", timeout=20).text
        served = set(re.findall(r"^# TYPE (andon_\w+) ", text, re.MULTILINE))
        served = {each for each in served if not each.endswith("_created")}
        assert served and all(f"| `{each}`" in METRICS for each in served), served


async def _connected(composed: Composed, username: str, password: str) -> Client:
    client = Client(f"device-{now_us()}", clean_session=True)
    client.set_auth_credentials(username, password)
    await client.connect("127.0.0.1", composed.mosquitto.port, version=MQTTv311, keepalive=20)
    return client


async def test_a_device_with_its_password_reaches_the_history_through_the_front_door(composed: Composed) -> None:
    login = {"username": "admin", "password": composed.settings["ANDON_ADMIN_PASSWORD"]}
    async with httpx.AsyncClient(base_url=f"{composed.url('api')}/api/v1", timeout=20) as front:
        answer = await front.post("/auth/login", json=login)
        front.headers["authorization"] = f"Bearer {answer.json()['data']['accessToken']}"
        access = (await front.get("/broker/credentials")).json()["data"]
        assert access["username"] == "device"
        body = {"deviceId": "oven-1", "type": "temperature", "location": "line", "unit": "celsius"}
        (await front.post("/devices", json=body)).raise_for_status()
        client = await _connected(composed, access["username"], access["password"])
        device = Device(client)
        sample = {"deviceId": "oven-1", "timestamp": now_us(), "sensorType": "temperature", "value": 75.25}
        device.send("factory-plus/devices/oven-1/data", sample)
        await device.acknowledged()
        await client.disconnect()
        async with asyncio.timeout(30):
            while True:
                found = (await front.get("/devices/oven-1/history")).json()["data"]["readings"]
                if [reading["value"] for reading in found] == [75.25]:
                    break
                await asyncio.sleep(0.1)


async def test_a_stranger_is_refused_by_the_broker(composed: Composed) -> None:
    for username, password in (("device", "guessed"), ("stranger", "")):
        with pytest.raises(MQTTConnectError):
            await _connected(composed, username, password)


def test_redis_wants_its_password(composed: Composed) -> None:
    url = urlsplit(composed.settings["ANDON_REDIS_URL"])
    with redis.Redis(port=url.port or 0) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
