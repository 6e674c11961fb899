"""The embedded MQTT broker: nats-server as a child process that is watched and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

from andon.engines.broker import child, probe
from andon.engines.broker.address import BrokerAddress
from andon.engines.broker.config import BrokerConfig, render
from andon.engines.broker.credentials import SERVER, Credentials, write_private
from andon.engines.broker.monitor import BrokerStats, monitor_port, read_stats
from andon.engines.broker.ports import free_port
from andon.kit.errors import StartError
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

State = Literal["running", "restarting", "stopped"]

LOOPBACK, ANYWHERE = "127.0.0.1", ("0.0.0.0", "::")  # noqa: S104
_PROBE_EVERY_S = 0.02
_FIRST_BACKOFF_S, _MAX_BACKOFF_S = 0.1, 10.0
_STEADY_S = 60.0  # a child that lived this long starts the backoff from the beginning


class EmbeddedBroker:
    """`start()` returns when clients can connect; from then on a dead child is replaced until `stop()`.

    A port that is left to it (0) is chosen once, so that clients find the broker again after a restart.
    """

    def __init__(self, config: BrokerConfig, credentials: Credentials | None = None) -> None:
        self.config = config if config.port else replace(config, port=free_port(config.host))
        self.credentials = credentials or Credentials.load_or_create(config.data_dir)
        self.restarts = 0
        self._running = asyncio.Event()
        self._state: State = "stopped"
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """How the child is doing."""
        return self._state

    def _become(self, state: State) -> None:
        self._state = state
        if state == "running":
            self._running.set()
        else:
            self._running.clear()

    async def wait_running(self) -> None:
        """Until clients can connect."""
        await self._running.wait()

    @property
    def port(self) -> int:
        """Where MQTT clients connect."""
        return self.config.port

    @property
    def address(self) -> BrokerAddress:
        """Where this machine finds it, and the server's user there."""
        host = LOOPBACK if self.config.host in ANYWHERE else self.config.host
        return BrokerAddress(host, self.port, SERVER, self.credentials.password(SERVER))

    @property
    def pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    async def start(self) -> None:
        """Start the child and wait until it accepts an MQTT connection. StartError says why it does not."""
        try:
            self.config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(self._config_file, render(self.config, self.credentials))
            await self._launch()
        except OSError as error:
            raise StartError(
                f"the MQTT broker cannot use its folder {self.config.folder} ({error.strerror or error})",
                field="data_dir",
                cure="make it writable, or choose another folder with --data-dir",
            ) from error
        self._watcher = asyncio.create_task(self._watch(), name="broker watcher")

    async def stop(self) -> None:
        """Stop the child: asked first, killed when it does not go."""
        if self._watcher is not None:
            await end_tasks(self._watcher)
            self._watcher = None
        if self._process is not None:
            await child.end(self._process, self.config.stop_timeout_s)
        self._become("stopped")

    async def stats(self) -> BrokerStats | None:
        """Rates and clients, or None while the broker is away."""
        port = None if self.pid is None else monitor_port(self.config.folder, self.pid)
        return None if port is None else await read_stats(port)

    @property
    def _config_file(self) -> Path:
        return self.config.folder / "nats-server.conf"

    @property
    def _errors_file(self) -> Path:
        return self.config.folder / "nats-server.err"

    async def _launch(self) -> None:
        for stale in self.config.folder.glob("nats-server_*.ports"):
            stale.unlink(missing_ok=True)
        with self._errors_file.open("wb") as errors:
            self._process = await child.spawn(self._config_file, errors, self.config.environment)
        try:
            await self._wait_ready(self._process)
        except BaseException:
            await child.end(self._process, self.config.stop_timeout_s)
            raise
        self._become("running")

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = time.monotonic() + self.config.start_timeout_s
        here = self.address
        while not await probe.accepts(here.host, here.port, here.username, here.password):
            if process.returncode is not None:
                raise self._failure(f"ended at once with code {process.returncode}")
            if time.monotonic() > deadline:
                raise self._failure(f"did not accept a connection within {self.config.start_timeout_s:g} s")
            await asyncio.sleep(_PROBE_EVERY_S)

    def _failure(self, what: str) -> StartError:
        return StartError(
            f"the MQTT broker {what}: {self._last_words()}",
            field="mqtt_port",
            cure=f"see {self.config.folder / 'nats-server.log'}",
        )

    def _last_words(self) -> str:
        for path in (self._errors_file, self.config.folder / "nats-server.log"):
            with contextlib.suppress(OSError):
                lines = path.read_text("utf-8", "replace").strip().splitlines()
                if lines:
                    return lines[-1][:300]
        return "it said nothing"

    async def _watch(self) -> None:
        backoff = _FIRST_BACKOFF_S
        while True:
            assert self._process is not None
            began = time.monotonic()
            code = await self._process.wait()
            self._become("restarting")
            self.restarts += 1
            if time.monotonic() - began > _STEADY_S:
                backoff = _FIRST_BACKOFF_S
            logger.warning("MQTT broker died, starting it again", extra={"code": code, "restarts": self.restarts})
            backoff = await self._relaunch(backoff)
            logger.info("MQTT broker is back", extra={"restarts": self.restarts})

    async def _relaunch(self, backoff: float) -> float:
        while True:
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _MAX_BACKOFF_S)
            try:
                await self._launch()
            except (StartError, OSError) as error:
                logger.error("MQTT broker does not start", extra={"reason": str(error)})
            else:
                return backoff
