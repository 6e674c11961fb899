"""Broker and simulator in processes of their own say how they are."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from andon.engines.broker.ports import free_port
from support.apart import RoleProcess
from support.running import eventually

pytestmark = pytest.mark.topology


def metric(url: str, name: str) -> float:
    """The value of a metric; 0 while it is absent."""
    lines = httpx.get(f"{url}/metrics", timeout=10).raise_for_status().text.splitlines()
    return float(next((line.rsplit(" ", 1)[1] for line in lines if line.split(" ")[0] == name), "0"))


def test_broker_and_simulator_tell_their_health_and_their_figures(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("MQTT_PORT", "BROKER_HEALTH_PORT", "SIMULATOR_HEALTH_PORT")}
    environment = {f"ANDON_{name}": str(port) for name, port in ports.items()}
    machines = RoleProcess(["broker", "simulator"], tmp_path, {**environment, "ANDON_DEMO_LOOMS": "2"}).launch()
    try:
        machines.wait_ready()
        broker = f"http://127.0.0.1:{ports['BROKER_HEALTH_PORT']}"
        simulator = f"http://127.0.0.1:{ports['SIMULATOR_HEALTH_PORT']}"
        assert httpx.get(f"{broker}/health", timeout=10).json()["status"] == "healthy"
        eventually(lambda: metric(broker, "andon_broker_messages_in_total") > 0, what="messages at the broker")
        assert metric(broker, "andon_broker_clients") > 0
        assert metric(broker, 'andon_role_state{role="broker",state="running"}') == 1

        def healthy() -> bool:
            return bool(httpx.get(f"{simulator}/health", timeout=10).json()["status"] == "healthy")

        eventually(healthy, what="all machines at the broker")
        assert metric(simulator, "andon_simulator_published_total") > 0
        assert metric(simulator, "andon_simulator_connected") == metric(simulator, "andon_simulator_connections") > 0
        assert machines.stop() == 0
    finally:
        if machines.process.poll() is None:
            machines.kill()


def test_a_taken_health_port_of_the_broker_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = {"ANDON_MQTT_PORT": "0", "ANDON_BROKER_HEALTH_PORT": port}
        broker = RoleProcess(["broker"], tmp_path, settings).launch()
        assert broker.process.wait(30) == 2
        said = eventually(lambda: "".join(broker.output), what="what is wrong")
        assert port in said and "ANDON_BROKER_HEALTH_PORT" in said
