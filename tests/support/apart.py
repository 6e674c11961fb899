"""A plant whose roles run apart: `andon run …` processes on real engines. Stands where `RunningAndon` does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from support.engines import start
from support.running import PASSWORD, eventually
from support.servers import Kafka, Mosquitto, Postgres, Redis

START_S = 90
ROLES: tuple[tuple[str, ...], ...] = tuple(
    (role,) for role in ("historian", "processing", "alerts", "ingest", "realtime", "api")
)
"""What runs in each process."""
WITH_FILES: tuple[tuple[str, ...], ...] = (("historian", "processing"), *ROLES[2:])
"""The same, where history is in the historian's own files."""


@dataclass(frozen=True)
class Engines:
    """Engines that the roles share, as settings of Andon."""

    settings: Mapping[str, str]
    mosquitto: Mosquitto

    def __add__(self, more: Mapping[str, str]) -> Engines:
        return Engines({**self.settings, **more}, self.mosquitto)


@contextmanager
def engines(kafka: Kafka, postgres: Postgres, redis: Redis) -> Iterator[Engines]:
    """A clean place on each of the engines, and a Mosquitto of one's own."""
    place = uuid.uuid4().hex[:8]
    with postgres.database() as database, start(Mosquitto) as mosquitto:
        yield Engines(
            {
                "ANDON_LOG_URL": f"{kafka.url}?prefix={place}.",
                "ANDON_DATABASE_URL": database,
                "ANDON_HISTORIAN": "postgres",
                "ANDON_REDIS_URL": redis.url,
                "ANDON_MQTT_URL": mosquitto.url,
            },
            mosquitto,
        )


class RoleProcess:
    """One `andon run ROLE…`."""

    def __init__(self, roles: Sequence[str], data_dir: Path, environment: Mapping[str, str]) -> None:
        self.roles = tuple(roles)
        self.output: list[str] = []
        self.urls: dict[str, str] = {}
        self._data_dir = data_dir
        self._environment = environment
        self._ready = threading.Event()
        self.process: subprocess.Popen[str]

    def launch(self) -> RoleProcess:
        """Start it; `wait_ready` says when it serves."""
        ports = {f"ANDON_{role.upper()}_PORT": "0" for role in self.roles}
        environment = {
            **os.environ,
            "ANDON_ADMIN_PASSWORD": PASSWORD,
            "ANDON_SIMULATOR_HEALTH_PORT": "0",
            "ANDON_RATE_LIMIT_PER_MINUTE": "0",
            "PYTHONDONTWRITEBYTECODE": "",
            **ports,
            **self._environment,
        }
        self._ready.clear()
        program = str(Path(sys.executable).with_name("andon"))
        self.process = subprocess.Popen(
            [program, "run", *self.roles, "--data-dir", str(self._data_dir)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def wait_ready(self) -> None:
        """Until it serves. AssertionError with what it said when it does not."""
        if not self._ready.wait(START_S) or self.process.poll() is not None:
            self.kill()
            raise AssertionError(f"andon run {' '.join(self.roles)} did not start:\n" + "".join(self.output[-60:]))
        self._keep_ports()

    def _keep_ports(self) -> None:
        """After a restart it is where it was, as with the ports of a real installation."""
        ports = {f"ANDON_{role.upper()}_PORT": url.rsplit(":", 1)[1] for role, url in self.urls.items()}
        self._environment = {**self._environment, **ports}

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            words = line.split()
            if line.startswith("  Andon ") and len(words) == 3:
                self.urls[words[1]] = words[2]
            if "Ctrl-C" in line:
                self._ready.set()
        self._ready.set()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, within_s: float = 30) -> int:
        """Ask it to end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def restart(self) -> None:
        """Start it again after it ended."""
        self.launch().wait_ready()


class ApartAndon:
    """All roles of a plant in processes of their own. Use it as a context manager."""

    def __init__(
        self, folder: Path, engines: Engines, processes: Iterable[Sequence[str]] = ROLES, **environment: str
    ) -> None:
        self.data_dir = folder
        self.engines = engines
        settings = {**engines.settings, **environment}
        self.processes = [
            RoleProcess(roles, folder / f"{number}-{'-'.join(roles)}", settings)
            for number, roles in enumerate(processes)
        ]

    def of(self, role: str) -> RoleProcess:
        """The process that runs a role."""
        return next(each for each in self.processes if role in each.roles)

    @property
    def url(self) -> str:
        """The front door."""
        return self.of("api").urls["api"]

    @property
    def mqtt_port(self) -> int:
        """Where devices publish."""
        return self.engines.mosquitto.port

    def add(self, roles: Sequence[str], **environment: str) -> RoleProcess:
        """One more process; it is ready when this returns."""
        (process,) = self.add_all(roles, **environment)
        return process

    def add_all(self, *processes: Sequence[str], **environment: str) -> list[RoleProcess]:
        """More processes; they are ready when this returns."""
        settings = {**self.engines.settings, **environment}
        added = []
        for roles in processes:
            process = RoleProcess(roles, self.data_dir / f"{len(self.processes)}-{'-'.join(roles)}", settings)
            self.processes.append(process)
            added.append(process.launch())
        for process in added:
            process.wait_ready()
        return added

    def health(self) -> str:
        """What the front door says of the plant."""
        return str(httpx.get(f"{self.url}/health", timeout=20).json()["status"])

    def client(self, username: str = "admin", password: str = PASSWORD) -> httpx.Client:
        """An HTTP client of the front door that is signed in."""
        login = {"username": username, "password": password}
        answer = httpx.post(f"{self.url}/api/v1/auth/login", json=login, timeout=20)
        assert answer.status_code == 200, answer.text
        token = answer.json()["data"]["accessToken"]
        return httpx.Client(base_url=self.url, timeout=20, headers={"authorization": f"Bearer {token}"})

    def device_credentials(self) -> dict[str, Any]:
        """This broker lets everybody in."""
        return {"host": "127.0.0.1", "port": self.mqtt_port, "username": "device", "password": "any"}

    def start(self) -> ApartAndon:
        """Start all that do not run, together, and wait until the front door finds every role."""
        fresh = [each for each in self.processes if not hasattr(each, "process") or each.process.poll() is not None]
        for process in fresh:
            process.launch()
        for process in fresh:
            process.wait_ready()
        eventually(lambda: self.health() == "healthy", within_s=60, what="health")
        return self

    def stop(self) -> list[int]:
        """Ask all to end; their exit codes."""
        for process in self.processes:
            if process.process.poll() is None:
                process.process.send_signal(signal.SIGTERM)
        return [process.process.wait(30) for process in self.processes]

    def kill(self) -> None:
        """End all at once."""
        for process in self.processes:
            process.kill()

    def __enter__(self) -> ApartAndon:
        with ExitStack() as undo:
            undo.callback(self._end)
            self.start()
            undo.pop_all()
        return self

    def _end(self) -> None:
        for process in self.processes:
            if hasattr(process, "process") and process.process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.stop()
                    continue
                process.kill()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is not None:
            for process in self.processes:
                said = "".join(line for line in process.output[-40:])
                sys.stderr.write(f"--- andon run {' '.join(process.roles)}\n{said}\n")
