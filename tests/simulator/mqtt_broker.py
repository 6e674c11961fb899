"""A real MQTT broker on the loopback that a test may stop and start again, and an observer."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from andon.engines.broker.ports import free_port
from andon.simulator.config import BrokerConfig

USER, PASSWORD = "tester", "tester's password"
PATIENCE_S = 20.0


class Broker:
    """`nats-server` as MQTT broker; stopping it keeps its port and its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._config = folder / "broker.conf"
        self._config.write_text(
            f'server_name: test\nhost: "127.0.0.1"\nport: {free_port()}\n'
            f'jetstream {{ store_dir: "{folder / "store"}" }}\n'
            f'mqtt {{ host: "127.0.0.1", port: {self.port} }}\n'
            f'authorization {{ users: [{{ user: {USER}, password: "{PASSWORD}" }}] }}\n'
        )

    @property
    def config(self) -> BrokerConfig:
        return BrokerConfig(port=self.port, username=USER, password=PASSWORD, retry_max_s=0.3)

    async def start(self) -> None:
        program = Path(sys.executable).parent / "nats-server"
        found = str(program) if program.exists() else shutil.which("nats-server")
        assert found, "nats-server is part of the installation"
        self._spawn(found)
        await eventually(self._answers)

    def _spawn(self, program: str) -> None:
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config)], stdout=log, stderr=log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Seen(NamedTuple):
    topic: str
    payload: bytes
    retain: bool


class Observer:
    """Everything that reaches a subscriber, in order."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def of(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.seen if message.topic == topic]

    def on_message(self, client: Any, topic: str, payload: bytes, qos: int, properties: dict[str, Any]) -> int:
        self.seen.append(Seen(topic, bytes(payload), bool(properties["retain"])))
        return 0


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for something that must happen; the limit is only for a test that fails."""

    async def wait() -> None:
        while not condition():  # noqa: ASYNC110  what happens in another process sets no event
            await asyncio.sleep(0.02)

    await asyncio.wait_for(wait(), PATIENCE_S)
