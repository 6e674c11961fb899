"""`andon up` as an administrator meets it: start, stop, restart, and what it says when it cannot."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from andon.app.topology import ALL_ROLES
from andon.kit.clock import now_us
from support.mqtt import device_of
from support.running import PASSWORD, RunningAndon, eventually

pytestmark = pytest.mark.topology
shared = pytest.mark.xdist_group("up")
ANDON = str(Path(sys.executable).with_name("andon"))
FOLLOWERS = ("historian", "processing", "alerts", "realtime")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAndon]:
    """A demo plant for tests that leave it as well as they found it; they are `shared`."""
    with RunningAndon(tmp_path_factory.mktemp("up") / "data", "--demo", "--looms", "1") as andon:
        yield andon


def refused(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Standard error of an `andon up` that cannot start; it must be one line, with exit code 2."""
    done = subprocess.run(
        [ANDON, "up", *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=100,  # only for a test that fails: a loaded machine takes its time
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_a_taken_port_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", str(port), "--mqtt-port", "0", "--data-dir", str(tmp_path / "data"))
    assert str(port) in said and "--port" in said
    assert not (tmp_path / "data").exists()


def test_a_taken_mqtt_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("--port", "0", "--mqtt-port", str(taken.getsockname()[1]), "--data-dir", str(tmp_path / "data"))
    assert "--mqtt-port" in said


@shared
def test_a_data_folder_in_use_is_one_clear_line(demo: RunningAndon) -> None:
    said = refused("--port", "0", "--mqtt-port", "0", "--data-dir", str(demo.data_dir))
    assert str(demo.process.pid) in said


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path) -> None:
    said = refused("--data-dir", str(tmp_path), environment={"ANDON_MAX_AHEAD_S": "soon"})
    assert "ANDON_MAX_AHEAD_S" in said


def test_a_weak_admin_password_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    said = refused("--data-dir", str(tmp_path / "data"), environment={"ANDON_ADMIN_PASSWORD": "abc"})
    assert "ANDON_ADMIN_PASSWORD" in said
    assert not (tmp_path / "data").exists()


def test_a_start_that_fails_does_not_use_up_the_password_that_is_shown_once(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("where the broker's folder belongs")
    refused(*("--port", "0", "--mqtt-port", "0", "--data-dir", str(tmp_path)), environment={"ANDON_ADMIN_PASSWORD": ""})
    (tmp_path / "broker").unlink()
    with RunningAndon(tmp_path, environment={"ANDON_ADMIN_PASSWORD": ""}) as andon:
        assert any("generated, shown only now" in line for line in andon.output)


@shared
def test_what_is_stored_is_for_its_owner_only(demo: RunningAndon) -> None:
    def open_to_others(path: Path) -> bool:
        try:
            return bool(path.stat().st_mode & 0o007)
        except FileNotFoundError:  # it was there for a moment only
            return False

    found = [demo.data_dir, *demo.data_dir.rglob("*")]
    assert len(found) > 5
    assert not [path for path in found if open_to_others(path)]


@shared
def test_a_server_that_is_busy_for_a_moment_cuts_off_no_request_on_an_idle_connection(demo: RunningAndon) -> None:
    with contextlib.closing(HTTPConnection(urlsplit(demo.url).netloc)) as connection:
        connection.request("GET", "/health")
        assert connection.getresponse().read()
        time.sleep(4.5)  # just below the 5 s after which many clients close idle connections themselves
        demo.process.send_signal(signal.SIGSTOP)
        try:
            eventually(lambda: psutil.Process(demo.process.pid).status() == psutil.STATUS_STOPPED, what="the pause")
            connection.request("GET", "/health")
            time.sleep(1)
        finally:
            demo.process.send_signal(signal.SIGCONT)
        assert connection.getresponse().status == 200


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_within_five_seconds_and_leaves_no_process(tmp_path: Path, sign: signal.Signals) -> None:
    with RunningAndon(tmp_path, "--demo", "--looms", "2") as andon:
        children = psutil.Process(andon.process.pid).children(recursive=True)
        assert len(children) >= 2, "the broker and the simulator are children"
        started = time.monotonic()
        andon.process.send_signal(sign)
        assert andon.process.wait(10) == 0
        assert time.monotonic() - started < 5
        _, alive = psutil.wait_procs(children, timeout=1)
        assert not alive


def test_a_killed_server_takes_its_children_with_it(tmp_path: Path) -> None:
    with RunningAndon(tmp_path, "--demo", "--looms", "2") as andon:
        children = psutil.Process(andon.process.pid).children(recursive=True)
        andon.kill()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive


@shared
def test_a_broker_that_dies_is_restarted_and_it_is_shown(demo: RunningAndon) -> None:
    with demo.client() as client:
        server = psutil.Process(demo.process.pid)
        broker = next(child for child in server.children(recursive=True) if "nats" in child.name())
        broker.kill()

        def restarted() -> bool:
            roles = client.get("/api/v1/metrics/system").json()["data"]["roles"]
            role = next(role for role in roles if role["name"] == "broker")
            return bool(role["restarts"] >= 1 and role["state"] == "running")

        eventually(restarted, what="the broker's restart on the system page")
        before = client.get("/api/v1/devices/device-003").json()["data"]["lastReading"]

        def flowing() -> bool:
            now = client.get("/api/v1/devices/device-003").json()["data"]["lastReading"]
            return bool(now and now != before and now["quality"] == "good")

        eventually(flowing, within_s=30, what="a new value after the broker's restart")


async def test_data_survives_a_restart(tmp_path: Path) -> None:
    body = {"deviceId": "oven-1", "type": "temperature", "location": "line", "unit": "celsius"}
    at = now_us()
    with RunningAndon(tmp_path) as andon, andon.client() as client:
        client.post("/api/v1/devices", json=body).raise_for_status()
        samples = {"samples": [{"timestamp": at, "value": 75.25}]}
        client.post("/api/v1/devices/oven-1/samples", json=samples).raise_for_status()
        assert andon.stop() == 0
    with RunningAndon(tmp_path) as andon, andon.client() as client:
        assert client.get("/api/v1/devices/oven-1/current").json()["data"]["value"] == 75.25

        def stored() -> bool:
            readings = client.get("/api/v1/devices/oven-1/history").json()["data"]["readings"]
            return [reading["value"] for reading in readings] == [75.25]

        eventually(stored, what="the sample in the history")


@shared
async def test_an_unannounced_device_is_discovered_and_adopted(demo: RunningAndon) -> None:
    with demo.client() as client:
        async with device_of(demo) as device:
            for index in range(5):
                body = {
                    "deviceId": "pump-9",
                    "timestamp": now_us(),
                    "sensorType": "flow",
                    "value": index,
                    "unit": "l/min",
                }
                device.send("factory-plus/devices/pump-9/data", body)
            await device.acknowledged()

        def seen() -> dict[str, Any] | None:
            found = client.get("/api/v1/devices/discovered").json()["data"]["discovered"]
            return next((each for each in found if each["signals"][0]["count"] == 5), None)

        pump = eventually(seen, what="all samples of the stranger, which the broker has taken")
        assert pump["deviceId"] == "pump-9"
        answer = client.post(f"/api/v1/devices/discovered/{pump['key']}/adopt", json={"name": "Coolant pump"})
        assert answer.status_code == 201, answer.text

        def kept() -> bool:
            readings = client.get("/api/v1/devices/pump-9/history").json()["data"]["readings"]
            return len(readings) == 5

        eventually(kept, what="the samples from before the adoption")
        assert client.get("/api/v1/devices/pump-9").json()["data"]["name"] == "Coolant pump"


def test_the_generated_password_is_shown_once_and_works(tmp_path: Path) -> None:
    with RunningAndon(tmp_path, environment={"ANDON_ADMIN_PASSWORD": ""}) as andon:
        shown = next(line for line in andon.output if "Sign in" in line)
        password = shown.split(" / ")[1].split()[0]
        with andon.client(password=password) as client:
            assert client.get("/api/v1/auth/me").json()["data"]["username"] == "admin"
        assert andon.stop() == 0
    with RunningAndon(tmp_path) as andon:
        assert not any(password in line for line in andon.output)
        answer = httpx.post(f"{andon.url}/api/v1/auth/login", json={"username": "admin", "password": PASSWORD})
        assert answer.status_code == 401


@shared
def test_everything_listens_on_the_loopback_only(demo: RunningAndon) -> None:
    server = psutil.Process(demo.process.pid)
    for process in [server, *server.children(recursive=True)]:
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip in ("127.0.0.1", "::1"), (process.name(), connection.laddr)


@shared
def test_one_process_tells_prometheus_of_all_its_roles(demo: RunningAndon) -> None:
    def told() -> dict[str, float]:
        lines = httpx.get(f"{demo.url}/metrics", timeout=20).raise_for_status().text.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}

    running = {f'andon_role_state{{role="{role}",state="running"}}' for role in ALL_ROLES}
    assert running <= set(told())
    following = [f'andon_consumer_samples_total{{role="{role}"}}' for role in FOLLOWERS]
    eventually(lambda: all(told().get(name, 0) > 0 for name in following), what="samples that each role handled")
    found = told()
    assert all(f'andon_consumer_lag_records{{role="{role}"}}' in found for role in FOLLOWERS)
    assert found["andon_broker_clients"] > 0 and found["andon_ingest_samples_total"] > 0


@shared
def test_the_broker_refuses_strangers(demo: RunningAndon) -> None:
    connect = bytes.fromhex("100f00044d5154540402003c0003657665")
    with socket.create_connection(("127.0.0.1", demo.mqtt_port), timeout=5) as stranger:
        stranger.sendall(connect)
        answer = stranger.recv(4)
    assert answer == b"" or answer[3] != 0


def test_password_can_be_reset_on_the_command_line(tmp_path: Path) -> None:
    with RunningAndon(tmp_path) as andon:
        command = [ANDON, "user", "set-password", "admin", "--data-dir", str(tmp_path)]
        subprocess.run(command, input="a new long password\n", text=True, check=True, capture_output=True)
        with andon.client(password="a new long password") as client:
            assert client.get("/api/v1/auth/me").status_code == 200
