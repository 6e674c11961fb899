"""Starts Andon as a user does, in its own process and data folder, and talks to it over the network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

PASSWORD = "correct horse battery staple"
START_TIMEOUT_S = 40

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, within_s: float = 20, what: str = "the condition") -> T:
    """The first truthy answer of `probe`; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within_s:g} s; last: {found!r}")
        time.sleep(0.05)


class RunningAndon:
    """A real `andon up`. Use it as a context manager; leaving it stops the process and checks that none is left."""

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        program: Path | None = None,
    ) -> None:
        self._program = program or Path(sys.executable).with_name("andon")
        self.data_dir = data_dir
        self._arguments = arguments
        self._environment = environment or {}
        self.output: list[str] = []
        self.process: subprocess.Popen[str]
        self.url = ""
        self.mqtt_port = 0

    def start(self) -> RunningAndon:
        """Start it and wait until it says where it listens."""
        environment = {
            **os.environ,
            "ANDON_ADMIN_PASSWORD": PASSWORD,
            "ANDON_SIMULATOR_HEALTH_PORT": "0",
            "ANDON_RATE_LIMIT_PER_MINUTE": "0",
            "PYTHONDONTWRITEBYTECODE": "",  # as users have it; compiling everything at each start takes seconds
            **self._environment,
        }
        command = [str(self._program), "up", "--port", "0", "--mqtt-port", "0"]
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir), *self._arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        if not self._ready.wait(START_TIMEOUT_S) or not self.url:
            self.kill()
            raise AssertionError("Andon did not start:\n" + "".join(self.output[-60:]))
        return self

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if "Andon is running" in line:
                self.url = line.split()[-1]
            if "MQTT broker  " in line:
                self.mqtt_port = int(line.split()[2].rsplit(":", 1)[1])
            if "Ctrl-C" in line:
                self._ready.set()
        self._ready.set()

    def client(self, username: str = "admin", password: str = PASSWORD) -> httpx.Client:
        """An HTTP client that is signed in."""
        login = {"username": username, "password": password}
        answer = httpx.post(f"{self.url}/api/v1/auth/login", json=login, timeout=20)
        assert answer.status_code == 200, answer.text
        token = answer.json()["data"]["accessToken"]
        return httpx.Client(base_url=self.url, timeout=20, headers={"authorization": f"Bearer {token}"})

    def device_credentials(self) -> dict[str, Any]:
        """Host, port, user and password of the device user."""
        with self.client() as client:
            found: dict[str, Any] = client.get("/api/v1/broker/credentials").json()["data"]
            return found

    def kill(self) -> None:
        """End the server at once, as a crash would (its children end with it)."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def __enter__(self) -> RunningAndon:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
